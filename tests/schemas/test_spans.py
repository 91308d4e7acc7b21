"""Spans of time as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.spans import LONGEST, UNITS, about, in_words, parse_span, show_span


@given(st.integers(1, LONGEST // 1000).map(lambda ms: ms * 1000))
def test_a_span_that_is_shown_is_read_back(span: int) -> None:
    assert parse_span(show_span(span)) == span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("5m", 300_000_000),
        ("1h30m", 5_400_000_000),
        ("2d", 2 * UNITS["d"]),
        ("1h 5m", 3_900_000_000),
        ("250ms", 250_000),
    ],
)
def test_spans_are_read(text: str, span: int) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize(
    "text", ["", "soon", "5", "m", "5x", "5m1h", "-5m", "0s", "1.5h", "500d", 5, True, None, "9" * 60 + "s", "٣m "]
)
def test_what_is_no_span_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"is not a span|is out of range"):
        parse_span(text)


def test_a_span_in_a_sentence_is_short() -> None:
    assert [about(span) for span in (0, 500_000, 61_500_000, UNITS["d"] + 3 * UNITS["h"] + UNITS["s"])] == [
        "0s",
        "500ms",
        "1m1s",
        "1d3h",
    ]


def test_a_span_in_prose_is_rounded_to_what_a_reader_wants() -> None:
    told = [in_words(seconds) for seconds in (-45, 119.4, 720, 12_000, 7200, 172_800)]
    assert told == ["45 s", "119 s", "12 min", "3 h 20 min", "2 h", "2 days"]
