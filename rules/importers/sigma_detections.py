"""Sigma's detections as conditions: selections, keywords, and the conditions that join them.

Read as https://sigmahq.io/docs/basics/conditions.html says. A field that an event lacks makes no selection true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rules.cel.written import both, either, negated
from rules.importers.sheet import NotImportable
from rules.importers.sigma_values import field_test, keyword_test

_TOKEN = re.compile(r"\s*(\(|\)|\||[^\s()|]+)")


def detection(given: Mapping[str, Any]) -> str:
    """The condition of a rule's `detection` section. Raises NotImportable."""
    conditions = given.get("condition")
    if conditions is None:
        raise NotImportable("the detection has no condition")
    searches = {str(name): value for name, value in given.items() if name not in ("condition", "timeframe")}
    listed = conditions if isinstance(conditions, list) else [conditions]
    return either(_Condition(str(one), searches).read() for one in listed)


class _Condition:
    """Reads one condition, from the loosest binding (`or`) to the tightest."""

    def __init__(self, source: str, searches: Mapping[str, Any]) -> None:
        self.source = source
        self.searches = searches
        self.tokens = _TOKEN.findall(source)
        self.at = 0

    def read(self) -> str:
        found = self.either()
        if self.at < len(self.tokens):
            raise NotImportable(
                f"the condition {self.source!r} goes on with {self.tokens[self.at]!r}, which nothing expects"
            )
        return found

    def word(self) -> str:
        return self.tokens[self.at].lower() if self.at < len(self.tokens) else ""

    def accept(self, word: str) -> bool:
        if self.word() == word:
            self.at += 1
            return True
        return False

    def either(self) -> str:
        parts = [self.all()]
        while self.accept("or"):
            parts.append(self.all())
        return either(parts)

    def all(self) -> str:
        parts = [self.negation()]
        while self.accept("and"):
            parts.append(self.negation())
        return both(parts)

    def negation(self) -> str:
        if self.accept("not"):
            return negated(self.negation())
        if self.accept("("):
            found = self.either()
            if not self.accept(")"):
                raise NotImportable(f"the condition {self.source!r} lacks a ')'")
            return found
        return self.search()

    def search(self) -> str:
        if self.at >= len(self.tokens):
            raise NotImportable(f"the condition {self.source!r} ends too early")
        name = self.tokens[self.at]
        self.at += 1
        if self.word() == "of" and (name.lower() in ("all", "any") or name.isdigit()):
            self.at += 1
            return self.several(name.lower())
        if name not in self.searches:
            raise NotImportable(f"the condition {self.source!r} names {name!r}, which the detection does not define")
        return selection(self.searches[name])

    def several(self, number: str) -> str:
        if self.at >= len(self.tokens):
            raise NotImportable(f"the condition {self.source!r} ends after 'of'")
        pattern = self.tokens[self.at]
        self.at += 1
        if pattern.lower() == "them":
            pattern = "*"
        like = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
        # Names that begin with an underscore are left out unless they are asked for.
        names = [
            name
            for name in self.searches
            if like.fullmatch(name) and (pattern.startswith("_") or not name.startswith("_"))
        ]
        if not names:
            raise NotImportable(f"the condition {self.source!r}: no search is called like {pattern!r}")
        least = 1 if number == "any" else len(names) if number == "all" else int(number)
        if least in (1, len(names)):
            found = [selection(self.searches[name]) for name in names]
            return (either if least == 1 else both)(found)
        tests = ", ".join(selection(self.searches[name]) for name in names)
        return f"[{tests}].filter(held, held).size() >= {least}"


def selection(given: object) -> str:
    """One search: fields that must all match, a list of such, or keywords of which one must be found anywhere. Raises NotImportable."""
    if isinstance(given, Mapping):
        if not given:
            raise NotImportable("a search without fields would match everything")
        return both(_field(str(key), value) for key, value in given.items())
    if isinstance(given, (list, tuple)):
        if not given:
            raise NotImportable("a search that is an empty list would match nothing")
        words = [item for item in given if not isinstance(item, (Mapping, list, tuple))]
        inner = [selection(item) for item in given if isinstance(item, (Mapping, list, tuple))]
        return either([*inner, *([keyword_test([], words)] if words else [])])
    return keyword_test([], [given])


def _field(key: str, value: object) -> str:
    name, *modifiers = key.split("|")
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return field_test(name, modifiers, values) if name else keyword_test(modifiers, values)
