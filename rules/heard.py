"""Something that fires in many incidents at once was heard of again: that is noted once for all of them, and each takes it in when something
is decided about it.

A row `heard/UNIT` is an occurrence without an expiry that fires in more than a few incidents, and `at`, when it was heard of last. An incident
whose own moment is older than that is as old as that.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules.state import Row, State
from schemas.spans import UNITS

_KEPT = UNITS["d"]


def note(state: State, unit: str, at: int) -> None:
    """It was heard of, without an expiry."""
    key = f"heard/{unit}"
    row = state.rows.get(key)
    if row is None:
        row = {"at": at}
        state.put(key, row)
        state.sweep(key, row, at + _KEPT)
    row["at"] = max(row["at"], at)
    state.touch(key)


def forget(state: State, unit: str) -> None:
    """Each incident in which it fires knows by itself when it was heard of last."""
    if (key := f"heard/{unit}") in state.rows:
        state.delete(key)


def catch_up(state: State, row: Row, units: Iterable[str]) -> None:
    """Of some that fire in an incident: take in when they were heard of last."""
    for unit in units:
        known = state.rows.get(f"heard/{unit}")
        if known is not None and unit in row["firing"]:
            row["at"] = max(row["at"], known["at"])
            # What came last came without an expiry.
            row["firing"][unit] = 0


def swept(state: State, key: str, row: Row, moment: int) -> None:
    """Nobody misses it once it fires nowhere."""
    if key.partition("/")[2] in state.firing:
        state.sweep(key, row, moment + _KEPT)
    else:
        state.delete(key)
