"""How many signals of a group came within a span of event time, ends included, whatever the order in which they arrived."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from rules.limits import Limits
from rules.model import Match
from rules.state import Row, State


@dataclass(frozen=True, slots=True)
class Filled:
    """`count` is how full the fullest window was that the signal touched, `ids` the signals in it; `late` ones are not counted."""

    count: int
    holds: bool
    ids: tuple[str, ...] = ()
    late: bool = False


_LATE = Filled(0, False, late=True)


def fill(state: State, key: str, match: Match, memory: str, *, signal_id: str, moment: int, now: int) -> Filled:
    """Count a signal into the group's windows `[t-within, t]`, and say whether one that it is part of holds the condition.

    A signal that is late within the allowance re-evaluates the windows it touches. One that is later than that is not counted.
    """
    row = state.rows.get(key)
    if row is None or row["memory"] != memory:
        row = _new(state, key, match, memory)
    times: list[int] = row["times"]
    ids: list[str] = row["ids"]
    limits = state.limits
    if times and moment < times[-1] - limits.lateness:
        return _LATE
    at = len(times) if not times or moment >= times[-1] else bisect_right(times, moment)
    times.insert(at, moment)
    ids.insert(at, signal_id)
    row["seen"] = now
    result = _fullest(times, ids, at, match)
    _forget(state, row, match, limits)
    state.changed.add(key)
    if "sweep" not in row:
        state.sweep(key, row, now + row["keep"])
    return result


def look(row: Row | None, match: Match, memory: str, *, moment: int, lateness: int) -> Filled:
    """What `fill` would find, without counting."""
    times = list(row["times"]) if row is not None and row["memory"] == memory else []
    if times and moment < times[-1] - lateness:
        return _LATE
    at = bisect_right(times, moment)
    times.insert(at, moment)
    return _fullest(times, [""] * len(times), at, match)


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
    row = {"memory": memory, "times": [], "ids": [], "seen": 0, "keep": match.within + state.limits.lateness}
    state.put(key, row)
    return row


def _fullest(times: list[int], ids: list[str], at: int, match: Match) -> Filled:
    """Of the windows ending at the signal or at a later one within its reach, the first that holds, else the fullest."""
    within, best = match.within, Filled(0, False)
    end = at
    moment = times[at]
    while end < len(times) and times[end] <= moment + within:
        last = times[end]
        end = bisect_right(times, last, end)
        first = bisect_left(times, last - within, 0, at + 1)
        count = end - first
        if match.count.holds(count):
            return Filled(count, True, tuple(ids[first:end]))
        if count > best.count:
            best = Filled(count, False)
    return best


def _forget(state: State, row: Row, match: Match, limits: Limits) -> None:
    times: list[int] = row["times"]
    old = bisect_left(times, times[-1] - match.within - limits.lateness)
    over = len(times) - old - (2 * match.count.number + limits.window_signals)
    if over > 0:
        state.count_evicted("window_signals", over)
        old += over
    if old:
        del times[:old]
        del row["ids"][:old]
