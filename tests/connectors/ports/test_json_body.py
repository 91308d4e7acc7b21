"""A body that is let in can be stored and read back."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.ports.json_body import DEEPEST, read_json, read_too_deep, too_deep
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


FLAT = st.none() | st.integers(0, 9) | st.sampled_from(["", "[", "{{", "}}]]", '"[', "\\{"])
VALUES = st.recursive(
    FLAT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=40,
)


@given(
    FLAT | VALUES,
    st.integers(0, 130),
    st.sampled_from(["a", "b", "z"]),
    st.sampled_from(["", "", "[{"]),
    st.sampled_from([1, *range(DEEPEST - 3, DEEPEST + 2)]),
)
@settings(max_examples=200)
@pytest.mark.parametrize("where", range(4))
def test_depth_is_seen_however_many_brackets_lie_side_by_side(
    where: int, value: object, many: int, name: str, said: str, depth: int
) -> None:
    """Something `depth` levels deep is hidden among, in or behind much that is flat."""
    deep: object = 1
    for level in range(depth):
        deep = [deep] if level % 2 else {"a": deep}
    flat: list[object] = [{"a": {}, "b": [], "c": said} for _ in range(many)]
    match where:
        case 0:
            whole: object = [*flat, {name: deep}, value]
        case 1:
            whole = [{name: deep}, *flat]
        case 2:
            whole = {"alerts": flat, name: deep, "x": 1}
        case _:
            whole = {"alerts": [*flat, {name: deep, "a": value}], "labels": {}}
    content = orjson.dumps(whole)
    assert read_too_deep(content, orjson.loads(content)) == too_deep(whole)


@pytest.mark.parametrize("body", [b"", b"NaN", b'"\\ud800"', b"\xff", b"1e999"])
def test_what_is_not_json_says_so(body: bytes) -> None:
    with pytest.raises(Refused, match="not JSON") as caught:
        read_json(body)
    assert caught.value.reason == "malformed"
