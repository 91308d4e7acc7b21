"""Silences: what somebody does not want to be told of for a while, found for a signal by an index; and what they would have hidden.

Rows are `silence/ID`: `matcher` is CEL, `starts_at` and `until` bound it, `times` (if any) are the only times at which it holds, `used`
and `last` say how many signals it hid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from rules.cel import CelError, Condition, compile  # noqa: A004 (the language's own word for it)
from rules.delivery.said import TimeInterval
from rules.fields import SCHEMA
from rules.index import Index
from rules.state import Row
from rules.times import Times, compile_times, is_open, next_change
from rules.turn import Turn

_MOST_FREE = 100_000
"""Of so many signals it is remembered that no silence could mean them."""


class Silences:
    """The silences there are, to be asked which of them a signal meets."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.names = tuple(sorted(rows))
        self.rows = tuple(rows[name] for name in self.names)
        self._conditions = tuple(condition_of(row["matcher"]) for row in self.rows)
        self._index = Index([found.equalities if found is not None else ({},) for found in self._conditions])
        self._free: set[str] = set()
        self._lasts = all(path[0] not in ("fact", "incident") for path in self._index.paths)

    def never_meets(self, signal_id: str) -> bool:
        """Whether a signal was asked about before and says nothing of what any of these needs, at whatever time they hold."""
        return signal_id in self._free

    def met(self, view: Mapping[str, Any], now: int) -> Row | None:
        """The first one, by id, that holds now and whose condition the signal meets."""
        candidates = self._index.candidates(view)
        if self._lasts and (name := view.get("id")) is not None:
            self._note(name, free=not candidates)
        for number in candidates:
            row, found = self.rows[number], self._conditions[number]
            if found is not None and holds(row, now) and found.matches(view):
                return row
        return None

    def _note(self, name: str, *, free: bool) -> None:
        if not free:
            self._free.discard(name)
            return
        if len(self._free) >= _MOST_FREE:
            self._free.clear()
        self._free.add(name)


def silences_of(turn: Turn) -> Silences:
    """The silences there are now."""
    state = turn.state
    if state.silencing is None:
        state.silencing = Silences(state.silences)
    found: Silences = state.silencing
    return found


def silenced(turn: Turn, view: Mapping[str, Any]) -> Row | None:
    """The silence that hides a signal now."""
    return silences_of(turn).met(view, turn.at) if turn.state.silences else None


def used(turn: Turn, name: str) -> None:
    """The silence has hidden a signal."""
    row = turn.state.silences[name]
    row["used"] = row.get("used", 0) + 1
    row["last"] = turn.at
    turn.state.touch(f"silence/{name}")


def holds(row: Row, now: int) -> bool:
    """Whether a silence holds at a moment: within its bounds, and in its times if it has any."""
    if not row["starts_at"] <= now < row["until"]:
        return False
    return not row.get("times") or is_open((), (times_of(row),), now)


def holds_until(row: Row, now: int) -> int:
    """When a silence that holds now no longer does, for the first time."""
    until: int = row["until"]
    if not row.get("times"):
        return until
    times = times_of(row)
    ends = next((moment for moment in next_change((times,), now) if not times.contains(moment)), until)
    return min(ends, until)


def times_of(row: Row) -> Times:
    return _times(orjson.dumps(row["times"]))


@lru_cache(maxsize=4096)
def compiled(matcher: str) -> Condition:
    """The condition of a silence. Raises CelError."""
    return compile(matcher, schema=SCHEMA)


def condition_of(matcher: str) -> Condition | None:
    """The condition; None for one that this version cannot read. Failing open: what it hid is heard."""
    try:
        return compiled(matcher)
    except CelError:
        return None


@lru_cache(maxsize=1024)
def _times(said: bytes) -> Times:
    return compile_times("the silence", [TimeInterval.model_validate(each) for each in orjson.loads(said)])


@dataclass(frozen=True, slots=True)
class Preview:
    """What a silence would have hidden: how many signals, how many of them critical, and of which services and titles, most first."""

    looked_at: int
    signals: int
    critical: int
    services: Mapping[str, int]
    titles: Mapping[str, int]
    exemplars: Sequence[str] = ()

    def sentence(self, span: str) -> str:
        """In words: `would have silenced 14 signals in the last 24h, 2 of them critical`."""
        of = f", {self.critical} of them critical" if self.critical else ""
        noun = "signal" if self.signals == 1 else "signals"
        return f"would have silenced {self.signals} {noun} in the last {span}{of}"


MOST_SHOWN = 10


def preview(matcher: str, signals: Iterable[Mapping[str, Any]], times: Times | None = None) -> Preview:
    """What a silence would have hidden of signals with `occurred_micros`, wherever rules said. Raises CelError."""
    condition = compiled(matcher)
    looked_at = critical = 0
    services: dict[str, int] = {}
    titles: dict[str, int] = {}
    exemplars: list[str] = []
    for fields in signals:
        looked_at += 1
        activation = {"fact": {}, "incident": {}, **fields}
        if fields["status"] == "resolved" or not condition.matches(activation):
            continue
        if times is not None and not times.contains(fields["occurred_micros"]):
            continue
        critical += fields["severity"] == "critical"
        for counted, name in ((services, fields.get("service") or ""), (titles, fields["title"])):
            counted[name] = counted.get(name, 0) + 1
        exemplars.append(fields["id"])
    first = exemplars[:MOST_SHOWN]
    return Preview(looked_at, len(exemplars), critical, _most(services), _most(titles), first)


def _most(counted: Mapping[str, int]) -> dict[str, int]:
    """The most frequent ones, in order."""
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHOWN])
