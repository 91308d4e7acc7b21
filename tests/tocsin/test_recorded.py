"""Recorded requests: files with what was received, and the samples that ship, moved to the present."""

import json
from pathlib import Path

import pytest

from schemas.time import from_rfc3339
from tocsin.recorded import recorded, shipped

NOW = 1_795_248_000_000_000


def test_a_file_alone_is_posted_to_the_path_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "alert.json").write_bytes(b"{}")
    found = recorded(tmp_path / "alert.json", default_path="/in/generic")
    assert (found.method, found.path, dict(found.headers), found.body) == ("POST", "/in/generic", {}, b"{}")


def test_a_meta_file_beside_it_gives_method_path_and_headers(tmp_path: Path) -> None:
    (tmp_path / "alert.json").write_bytes(b"{}")
    meta = {"method": "PUT", "path": "/api/1/store/?a=1", "headers": [["Content-Encoding", "gzip"]]}
    (tmp_path / "alert.meta.json").write_text(json.dumps(meta))
    found = recorded(tmp_path / "alert.json", default_path="/")
    assert (found.method, found.path, dict(found.headers)) == ("PUT", "/api/1/store/?a=1", {"content-encoding": "gzip"})


@pytest.mark.parametrize("meta", ["{oops", "[]", '{"headers": [1]}', '{"headers": 7}'])
def test_a_meta_file_of_another_shape_is_said_with_the_right_one(tmp_path: Path, meta: str) -> None:
    (tmp_path / "alert.json").write_bytes(b"{}")
    (tmp_path / "alert.meta.json").write_text(meta)
    with pytest.raises(ValueError, match=r"alert\.meta\.json: expected .*headers"):
        recorded(tmp_path / "alert.json", default_path="/")


def test_the_samples_happen_now_in_their_order_and_at_their_distances() -> None:
    def moments(now: int) -> list[int]:
        return [from_rfc3339(found) for each in shipped(now) for found in _stamps(each.body)]

    at, later = moments(NOW), moments(NOW + 3_600_000_000)
    assert max(at) == NOW and [b - a for a, b in zip(at, later, strict=True)] == [3_600_000_000] * len(at)
    assert [each.name for each in shipped(NOW)] == sorted(each.name for each in shipped(NOW))
    assert all(each.path != "/" for each in shipped(NOW)), "each says where it is sent"


def _stamps(body: bytes) -> list[str]:
    import re

    return re.findall(r"20\d\d-\d\d-\d\dT[\d:.]+Z", body.decode())
