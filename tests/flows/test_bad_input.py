"""Bad input meets a clear answer in the sender's own form; the good part of it is kept, and nothing else is lost."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from schemas import Signal
from tests.support.program import Here, program

KEY = "0123456789abcdef0123456789abcdef"
CONFIG = {"connectors": {"sentry": {"projects": {"4": {"keys": [KEY], "service": "checkout"}}}}}
AUTH = {"x-sentry-auth": f"Sentry sentry_version=7, sentry_key={KEY}", "content-type": "application/x-sentry-envelope"}
ERROR = {"title": "Checkout fails", "severity": "error", "type": "error", "service": "checkout", "id": "evt-1"}
EVENT = {
    "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
    "platform": "python",
    "level": "error",
    "exception": {"values": [{"type": "ValueError", "value": "over limit"}]},
}


def envelope(*items: tuple[str, bytes]) -> bytes:
    """An envelope of items: type and payload."""
    parts = [json.dumps({"event_id": EVENT["event_id"]}).encode()]
    for kind, payload in items:
        parts += [json.dumps({"type": kind, "length": len(payload)}).encode(), payload]
    return b"\n".join(parts) + b"\n"


async def goes_on(here: Here) -> None:
    """A good signal sent afterwards is decided."""
    assert (await here.http.post("/in/generic", json={**ERROR, "id": "afterwards"})).is_success
    await here.until("incident.opened")


def test_of_an_envelope_the_good_item_is_decided_and_the_broken_one_quarantined(tmp_path: Path) -> None:
    async def main() -> None:
        async with program(tmp_path, CONFIG) as here:
            body = envelope(("event", b'{"event_id": "1", "exception": '), ("event", json.dumps(EVENT).encode()))
            answer = await here.http.post("/api/4/envelope/", content=body, headers=AUTH)
            assert answer.status_code == 200, answer.text
            (opened,) = await here.until("incident.opened")
            (quarantined,) = await here.until("signal.quarantined")
            assert "ValueError: over limit" in opened.because
            assert quarantined.data["source"] == "sentry" and quarantined.data["reason"] in quarantined.because
            again = await here.http.post("/api/4/envelope/", content=body, headers=AUTH)
            assert again.status_code == 200
            await here.settle()
            assert len(await here.decisions("signal.quarantined")) == 1, "the same poison is one quarantine"
            assert len(await here.decisions("incident.opened")) == 1
            assert await here.metric("tocsin_ingest_quarantined_total", source="sentry") >= 1

    asyncio.run(main())


BOMB = gzip.compress(b" " * 200_000_000)
GZIP = {"content-encoding": "gzip"}
REFUSED: list[tuple[str, str, str, dict[str, Any], int, str]] = [
    ("an unknown connector", "POST", "/in/nobody", {"json": ERROR}, 404, "nothing is at /in/nobody"),
    ("an unknown instance", "POST", "/in/generic/nobody", {"json": ERROR}, 404, "did you mean /in/generic"),
    ("no json", "POST", "/in/generic", {"content": b"{oops"}, 400, "not JSON"),
    ("gzip cut short", "POST", "/in/generic", {"content": gzip.compress(b"{}" * 99)[:-9], "headers": GZIP}, 400, "ends before"),
    ("an unknown coding", "POST", "/in/generic", {"json": ERROR, "headers": {"content-encoding": "compress"}}, 415, "send one of gzip"),
    ("a bomb", "POST", "/in/generic", {"content": BOMB, "headers": GZIP}, 413, "larger than 20971520 bytes decompressed"),
    ("a wrong method", "DELETE", "/in/generic", {}, 405, ""),
    ("an unknown project", "POST", "/api/9/envelope/", {"content": envelope(), "headers": AUTH | {"origin": "https://shop.example"}}, 403, "project 9"),
    ("no alert at all", "POST", "/api/v2/alerts", {"content": b'"x"'}, 400, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "method", "path", "asked", "status", "says"), REFUSED, ids=[each[0] for each in REFUSED]
)
def test_what_cannot_be_taken_is_refused_with_a_reason_and_work_goes_on(
    tmp_path: Path, what: str, method: str, path: str, asked: dict[str, Any], status: int, says: str
) -> None:
    async def main() -> None:
        strict = {"connectors": {"sentry": {**CONFIG["connectors"]["sentry"], "accept_unknown_projects": False}}}
        async with program(tmp_path, strict) as here:
            answer = await here.http.request(method, path, **asked)
            assert answer.status_code == status, answer.text
            assert says in answer.text
            assert [each for each in await here.inputs() if isinstance(each, Signal)] == []
            await goes_on(here)

    asyncio.run(main())


def test_of_a_batch_of_alerts_the_broken_one_is_quarantined_and_the_others_are_decided(tmp_path: Path) -> None:
    good = {"labels": {"alertname": "Down", "severity": "critical"}, "annotations": {"summary": "it is down"}}

    async def main() -> None:
        async with program(tmp_path, CONFIG) as here:
            answer = await here.http.post("/api/v2/alerts", json=[good, {"labels": 7}, "nonsense"])
            assert answer.status_code == 200, answer.text
            (opened,) = await here.until("incident.opened")
            assert "it is down" in opened.because
            quarantined = await here.until("signal.quarantined", count=2)
            assert {each.data["source"] for each in quarantined} == {"alertmanager"}

    asyncio.run(main())
