"""What the engine knows: rows of plain values by key, whose changes can be taken out and from which it can be restored.

Keys: `group/...` a group and its incident, `window/...` what a group has counted, `count/...` signals with one outcome,
`silence/ID`, `fact/KEY`, `delivery/...` what is held and what was told, `rules` the rule set in force, `evicted`, and `seen/...`. A row may hold `due`, the moment at which
something is decided about it, and `sweep`, the moment from which nobody misses it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from heapq import heappop, heappush
from typing import Any

from rules.limits import Limits
from rules.seen import Seen

Row = dict[str, Any]
_NEVER = 1 << 63


class State:
    """An owned value of one engine. Rows may be changed in place by whoever then calls `touch`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.rows: dict[str, Row] = {}
        self.changed: set[str] = set()
        self.seen = Seen(self.limits.seen)
        self.firing: dict[str, set[str]] = {}
        """Keys of groups in which an occurrence fires, by occurrence."""
        self.incidents: dict[str, str] = {}
        """Keys of groups by the id of their latest incident."""
        self.silences: dict[str, Row] = {}
        self.facts: dict[str, Any] = {}
        self.erring: Counter[str] = Counter()
        """How often the condition of a rule was an error: a figure for whoever runs it, who takes it away; no part of what is stored."""
        self.windows = 0
        self.quiet_until = _NEVER
        """Before this moment no row is due and none is to be swept: an estimate on the safe side, for whoever asks at every step."""
        self._gone: set[str] = set()
        self._dues: list[tuple[int, str]] = []
        self._sweeps: dict[str, list[tuple[int, str]]] = {"window": [], "group": [], "fact": [], "delivery": []}

    @classmethod
    def restore(cls, rows: Iterable[tuple[str, Row]], limits: Limits | None = None) -> "State":
        """From all rows that were ever put and not deleted; goes on as the state they were taken from would have."""
        state = cls(limits)
        ordered = sorted(rows)
        state.seen.restore((key, row) for key, row in ordered if key.startswith("seen/"))
        for key, row in ordered:
            if not key.startswith("seen/"):
                state._adopt(key, row)
        state.seen.evicted = state.evicted.get("seen", 0)
        return state

    def excerpt(self, keys: Iterable[str], ids: Iterable[str]) -> "State":
        """A state with copies of some rows and some of the ids seen, to try something on; facts and silences come along."""
        part = State(self.limits)
        part.seen = self.seen.copy_of(ids)
        for key in {*keys, "rules", *(key for key in self.rows if key.startswith(("silence/", "fact/")))}:
            if (row := self.rows.get(key)) is not None:
                part._adopt(key, deepcopy(row))
        return part

    @property
    def evicted(self) -> Mapping[str, int]:
        """What limits have put out of memory, by its name."""
        return self.rows.get("evicted", {})

    def count_evicted(self, name: str, number: int = 1) -> None:
        if not number:
            return
        row = self.rows.get("evicted", {})
        self.put("evicted", {**row, name: row.get(name, 0) + number})

    def put(self, key: str, row: Row) -> None:
        if key not in self.rows and key.startswith("window/"):
            self.windows += 1
        self.rows[key] = row
        self.changed.add(key)
        self._gone.discard(key)

    def touch(self, key: str) -> None:
        """The row was changed in place."""
        self.changed.add(key)

    def delete(self, key: str) -> None:
        if self.rows.pop(key, None) is not None:
            self.windows -= key.startswith("window/")
            self.changed.discard(key)
            self._gone.add(key)

    def wake(self, key: str, row: Row, due: int | None) -> None:
        """Decide about the row at `due`, and at no other moment."""
        if due is None:
            row.pop("due", None)
        elif row.get("due") != due:
            row["due"] = due
            self.quiet_until = min(self.quiet_until, due)
            heappush(self._dues, (due, key))
        self.changed.add(key)

    def sweep(self, key: str, row: Row, moment: int | None) -> None:
        """Nobody misses the row from `moment` on."""
        if moment is None:
            row.pop("sweep", None)
        elif row.get("sweep") != moment:
            row["sweep"] = moment
            self.quiet_until = min(self.quiet_until, moment)
            heappush(self._sweeps[key.partition("/")[0]], (moment, key))
        self.changed.add(key)

    def next_due(self) -> int | None:
        return self._first(self._dues, "due")

    def settle(self) -> None:
        """All that was due and to be swept by now is done: learn when there is something again."""
        heaps = (self._dues, *self._sweeps.values())
        self.quiet_until = min((heap[0][0] for heap in heaps if heap), default=_NEVER)

    def pop_due(self, now: int) -> tuple[int, str, Row] | None:
        """The earliest row that is due by `now`, which then is due no more; by key among those due together."""
        return self._pop(self._dues, "due", now)

    def pop_sweep(self, kind: str, now: int | None = None) -> tuple[int, str, Row] | None:
        """The window, group, fact or delivery to be swept first, by `now` or at all."""
        return self._pop(self._sweeps[kind], "sweep", now)

    def take_changes(self) -> tuple[dict[str, Row], set[str]]:
        """Rows to write and keys to delete since the last call. The rows are the live ones: encode them before going on."""
        if self.seen.evicted != self.evicted.get("seen", 0):
            self.put("evicted", {**self.evicted, "seen": self.seen.evicted})
        rows, gone = self.seen.take()
        for key in self.changed:
            rows[key] = self.rows[key]
        self._gone.update(gone)
        taken = rows, self._gone
        self.changed, self._gone = set(), set()
        return taken

    def _first(self, heap: list[tuple[int, str]], field: str) -> int | None:
        while heap:
            moment, key = heap[0]
            row = self.rows.get(key)
            if row is not None and row.get(field) == moment:
                return moment
            heappop(heap)
        return None

    def _pop(self, heap: list[tuple[int, str]], field: str, now: int | None) -> tuple[int, str, Row] | None:
        moment = self._first(heap, field)
        if moment is None or (now is not None and moment > now):
            return None
        _, key = heappop(heap)
        row = self.rows[key]
        del row[field]
        self.changed.add(key)
        return moment, key, row

    def _adopt(self, key: str, row: Row) -> None:
        """Take over a stored row and all that follows from it."""
        self.rows[key] = row
        if (due := row.get("due")) is not None:
            self.quiet_until = min(self.quiet_until, due)
            heappush(self._dues, (due, key))
        if (moment := row.get("sweep")) is not None:
            self.quiet_until = min(self.quiet_until, moment)
            heappush(self._sweeps[key.partition("/")[0]], (moment, key))
        match key.split("/", 1):
            case ["window", _]:
                self.windows += 1
            case ["group", _]:
                if "id" in row:
                    self.incidents[row["id"]] = key
                for unit in row.get("firing", ()):
                    self.firing.setdefault(unit, set()).add(key)
            case ["silence", name]:
                self.silences[name] = row
            case ["fact", name]:
                self.facts[name] = row["value"]
            case _:
                pass
