"""Searches by pattern: the quick ways say what RE2's own search says."""

from __future__ import annotations

import fnmatch

import re2
from hypothesis import given
from hypothesis import strategies as st

from rules.cel import patterns

PIECES = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "^",
        "$",
        ".",
        "x-1",
        "É",
        "(a|b)",
        "a*",
        "b+",
        "[^a]",
        "\\w",
        "\\b",
        "(?i)A",
        " ",
        "\\n",
        "a?",
        "/",
    ]
)
TEXTS = st.text("abxA1-É \n/", max_size=12)


@given(st.lists(PIECES, max_size=5).map("".join), TEXTS)
def test_a_search_finds_what_re2_finds(pattern: str, text: str) -> None:
    try:
        expected = re2.search(pattern, text) is not None
    except re2.error:
        return
    assert patterns.search(pattern)(text) is expected


@given(st.text("ab*?x-.+(", max_size=6), st.text("abx-.+(\n", max_size=8))
def test_a_glob_matches_what_a_shell_matches(pattern: str, text: str) -> None:
    assert patterns.glob(pattern)(text) is fnmatch.fnmatchcase(text, pattern)


def test_a_program_too_large_for_the_automaton_is_still_searched() -> None:
    pattern = r"\pL{20}\d"
    assert patterns.search(pattern)("é" * 20 + "7")
    assert not patterns.search(pattern)("é" * 19 + "7")
