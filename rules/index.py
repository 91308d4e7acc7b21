"""Which rules a signal may match, found by what their conditions require of fields by equality.

For each way in which a condition can hold, the most selective requirement is taken: the path for which all rules together
name the most distinct constants. A rule that requires nothing by equality is always a candidate.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from rules.cel import Alternative, Equalities, Path

_Getter = Callable[[Mapping[str, Any]], Any]
_Table = tuple[_Getter, dict[Any, tuple[int, ...]]]


class Index:
    """Built once for the conditions of a rule set, numbered in their order."""

    def __init__(self, conditions: Sequence[Equalities]) -> None:
        rank = _selectivity(conditions)
        always: list[int] = []
        tables: dict[Path, dict[Any, list[int]]] = {}
        for number, alternatives in enumerate(conditions):
            if not alternatives or not all(alternatives):
                always.append(number)
                continue
            for alternative in alternatives:
                path = _best(alternative, rank)
                for constant in alternative[path]:
                    listed = tables.setdefault(path, {}).setdefault(constant, [])
                    if not listed or listed[-1] != number:
                        listed.append(number)
        self._always = tuple(always)
        self._tables: list[_Table] = [
            (_getter(path), {constant: tuple(numbers) for constant, numbers in table.items()})
            for path, table in sorted(tables.items())
        ]
        self.paths: tuple[Path, ...] = tuple(sorted(tables))

    def candidates(self, activation: Mapping[str, Any]) -> Sequence[int]:
        """Numbers of the conditions that may hold, each once, in order; those left out certainly do not hold."""
        found = [self._always] if self._always else []
        for get, table in self._tables:
            try:
                numbers = table.get(get(activation))
            except TypeError:  # A list or a map equals no constant.
                continue
            if numbers is not None:
                found.append(numbers)
        if not found:
            return ()
        return found[0] if len(found) == 1 else sorted(set(chain.from_iterable(found)))


def _selectivity(conditions: Sequence[Equalities]) -> Counter[Path]:
    """The number of distinct constants that are named for each path."""
    distinct: dict[Path, set[Any]] = {}
    for alternative in chain.from_iterable(conditions):
        for path, constants in alternative.items():
            distinct.setdefault(path, set()).update(constants)
    return Counter({path: len(constants) for path, constants in distinct.items()})


def _best(alternative: Alternative, rank: Counter[Path]) -> Path:
    """The path that tells most apart; among equals the one with the fewest constants here."""
    return max(alternative, key=lambda path: (rank[path] / max(1, len(alternative[path])), path))


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
