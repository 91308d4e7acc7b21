"""The sets that something may still join, by what was heard of them: so that a new incident looks at those alone that it can belong to.

What it names is never too few: of a set that has forgotten something of what it heard, that is remembered here until the set goes, and the set is
looked at for nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from rules.correlation.gathered import same
from rules.correlation.names import plain
from rules.correlation.values import Alert, Weights
from schemas.time import SECOND

Row = dict[str, Any]
Mark = tuple[str, ...]
"""Something that a set was heard of with: a service, a label with its value, a change."""
SETS = "correlation/set/"
_ROUNDING = 1e-9
"""What sums of the same parts in another order may differ by."""


@dataclass(slots=True)
class _Entry:
    side: str
    start: int
    last: int
    labels: frozenset[str] = frozenset()
    marks: set[Mark] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Likely:
    """A set that may be joined: it speaks for itself with `weight` at most. The order is that in which sets are preferred."""

    weight: float
    last: int
    lead: str

    @property
    def rank(self) -> tuple[float, int, str]:
        return self.weight, self.last, self.lead


class OpenSets:
    """The keys of their rows. A key that is added has its row read when somebody asks for the first time; what becomes of it from then on is told."""

    __slots__ = ("_entries", "_marked", "_partners", "_unread")

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._unread: set[str] = set()
        self._marked: dict[Mark, set[str]] = defaultdict(set)
        self._partners: dict[str, Mapping[str, frozenset[str]]] = {}

    def __len__(self) -> int:
        return len(self._entries) + len(self._unread)

    def __iter__(self) -> Iterator[str]:
        yield from self._entries
        yield from self._unread

    def __contains__(self, key: object) -> bool:
        return key in self._entries or key in self._unread

    def add(self, key: str) -> None:
        self.discard(key)
        self._unread.add(key)

    def discard(self, key: str) -> None:
        self._unread.discard(key)
        if (entry := self._entries.pop(key, None)) is not None:
            for mark in entry.marks:
                marked = self._marked[mark]
                marked.discard(key)
                if not marked:
                    del self._marked[mark]

    def joined(self, key: str, alert: Alert, changes: Iterable[str], taken: Mapping[str, str]) -> None:
        """An incident is of the set from here on."""
        if (entry := self._entries.get(key)) is not None:
            entry.start, entry.last = min(entry.start, alert.at), max(entry.last, alert.at)
            entry.labels = entry.labels.union(alert.labels)
            service = plain(alert.service)
            self._mark(
                key,
                entry,
                _marks([same(alert)], [service] if service else [], changes, alert.labels.items(), taken.items()),
            )

    def heard(self, key: str, last: int) -> None:
        """Something of the set was heard of again."""
        if (entry := self._entries.get(key)) is not None:
            entry.last = last

    def partners(self, side: str, found: Callable[[], Mapping[str, frozenset[str]]]) -> Mapping[str, frozenset[str]]:
        """The services that each one went down with often enough; worked out anew after `learnt` alone."""
        known = self._partners.get(side)
        if known is None:
            known = self._partners[side] = found()
        return known

    def learnt(self, side: str) -> None:
        self._partners.pop(side, None)

    def sharing(self, rows: Mapping[str, Row], side: str, marks: Iterable[Mark]) -> list[Likely]:
        """Those with any of the marks, those heard of last first."""
        self._read(rows)
        found = {key for mark in marks for key in self._marked.get(mark, ())}
        return self._ordered((0.0, key) for key in found if self._entries[key].side == side)

    def fewest(self, rows: Mapping[str, Row], several: Iterable[list[Mark]]) -> list[Mark]:
        """Of several lists of marks the one that fewest sets have."""
        self._read(rows)
        return min(several, key=lambda marks: sum(len(self._marked.get(mark, ())) for mark in marks), default=[])

    def speaking(
        self,
        rows: Mapping[str, Row],
        side: str,
        alert: Alert,
        near: Iterable[str],
        changes: Iterable[str],
        weights: Weights,
    ) -> list[Likely]:
        """Those for which enough may speak, with as much as can at most, the loudest first. `near`: the services next to the alert's."""
        self._read(rows)
        service, marked = plain(alert.service), self._marked
        gains: dict[str, float] = defaultdict(float)
        again: Set[str] = marked.get(("same", same(alert)), frozenset())
        for key in again:
            gains[key] += weights.same
        for key in marked.get(("service", service), ()):
            gains[key] += 0.0 if key in again else weights.service
        for key in {key for other in near for key in marked.get(("service", other), ())}:
            gains[key] += weights.near
        for key in {key for change in changes for key in marked.get(("change", change), ())}:
            gains[key] += weights.change
        for label, value in alert.labels.items():
            for key in marked.get(("label", label, value), ()):
                gains[key] += 2 * weights.label
        return self._ordered(self._enough(gains, side, alert, weights))

    def _enough(
        self, gains: Mapping[str, float], side: str, alert: Alert, weights: Weights
    ) -> Iterator[tuple[float, str]]:
        """Time, age and labels that differ beside what speaks for each set; those for which that may be enough."""
        now, labels, longest = alert.at, alert.labels.keys(), weights.time_s * SECOND
        least, differing = weights.enough - _ROUNDING, dict[frozenset[str], float]()
        for key, entry in self._entries.items():
            gain, idle = gains.get(key, 0.0), now - entry.last
            if entry.side != side or (not gain and idle > longest):
                continue
            if (lost := differing.get(entry.labels)) is None:
                lost = differing[entry.labels] = weights.label * len(labels & entry.labels)
            late = (now - entry.start) / SECOND - weights.young_s
            sum_ = gain - lost - (weights.age * late / weights.age_s if late > 0 else 0.0)
            if sum_ + weights.time <= least:
                continue
            sum_ += weights.time * math.exp(-max(0, idle) / SECOND / weights.time_s)
            if sum_ > least:
                yield sum_ + _ROUNDING, key

    def _ordered(self, found: Iterable[tuple[float, str]]) -> list[Likely]:
        likely = [Likely(weight, self._entries[key].last, key[len(SETS) :]) for weight, key in found]
        return sorted(likely, key=lambda each: each.rank, reverse=True)

    def _read(self, rows: Mapping[str, Row]) -> None:
        while self._unread:
            key = self._unread.pop()
            row = rows[key]
            entry = self._entries[key] = _Entry(row["side"], row["start"], row["last"], frozenset(row["labels"]))
            labels = ((label, value) for label, values in row["labels"].items() for value in values)
            taken = ((way, value) for way, values in row["taken"].items() for value in values)
            self._mark(key, entry, _marks(row["same"], row["services"], row["changes"], labels, taken))

    def _mark(self, key: str, entry: _Entry, marks: Iterable[Mark]) -> None:
        for mark in marks:
            entry.marks.add(mark)
            self._marked[mark].add(key)


def _marks(
    alike: Iterable[str],
    services: Iterable[str],
    changes: Iterable[str],
    labels: Iterable[tuple[str, str]],
    taken: Iterable[tuple[str, str]],
) -> Iterator[Mark]:
    yield from (("same", each) for each in alike)
    yield from (("service", each) for each in services)
    yield from (("change", each) for each in changes)
    yield from (("label", label, value) for label, value in labels)
    yield from (("taken", way, value) for way, value in taken)
