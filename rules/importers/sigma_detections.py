"""Sigma's detections as conditions: selections, keywords, and the conditions that join them.

Read as https://sigmahq.io/docs/basics/conditions.html says. A field that an event lacks makes no selection true; under `not` that has
to be said here, where a missing field is no value at all.
"""

from __future__ import annotations

import fnmatch
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
        found = self.either(total=False)
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

    def either(self, *, total: bool) -> str:
        parts = [self.all(total=total)]
        while self.accept("or"):
            parts.append(self.all(total=total))
        return either(parts)

    def all(self, *, total: bool) -> str:
        parts = [self.negation(total=total)]
        while self.accept("and"):
            parts.append(self.negation(total=total))
        return both(parts)

    def negation(self, *, total: bool) -> str:
        if self.accept("not"):
            return negated(self.negation(total=True))
        if self.accept("("):
            found = self.either(total=total)
            if not self.accept(")"):
                raise NotImportable(f"the condition {self.source!r} lacks a ')'")
            return found
        return self.search(total=total)

    def search(self, *, total: bool) -> str:
        if self.at >= len(self.tokens):
            raise NotImportable(f"the condition {self.source!r} ends too early")
        name = self.tokens[self.at]
        self.at += 1
        if self.word() == "of" and (name.lower() in ("all", "any") or name.isdigit()):
            self.at += 1
            return self.several(name.lower(), total=total)
        if name not in self.searches:
            raise NotImportable(f"the condition {self.source!r} names {name!r}, which the detection does not define")
        return selection(self.searches[name], total=total)

    def several(self, number: str, *, total: bool) -> str:
        if self.at >= len(self.tokens):
            raise NotImportable(f"the condition {self.source!r} ends after 'of'")
        pattern = self.tokens[self.at]
        self.at += 1
        if pattern.lower() == "them":
            names = [name for name in self.searches if not name.startswith("_")]
        else:
            names = [name for name in self.searches if fnmatch.fnmatchcase(name, pattern)]
        if not names:
            raise NotImportable(f"the condition {self.source!r}: no search is called like {pattern!r}")
        least = 1 if number == "any" else len(names) if number == "all" else int(number)
        if least in (1, len(names)):
            found = [selection(self.searches[name], total=total) for name in names]
            return (either if least == 1 else both)(found)
        tests = ", ".join(selection(self.searches[name], total=True) for name in names)
        return f"[{tests}].filter(held, held).size() >= {least}"


def selection(given: object, *, total: bool) -> str:
    """One search: fields that must all match, a list of such, or keywords of which one must be found anywhere."""
    if isinstance(given, Mapping):
        if not given:
            raise NotImportable("a search without fields would match everything")
        return both(_field(str(key), value, total=total) for key, value in given.items())
    if isinstance(given, (list, tuple)):
        words = [item for item in given if not isinstance(item, Mapping)]
        maps = [selection(item, total=total) for item in given if isinstance(item, Mapping)]
        return either([*maps, *([keyword_test([], words)] if words else [])])
    return keyword_test([], [given])


def _field(key: str, value: object, *, total: bool) -> str:
    name, *modifiers = key.split("|")
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if not name:
        return keyword_test(modifiers, values)
    made = field_test(name, modifiers, values)
    return made.total if total else made.plain
