"""Reading what strangers send: nothing raises but what says so, and what comes out can be stored."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.reading import (
    Unreadable,
    _moment_in,
    lenient_json,
    line,
    mapping,
    moment,
    number,
    sequence,
    text,
    web_url,
)
from schemas.time import from_rfc3339, to_rfc3339

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(categories=None)) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(ANYTHING)
def test_no_value_makes_a_field_reader_raise(value: Any) -> None:
    assert "\n" not in line(value)
    assert len(text(value, 10)) <= 10
    assert mapping(value) == (value if isinstance(value, dict) else {})
    assert list(sequence(value)) == (value if isinstance(value, list) else [])
    found = moment(value)
    assert found is None or from_rfc3339(to_rfc3339(found)) == found
    assert number(value) is None or isinstance(number(value), float)
    assert web_url(value) is None or value.startswith("http")


@given(
    st.recursive(
        st.integers() | st.floats() | st.text(st.characters(categories=None)),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_python_calls_json_is_read_and_can_be_stored(value: Any) -> None:
    assert orjson.dumps(lenient_json(json.dumps(value).encode())) is not None


@given(st.binary(max_size=80))
def test_bytes_that_are_no_json_are_unreadable_and_nothing_worse(content: bytes) -> None:
    try:
        orjson.dumps(lenient_json(content))
    except Unreadable as error:
        assert str(error)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'"cut \\ud83d"', "cut \ufffd"),
        (b'"whole \\ud83d\\ude00 and cut \\ud83d"', "whole \U0001f600 and cut \ufffd"),
        (b'"nul \\u0000"', "nul \ufffd"),
        (b'{"\\u0000": 1}', {"\ufffd": 1}),
        (b'"\xff"', "\ufffd"),
        (b"[NaN, 1e999]", ["NaN", "inf"]),
        (b"[" + b"9" * 5000 + b", NaN]", ["9" * 5000, "NaN"]),
    ],
)  # fmt: skip
def test_nearly_right_json_is_read(content: bytes, expected: object) -> None:
    assert lenient_json(content) == expected


@pytest.mark.parametrize("content", [b"[" * 102 + b"]" * 102, b"[" * 100_000, b'{"a":' * 2000 + b"1" + b"}" * 2000])
def test_deep_nesting_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        lenient_json(content)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("1969-12-31T23:59:59Z", None),
        (253_402_300_800, None),
        (0, None),
        (True, None),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
        (1.5, 1_500_000),
    ],
)
def test_a_moment_lies_between_1970_and_9999(value: object, expected: int | None) -> None:
    assert moment(value) == expected


def test_a_moment_is_short_and_nothing_long_is_remembered() -> None:
    written = "2026-11-21T10:00:00.123456789+00:00"
    assert moment(f"{' ' * 1000}{written}\n") == moment(written) == from_rfc3339(written)
    assert moment("1" + "0" * 63) is None and moment("1795255200." + "0" * 60) is None
    before = _moment_in.cache_info().currsize
    assert [moment(character * 1_000_000) for character in "07 T"] == [None] * 4
    assert _moment_in.cache_info().currsize <= before + 1  # the empty text that white space comes to


@pytest.mark.parametrize("value", ["javascript:alert(1)", "?orgId=1", "http://", "https://a b\n", "http://[", 7, None])
def test_what_is_no_web_address_is_no_link(value: object) -> None:
    assert web_url(value) is None
