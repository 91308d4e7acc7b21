"""How many signals of a group came within a span of event time, ends included, whatever the order in which they arrived."""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass

from rules.model import Match
from rules.state import Row, State

IDS = 20
"""How many signals of a window are kept by name, the latest."""


@dataclass(frozen=True, slots=True)
class Filled:
    """`count` is how full the fullest window was that the signal touched; `ids` are signals in it, some of them."""

    count: int
    holds: bool
    ids: tuple[str, ...] = ()
    late: bool = False


LATE = Filled(0, False, late=True)


def fill(state: State, key: str, match: Match, memory: str, *, signal_id: str, moment: int, now: int) -> Filled | None:
    """Count a signal into the group's windows `[t-within, t]`; None while none that it is part of holds the condition.

    A signal that is late within the allowance re-evaluates the windows it touches. One that is later than that is not
    counted: `LATE`.
    """
    row = state.rows.get(key)
    if row is None or row["memory"] != memory:
        row = _new(state, key, match, memory)
        state.sweep(key, row, now + row["keep"])
    times: list[int] = row["times"]
    row["seen"] = now
    state.changed.add(key)
    if not times or moment >= times[-1]:
        times.append(moment)
        count = len(times) - bisect_left(times, moment - match.within)
        holds = match.count.holds(count)
    elif moment < times[-1] - state.limits.lateness:
        return LATE
    else:
        insort(times, moment)
        count, holds = _fullest(times, moment, match)
    ids: list[str] = row["ids"]
    ids.append(signal_id)
    if len(ids) > IDS:
        del ids[0]
    if len(times) > row["most"] or times[0] < times[-1] - 2 * row["keep"]:
        _forget(state, row)
    return Filled(count, True, tuple(ids[-count:])) if holds else None


def look(row: Row | None, match: Match, memory: str, *, moment: int, lateness: int) -> Filled:
    """What `fill` would find, without counting."""
    times = list(row["times"]) if row is not None and row["memory"] == memory else []
    if times and moment < times[-1] - lateness:
        return LATE
    insort(times, moment)
    return Filled(*_fullest(times, moment, match))


def sweep(state: State, now: int) -> None:
    """Let go of groups that have not been counted into for longer than any window of them can reach."""
    while (swept := state.pop_sweep("window", now)) is not None:
        _let_go(state, *swept)


def _let_go(state: State, moment: int, key: str, row: Row) -> bool:
    if row["seen"] + row["keep"] > moment:
        state.sweep(key, row, row["seen"] + row["keep"])
        return False
    state.delete(key)
    return True


def _new(state: State, key: str, match: Match, memory: str) -> Row:
    state.delete(key)
    while state.windows >= state.limits.windows and (first := state.pop_sweep("window")) is not None:
        state.count_evicted("windows", _let_go(state, *first))
    keep, most = match.within + state.limits.lateness, 2 * match.count.number + state.limits.window_signals
    row = {"memory": memory, "times": [], "ids": [], "seen": 0, "keep": keep, "most": most}
    state.put(key, row)
    return row


def _fullest(times: list[int], moment: int, match: Match) -> tuple[int, bool]:
    """Of the windows that hold the moment, how full the first one is that holds the condition, else the fullest."""
    fullest, end = 0, bisect_left(times, moment)
    while end < len(times) and times[end] <= moment + match.within:
        last = times[end]
        end = bisect_right(times, last, end)
        count = end - bisect_left(times, last - match.within, 0, end)
        if match.count.holds(count):
            return count, True
        fullest = max(fullest, count)
    return fullest, False


def _forget(state: State, row: Row) -> None:
    """Let go of moments that no window reaches any more, and of the oldest beyond the limit."""
    times: list[int] = row["times"]
    old = bisect_left(times, times[-1] - row["keep"])
    over = len(times) - old - row["most"]
    if over > 0:
        state.count_evicted("window_signals", over)
        old += over
    del times[:old]
