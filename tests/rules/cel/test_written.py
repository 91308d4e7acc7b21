"""What is written of a condition parses to the same again."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import cel
from rules.cel.parser import parse
from rules.cel.reach import form
from rules.cel.written import below, both, bracketed, constant, either, negated, present, text, write
from tests.support.cel_expressions import condition, time_condition


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**48).map(random.Random))
def test_a_condition_written_out_is_the_same_condition(draw: random.Random) -> None:
    for source in (condition(draw), time_condition(draw)):
        node = parse(source)
        assert form(parse(write(node))) == form(node), source


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_written_so_that_it_reads_back(value: str) -> None:
    assert cel.compile_value(text(value)).evaluate({}) == value


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False)
        | st.binary(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="ascii")), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_any_plain_value_is_written_so_that_it_reads_back(value: object) -> None:
    assert cel.compile_value(constant(value)).evaluate({}) == value


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (below("raw", "a", "b-c", "in", "d"), 'raw.a["b-c"]["in"].d'),
        (present("raw", "a", "b"), "has(raw.a) && type(raw.a) == map && has(raw.a.b)"),
        (present("labels", "x-y"), '"x-y" in labels'),
        (either(["a == 1", "b == 2", "a == 1"]), "a == 1 || b == 2"),
        (both(["a == 1 || b == 2", "c"]), "(a == 1 || b == 2) && c"),
        (both(['x == "||"', "c"]), 'x == "||" && c'),
        (either([]), "false"),
        (both([]), "true"),
        (negated("a == 1"), "!(a == 1)"),
        (negated("has(raw.a)"), "!has(raw.a)"),
        (bracketed("raw.a.matches(r'\\.b c')"), "raw.a.matches(r'\\.b c')"),
        (both(["a ? b : c", "d"]), "(a ? b : c) && d"),
    ],
)
def test_pieces_are_joined_with_the_brackets_they_need(written: str, expected: str) -> None:
    assert written == expected
