"""Which rules a signal may match, found by what their conditions require of fields by equality.

For each way in which a condition can hold, the most selective requirement is taken: the path for which all rules together
name the most distinct constants. Where many rules share a constant, their further requirements tell them apart in the same
way. A rule that requires nothing by equality is always a candidate.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from rules.cel import Alternative, Equalities, Path

_Getter = Callable[[Mapping[str, Any]], Any]
_Way = tuple[int, Alternative]
"""The number of a condition, and requirements of which each must be met for it to hold in this way."""

SPLIT = 8
"""From so many ways under one constant on, a further lookup costs less than trying them all."""


class _Node:
    """Conditions told apart by their most selective paths."""

    __slots__ = ("always", "paths", "tables")

    def __init__(self, ways: Sequence[_Way]) -> None:
        distinct = _distinct(ways)
        always: list[int] = []
        tables: dict[Path, dict[Any, list[_Way]]] = {}
        for number, alternative in ways:
            if not alternative:
                always.append(number)
                continue
            path = _best(alternative, distinct)
            rest = {other: constants for other, constants in alternative.items() if other != path}
            for constant in alternative[path]:
                tables.setdefault(path, {}).setdefault(constant, []).append((number, rest))
        self.always = tuple(dict.fromkeys(always))
        self.paths = tuple(sorted(tables))
        self.tables: list[tuple[_Getter, dict[Any, tuple[int, ...] | _Node]]] = [
            (_getter(path), {constant: _below(listed) for constant, listed in tables[path].items()})
            for path in self.paths
        ]

    def collect(self, activation: Mapping[str, Any], found: list[tuple[int, ...]]) -> None:
        if self.always:
            found.append(self.always)
        for get, table in self.tables:
            value = get(activation)
            try:
                hit = table.get(value)
            except TypeError:
                # A list or a map equals no constant; but a condition may ask for one among a list's items.
                if type(value) is list and (numbers := _of_items(value, table, activation)):
                    found.append(numbers)
                continue
            if type(hit) is tuple:
                found.append(hit)
            elif type(hit) is _Node:
                hit.collect(activation, found)


class Index:
    """Built once for the conditions of a rule set, numbered in their order."""

    def __init__(self, conditions: Sequence[Equalities]) -> None:
        self._root = _Node(
            [(number, way) for number, alternatives in enumerate(conditions) for way in alternatives or ({},)]
        )
        self.paths = self._root.paths
        # A condition that holds in one way alone stands in one place alone, under constants of which a signal has one.
        self._once = all(len(alternatives or ({},)) == 1 for alternatives in conditions)

    def candidates(self, activation: Mapping[str, Any]) -> Sequence[int]:
        """Numbers of the conditions that may hold, each once, in order; those left out certainly do not hold."""
        found: list[tuple[int, ...]] = []
        self._root.collect(activation, found)
        if not found:
            return ()
        if len(found) == 1:
            return found[0]
        return sorted(chain.from_iterable(found) if self._once else set(chain.from_iterable(found)))


def _of_items(
    items: list[Any], table: Mapping[Any, "tuple[int, ...] | _Node"], activation: Mapping[str, Any]
) -> tuple[int, ...]:
    """The conditions that any item of a list, or of a list in it, leads to, each once."""
    found: list[tuple[int, ...]] = []
    waiting = list(items)
    while waiting:
        item = waiting.pop()
        if type(item) is list:
            waiting += item
            continue
        hit = table.get(item) if type(item) is not dict else None
        if type(hit) is tuple:
            found.append(hit)
        elif type(hit) is _Node:
            hit.collect(activation, found)
    return tuple(sorted(set(chain.from_iterable(found))))


def _below(ways: list[_Way]) -> "tuple[int, ...] | _Node":
    """What stands under one constant: the conditions, or a further node where that leaves fewer to try."""
    if len(ways) >= SPLIT:
        distinct = _distinct(ways)
        telling = {path for path, number in distinct.items() if number >= SPLIT // 2}
        if sum(not telling.isdisjoint(rest) for _, rest in ways) * 2 >= len(ways):
            return _Node(ways)
    return tuple(dict.fromkeys(number for number, _ in ways))


def _distinct(ways: Iterable[_Way]) -> dict[Path, int]:
    """The number of distinct constants that are named for each path."""
    found: dict[Path, set[Any]] = {}
    for _, alternative in ways:
        for path, constants in alternative.items():
            found.setdefault(path, set()).update(constants)
    return {path: len(constants) for path, constants in found.items()}


def _best(alternative: Alternative, distinct: Mapping[Path, int]) -> Path:
    """The path that tells most apart; among equals the one with the fewest constants here."""
    return max(alternative, key=lambda path: (distinct[path] / max(1, len(alternative[path])), path))


def _getter(path: Path) -> _Getter:
    """The value at a path, None where there is none: a constant is never None."""
    if len(path) == 1:
        name = path[0]
        return lambda activation: activation.get(name)
    *holders, last = path

    def get(activation: Mapping[str, Any]) -> Any:
        holder: Any = activation
        for step in holders:
            holder = holder.get(step)
            if type(holder) is not dict:
                return None
        return holder.get(last)

    return get
