"""What the temporal correlations of Sigma ask of their rules: how many of them matched, or which, in words joined by and, or and not."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rules.cel.written import both, either, negated
from rules.importers.sheet import NotImportable

OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "==", "neq": "!="}

_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le, "eq": operator.eq, "neq": operator.ne,
}  # fmt: skip
_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")
_JOINTS = frozenset({"and", "or", "not", "(", ")"})
_MOST_TRIED = 10
"""So many rules are tried in every combination, to see what a condition in words comes to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A condition over which rules matched: as CEL, given what stands for each of them, and as a test."""

    written: Callable[[Mapping[str, str]], str]
    holds: Callable[[Collection[str]], bool]
    by_number: bool = False
    """Whether only their number matters."""

    def least(self, names: Sequence[str]) -> int | None:
        """How many of the rules must match, where that is all it says; 0 if none or never, None where it says something else."""
        if len(names) > _MOST_TRIED and not self.by_number:
            return None
        tried = [
            (size, self.holds(chosen))
            for size in range(1, len(names) + 1)
            for chosen in ([names[:size]] if self.by_number else itertools.combinations(names, size))
        ]
        least = min((size for size, holds in tried if holds), default=0)
        return least if all(holds == (size >= least > 0) for size, holds in tried) else None


def counted(criteria: Mapping[str, Any]) -> Wanted:
    """So many of the rules. Raises NotImportable."""
    numbers = {key: number_of(value) for key, value in criteria.items()}

    def written(places: Mapping[str, str]) -> str:
        number = f"[{', '.join(places.values())}].filter(held, held).size()"
        return both(f"{number} {OPERATORS[key]} {_shown(value)}" for key, value in numbers.items())

    def holds(found: Collection[str]) -> bool:
        return all(_COMPARED[key](len(found), value) for key, value in numbers.items())

    return Wanted(written, holds, by_number=True)


def worded(source: str, names: Collection[str]) -> Wanted:
    """A condition in words over these rules. Raises NotImportable."""
    reader = _Words(source, names)
    found = reader.either()
    if reader.tokens:
        raise NotImportable(f"the condition {source!r} goes on with {reader.tokens[0]!r}, which nothing expects")
    return found


def named(source: str) -> list[str]:
    """The rules that a condition in words names."""
    return list(dict.fromkeys(word for word in _TOKEN.findall(source) if word.lower() not in _JOINTS))


def number_of(value: object) -> float:
    """A number that something is compared with. Raises NotImportable."""
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(str(value))
    except ValueError:
        raise NotImportable(f"the condition compares with {value!r:.60}, which is no number") from None


def _shown(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)


class _Words:
    """Reads a condition, from the loosest binding (`or`) to the tightest."""

    def __init__(self, source: str, names: Collection[str]) -> None:
        self.source, self.names = source, names
        self.tokens: list[str] = _TOKEN.findall(source)

    def accept(self, word: str) -> bool:
        if self.tokens and self.tokens[0].lower() == word:
            del self.tokens[0]
            return True
        return False

    def either(self) -> Wanted:
        parts = [self.all()]
        while self.accept("or"):
            parts.append(self.all())
        if len(parts) == 1:
            return parts[0]
        return Wanted(
            lambda places: either(part.written(places) for part in parts),
            lambda found: any(part.holds(found) for part in parts),
        )

    def all(self) -> Wanted:
        parts = [self.one()]
        while self.accept("and"):
            parts.append(self.one())
        if len(parts) == 1:
            return parts[0]
        return Wanted(
            lambda places: both(part.written(places) for part in parts),
            lambda found: all(part.holds(found) for part in parts),
        )

    def one(self) -> Wanted:
        if self.accept("not"):
            part = self.one()
            return Wanted(lambda places: negated(part.written(places)), lambda found: not part.holds(found))
        if self.accept("("):
            part = self.either()
            if not self.accept(")"):
                raise NotImportable(f"the condition {self.source!r} lacks a ')'")
            return part
        if not self.tokens:
            raise NotImportable(f"the condition {self.source!r} ends too early")
        name = self.tokens.pop(0)
        if name not in self.names:
            raise NotImportable(f"the condition {self.source!r} names {name!r}, which is none of its rules")
        return Wanted(lambda places: places[name], lambda found: name in found)
