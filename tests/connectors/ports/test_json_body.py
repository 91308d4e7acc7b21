"""A body that is let in can be stored and read back."""

import pytest

from connectors.ports.json_body import DEEPEST, read_json, too_deep
from connectors.ports.source import Refused
from schemas import Signal


def nested(depth: int) -> bytes:
    """That many arrays and objects around a number."""
    return b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)


def test_what_is_just_deep_enough_survives_a_round_trip_in_a_signal() -> None:
    value = read_json(nested(DEEPEST))
    signal = Signal.observed(
        source="x", occurrence_id="1", type="alert", title="t", occurred_at=0, received_at=0, group_key="", raw=value
    )
    assert Signal.from_json(signal.to_json()).raw == value


@pytest.mark.parametrize("depth", [DEEPEST + 2, 1000, 10_000])
def test_what_is_deeper_is_refused(depth: int) -> None:
    with pytest.raises(Refused, match=r"nested deeper|not JSON"):
        read_json(nested(depth))


def test_depth_counts_levels_not_size() -> None:
    assert not too_deep([[1]] * 1000, 2)
    assert too_deep([[[1]]], 2)
    assert not too_deep("x", 0)
    assert too_deep([], 0)


@pytest.mark.parametrize("body", [b"", b"NaN", b'"\\ud800"', b"\xff", b"1e999"])
def test_what_is_not_json_says_so(body: bytes) -> None:
    with pytest.raises(Refused, match="not JSON") as caught:
        read_json(body)
    assert caught.value.reason == "malformed"
