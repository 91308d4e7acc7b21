"""What the engine knows: rows of plain values by key, whose changes can be taken out and from which it can be restored.

Keys: `group/...` a group and its incident; `window/...` what a group has counted, `steps/...` what it has seen of steps, `absence/...` what it
waits to hear, `waiting/...` since when it has been true; `count/...` signals with one outcome,
`silence/ID`, `fact/KEY`, `delivery/...` what is held and what was told, `correlation/...` what belongs together, `heard/...` what fires in many, `rules` the rule set in force, `evicted`, and `seen/...`. A row may hold `due`, the moment at which
something is decided about it, and `sweep`, the moment from which nobody misses it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from rules.bounds import BOUNDED, EARLIER, ENDED, Bounds, Moments
from rules.correlation.open_sets import OpenSets
from rules.limits import Limits
from rules.rows import Row, Rows
from rules.seen import Seen
from rules.several import Several
from rules.shortened import Ids

__all__ = ["Row", "State"]

_NEVER = 1 << 63


class State:
    """An owned value of one engine. Rows may be changed in place by whoever then calls `touch`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.rows = Rows()
        self.changed: set[str] = set()
        self.seen = Seen(self.limits.seen)
        self.firing = Several()
        """Keys of groups in which an occurrence fires, and of those in which it waits to, by occurrence."""
        self.incidents = Ids("inc_")
        """Keys of groups by the id of their latest incident."""
        self.ended: dict[str, Row] = {}
        """Ends that came before what they end, by occurrence."""
        self.silences: dict[str, Row] = {}
        self.silencing: Any = None
        """The silences made ready to be asked; None after a change of them."""
        self.sources: dict[str, dict[str, bool]] = {}
        """Occurrences that hold others back, by inhibition and equal values; and whether they meet its other side as well."""
        self.held: dict[str, set[str]] = {}
        """Keys of rows `delivery/hold/...` by what holds them: a silence, an inhibition with its values."""
        self.facts: dict[str, Any] = {}
        self.sets = OpenSets()
        """Keys of rows of incidents that others may join."""
        self.erring: Counter[str] = Counter()
        """How often the condition of a rule was an error: a figure for whoever runs it, who takes it away; no part of what is stored."""
        self.lost: list[tuple[str, str, int]] = []
        """What limits have put out of memory since it was last told: the limit's name, the row's key, how much of it."""
        self.quiet_until = _NEVER
        """Before this moment no row is due and none is to be swept: an estimate on the safe side, for whoever asks at every step."""
        self._begun = False
        self._gone: set[str] = set()
        self._dues = Moments()
        self._sweeps = {
            kind: Moments() for kind in (*sorted(BOUNDED), "group", "fact", "delivery", "correlation", "heard")
        }
        self._bounds = Bounds(self.limits.windows, self.limits.keys_of_rule)

    @classmethod
    def restore(cls, rows: Iterable[tuple[str, Row]], limits: Limits | None = None) -> "State":
        """From all rows that were ever put and not deleted; goes on as the state they were taken from would have."""
        state = cls(limits)
        state.take_in(sorted(rows))
        return state

    def take_in(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Take over more stored rows; all of them, call after call, in the order of their keys."""
        for key, row in rows:
            if key.startswith("seen/"):
                self.seen.restore(((key, row),))
            else:
                self._adopt(key, row)
        self.seen.evicted = self.evicted.get("seen", 0)
        self._begun = "begun" in self.rows

    def rest(self) -> None:
        """The changes are taken and encoded, and nobody holds a row: those not in use may be packed."""
        self.rows.rest()

    def excerpt(self, keys: Iterable[str], ids: Iterable[str]) -> "State":
        """A state with copies of some rows and some of the ids seen, to try something on; facts and silences come along."""
        part = State(self.limits)
        part.seen = self.seen.copy_of(ids)
        for key in {*keys, "rules", *self.rows.named(("silence/", "fact/"))}:
            if (row := self.rows.get(key)) is not None:
                part._adopt(key, deepcopy(row))
        return part

    @property
    def evicted(self) -> Mapping[str, int]:
        """What limits have put out of memory, by its name."""
        found: Mapping[str, int] = self.rows.get("evicted", {})
        return found

    def count_evicted(self, name: str, number: int = 1) -> None:
        if not number:
            return
        row = self.rows.get("evicted", {})
        self.put("evicted", {**row, name: row.get(name, 0) + number})

    @property
    def begun(self) -> bool:
        """Whether the first input of all has come."""
        return self._begun

    def begin(self, now: int) -> None:
        """It has come now."""
        if "begun" not in self.rows:
            self.put("begun", {"at": now})
        self._begun = True

    def evict(self, limit: str, key: str, number: int = 1) -> None:
        """A limit has put something of the row out of memory: it is counted, and will be told."""
        if number:
            self.count_evicted(limit, number)
            self.lost.append((limit, key, number))

    def kept(self, kind: str) -> int:
        """How many rows there are of a bounded kind."""
        return self._bounds.number[kind]

    def put(self, key: str, row: Row) -> None:
        """A row of a bounded kind that is new makes others go where there are too many."""
        if key not in self.rows and (kind := key.partition("/")[0]) in BOUNDED:
            self._make_room(kind, key)
            self._bounds.add(kind, key)
        self.rows[key] = row
        self.changed.add(key)
        self._gone.discard(key)

    def touch(self, key: str) -> None:
        """The row was changed in place."""
        self.changed.add(key)

    def delete(self, key: str) -> None:
        if (row := self.rows.pop(key, None)) is not None:
            if (kind := key.partition("/")[0]) in BOUNDED:
                self._bounds.drop(kind, key)
                if kind == EARLIER:
                    self.incidents.pop(row["id"], None)
                elif kind == ENDED:
                    self.ended.pop(row["unit"], None)
            self.changed.discard(key)
            self._gone.add(key)

    def wake(self, key: str, row: Row, due: int | None) -> None:
        """Decide about the row at `due`, and at no other moment."""
        if due is None:
            row.pop("due", None)
        elif row.get("due") != due:
            row["due"] = due
            self.quiet_until = min(self.quiet_until, due)
            self._dues.push(due, key)
        self.changed.add(key)

    def sweep(self, key: str, row: Row, moment: int | None) -> None:
        """Nobody misses the row from `moment` on."""
        if moment is None:
            row.pop("sweep", None)
        elif row.get("sweep") != moment:
            row["sweep"] = moment
            self.quiet_until = min(self.quiet_until, moment)
            self._note_sweep(key, moment)
        self.changed.add(key)

    def drop_firing(self, unit: str, key: str) -> None:
        """The occurrence fires in the group no more."""
        self.firing.drop(unit, key)

    def drop_source(self, key: str, unit: str) -> None:
        """The occurrence holds nothing back under the key any more."""
        units = self.sources.get(key)
        if units is not None:
            units.pop(unit, None)
            if not units:
                del self.sources[key]

    def next_due(self) -> int | None:
        found = self._dues.first(self.rows, "due")
        return found[0] if found is not None else None

    def settle(self) -> None:
        """All that was due and to be swept by now is done: learn when there is something again."""
        soonest = (moments.soonest() for moments in (self._dues, *self._sweeps.values()))
        self.quiet_until = min((moment for moment in soonest if moment is not None), default=_NEVER)

    def pop_due(self, now: int) -> tuple[int, str, Row] | None:
        """The earliest row that is due by `now`, which then is due no more; by key among those due together."""
        return self._pop(self._dues, "due", now)

    def pop_sweep(self, kind: str, now: int | None = None) -> tuple[int, str, Row] | None:
        """The row of a kind to be swept first, by `now` or at all."""
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

    def _pop(self, moments: Moments, field: str, now: int | None) -> tuple[int, str, Row] | None:
        found = moments.first(self.rows, field)
        if found is None or (now is not None and found[0] > now):
            return None
        moment, key = found
        row = self.rows[key]
        del row[field]
        self.changed.add(key)
        return moment, key, row

    def _note_sweep(self, key: str, moment: int) -> None:
        kind = key.partition("/")[0]
        self._sweeps[kind].push(moment, key)
        if kind in BOUNDED:
            self._bounds.note(kind, key, moment, self.rows)

    def _make_room(self, kind: str, key: str) -> None:
        """Let go of the rows that would be forgotten first, until another one fits in. Rows used since they said so may stay longer."""
        while (full := self._bounds.full(kind, key)) is not False:
            found = self._pop(full if isinstance(full, Moments) else self._sweeps[kind], "sweep", None)
            if found is None:
                return
            moment, first, row = found
            later = row.get("seen", 0) + row.get("keep", 0)
            if later > moment:
                self.sweep(first, row, later)
            else:
                self.delete(first)
                self.evict(f"{kind}s" if kind == "window" else kind, first)

    def _adopt(self, key: str, row: Row) -> None:
        """Take over a stored row and all that follows from it."""
        self.rows.adopt(key, row)
        if (due := row.get("due")) is not None:
            self.quiet_until = min(self.quiet_until, due)
            self._dues.push(due, key)
        if (kind := key.partition("/")[0]) in BOUNDED:
            self._bounds.add(kind, key)
        if (moment := row.get("sweep")) is not None:
            self.quiet_until = min(self.quiet_until, moment)
            self._note_sweep(key, moment)
        match key.split("/", 1):
            case ["group", _]:
                if "id" in row:
                    self.incidents[row["id"]] = key
                for unit in row.get("firing", ()):
                    self.firing.add(unit, key)
            case ["earlier", _]:
                self.incidents[row["id"]] = key
            case ["ended", _]:
                self.ended[row["unit"]] = row
            case ["waiting", _]:
                for unit in row["units"]:
                    self.firing.add(unit, key)
            case ["delivery", name]:
                for source, two_sided in row.get("src", {}).items():
                    self.sources.setdefault(source, {})[name.removeprefix("alert/")] = two_sided
                causes: Iterable[str] = row.get("by", ())
                for cause in causes:
                    self.held.setdefault(cause, set()).add(key)
            case ["silence", name]:
                if not row.get("over"):
                    self.silences[name] = row
            case ["fact", name]:
                self.facts[name] = row["value"]
            case ["correlation", name] if name.startswith("set/"):
                self.sets.add(key)
            case _:
                pass
