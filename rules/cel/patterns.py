"""Patterns over text: regular expressions and globs, always run by RE2, so that no pattern is slow on any text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import re2

from rules.cel.faults import CelFailure

Search: TypeAlias = Callable[[str], bool]

MAX_PATTERN = 2_048
"""Characters a pattern may have."""

_SET_PROGRAM = 2_000
_PLAIN = re.compile(r"(\^?)([A-Za-z0-9_ /@:,=-]+)(\$?)", re.ASCII)


def _options() -> Any:
    options = re2.Options()
    # RE2 would write its complaint to stderr as well; the raised error says it all.
    options.log_errors = False
    options.max_mem = 1 << 23
    return options


@lru_cache(maxsize=2048)
def search(pattern: str) -> Search:
    """An unanchored search for a pattern, as `matches` means it; raises CelFailure with RE2's own words when it refuses.

    The search raises CelFailure on text that is not Unicode.
    """
    if len(pattern) > MAX_PATTERN:
        raise CelFailure(f"the pattern has {len(pattern)} characters; at most {MAX_PATTERN} are compiled")
    if plain := _PLAIN.fullmatch(pattern):
        return _plain(bool(plain[1]), plain[2], bool(plain[3]))
    try:
        compiled = re2.compile(pattern, _options())
    except (re2.error, UnicodeEncodeError) as error:
        raise CelFailure(f"RE2 refuses the pattern {pattern[:80]!r}: {_words(error)}") from None
    test = _set_test(pattern) if compiled.programsize <= _SET_PROGRAM else compiled.search

    def run(text: str) -> bool:
        try:
            return bool(test(text))
        except UnicodeEncodeError:
            raise CelFailure("the text holds half of a surrogate pair, so RE2 cannot search it") from None

    return run


def _set_test(pattern: str) -> Callable[[str], object]:
    """A set of one pattern says only whether it is found, which takes a sixth of the time of `search`.

    RE2::Set runs the automaton alone and would say "not found" where a program outgrows its memory: so only for small ones.
    """
    patterns = re2.Set.SearchSet(_options())
    patterns.Add(pattern)
    patterns.Compile()
    test: Callable[[str], object] = patterns.Match
    return test


def _words(error: Exception) -> str:
    words = error.args[0] if error.args else error
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _plain(start: bool, text: str, end: bool) -> Search:
    """The same search without RE2, for a pattern that holds nothing but text."""
    if start and end:
        return lambda value: value == text
    if start:
        return lambda value: value.startswith(text)
    if end:
        return lambda value: value.endswith(text)
    return lambda value: text in value


@lru_cache(maxsize=2048)
def glob(pattern: str) -> Search:
    """A match of the whole text: `*` any text, `?` one character, `[abc]`, `[a-z]`, `[!abc]`, and `\\` before a plain one."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            parts.append(".*")
        elif character == "?":
            parts.append(".")
        elif character == "\\" and at < len(pattern):
            parts.append(re.escape(pattern[at]))
            at += 1
        elif character == "[":
            # A ']' that comes first belongs to the set, as in a shell.
            begin = at + 1 if pattern[at : at + 1] in ("!", "^") else at
            close = pattern.find("]", begin + 1)
            if close < 0:
                raise CelFailure(f"the glob {pattern[:80]!r} has a '[' without ']'; write '\\\\[' for the character")
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", pattern[begin:close])
            parts.append(f"[{'^' if begin > at else ''}{inside}]")
            at = close + 1
        else:
            parts.append(re.escape(character))
    return search(rf"(?s)\A{''.join(parts)}\z")
