"""What the signals of a group come to within spans of event time, whatever the order in which they arrived."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.match.comparison import Comparison
from rules.match.measures import Measure, measure_of, without_repeats
from rules.match.said import VALUED, Match
from rules.state import Row, State
from schemas.spans import UNITS

IDS = 20
"""How many signals of a window are kept by name, the latest."""
LATE_ENDS = 100
"""A late signal looks again at the windows that end at it and at so many signals after it, where each has to be measured anew."""


@dataclass(frozen=True, slots=True)
class Window:
    """A `match` over a span, ready to be filled. `memory` names what its entries rest on: while it stays, they do."""

    match: Match
    compared: Comparison
    """Of the measure; a rate is a number of signals in `within`."""
    measure: Measure
    valued: bool
    memory: str
    most: int
    """As many entries decide about a count; 0 where every one matters."""
    holds: Callable[[float], bool]
    """`compared`, made quick."""
    sliding_count: bool
    """Whether it is what most windows are, for which nothing has to be measured."""


def window_of(match: Match, memory: str) -> Window:
    """Of any `match` but steps and absences."""
    compared, kind = match.compared, match.kind
    if compared is None:
        raise ValueError(f"{kind!r} is no window")
    if kind == "rate":
        compared = compared.times(match.within / UNITS["s"])
    valued = kind in VALUED
    most = 0 if valued else 2 * int(max(term.number for term in compared.terms) + 1)
    plain = not valued and match.span == "sliding"
    return Window(
        match,
        compared,
        measure_of(kind, match.p, interpolate=match.interpolate),
        valued,
        memory,
        most,
        compared.quick(),
        plain,
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """`count` is the measure of the window that holds the condition, else of the fullest the signal touched; `ids` are signals in it,
    some of them, and `number` how many there are."""

    count: float
    holds: bool
    ids: tuple[str, ...] = ()
    late: bool = False
    number: int = 1
    why: str = ""
    """What happened, where it is more than a window that filled."""
    units: Mapping[str, int] = field(default_factory=dict)
    """What fires together with the signal, with its expiry."""


LATE = Filled(0, False, late=True)


def fill(
    state: State, key: str, window: Window, *, signal_id: str, moment: int, now: int, lateness: int, value: Any = None
) -> Filled | None:
    """Count a signal into the group's windows; None while none that it is part of holds the condition.

    A signal that is late within the allowance re-evaluates the windows it touches. One that is later than that is not
    counted: `LATE`.
    """
    row = state.rows.get(key)
    if row is None or row["memory"] != window.memory:
        row = _new(state, key, window, lateness)
        state.sweep(key, row, now + row["keep"])
    times: list[int] = row["times"]
    row["seen"] = now
    state.changed.add(key)
    latest = times[-1] if times else moment
    if moment < latest - lateness:
        return LATE
    if window.sliding_count and moment >= latest:
        times.append(moment)
        number = len(times) - bisect_left(times, moment - window.match.within)
        count, holds = float(number), window.holds(number)
    else:
        place = bisect_right(times, moment)
        times.insert(place, moment)
        if window.valued:
            row["values"].insert(place, value)
        found = _best(window, times, row.get("values"), place)
        count, holds, number = found.count, found.holds, found.number
    ids: list[str] = row["ids"]
    ids.append(signal_id)
    if len(ids) > IDS:
        del ids[0]
    most = window.most + state.limits.window_signals if window.most else state.limits.window_values
    if len(times) > most or times[0] < latest - 2 * row["keep"]:
        _forget(state, key, row, window, lateness, most)
    return Filled(count, True, tuple(ids[-number:]), number=number) if holds else None


def again(row: Row | None, window: Window, *, moment: int, signal_id: str) -> Filled | None:
    """What the window that ends with a signal holds without it, for it has no value; None where the condition does not hold."""
    times = row["times"] if row is not None and row["memory"] == window.memory else []
    first, end = _ending(times, window, moment)
    if row is None or first >= end:
        empty = window.match.kind in ("distinct", "sum") and window.holds(0)
        return Filled(0, True, (signal_id,)) if empty else None
    count, number = _measured(window, row.get("values"), first, end), end - first + 1
    return Filled(count, True, (*row["ids"][1 - number :], signal_id), number=number) if window.holds(count) else None


def look(row: Row | None, window: Window, *, moment: int, lateness: int, value: Any = None) -> Filled:
    """What `fill` would find, without counting."""
    there = row is not None and row["memory"] == window.memory
    times = list(row["times"]) if row is not None and there else []
    if times and moment < times[-1] - lateness:
        return LATE
    place = bisect_right(times, moment)
    times.insert(place, moment)
    values = list(row.get("values", ())) if row is not None and there else []
    values.insert(place, value)
    return _best(window, times, values, place)


def holds_at(row: Row, window: Window, moment: int) -> bool:
    """Whether the window that ends at `moment` holds the condition, a signal or not."""
    first, end = _ending(row["times"], window, moment)
    return first < end and window.holds(_measured(window, row.get("values"), first, end))


def lapses(row: Row, window: Window, since: int) -> int | None:
    """The first moment after `since` at which the window no longer holds if nothing more comes; None if that is never.

    `since`: a moment at which it holds.
    """
    times: list[int] = row["times"]
    if window.match.span == "session":
        return times[-1] + window.match.within + 1
    if window.match.span == "tumbling":
        return since - since % window.match.within + window.match.within
    first = bisect_left(times, since - window.match.within)
    while first < len(times):
        leaves = times[first] + window.match.within + 1
        if not holds_at(row, window, leaves):
            return leaves
        first = bisect_right(times, times[first])
    return None


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


def _new(state: State, key: str, window: Window, lateness: int) -> Row:
    state.delete(key)
    row: Row = {
        "memory": window.memory,
        "times": [],
        "ids": [],
        "seen": 0,
        "keep": window.match.within + lateness,
    }
    if window.valued:
        row["values"] = []
    state.put(key, row)
    return row


def _best(window: Window, times: list[int], values: list[Any] | None, place: int) -> Filled:
    """Of the windows that hold the signal at `place`, the first one that holds the condition, else the one that comes to most."""
    best: Filled | None = None
    for first, end in _spans(window, times, place):
        count = _measured(window, values, first, end)
        if window.holds(count):
            return Filled(count, True, number=end - first)
        if best is None or count > best.count:
            best = Filled(count, False, number=end - first)
    return best or Filled(0, False)


def _measured(window: Window, values: list[Any] | None, first: int, end: int) -> float:
    if values is None or not window.valued:
        return end - first
    return window.measure(values[first:end])


def _spans(window: Window, times: list[int], place: int) -> Iterator[tuple[int, int]]:
    """The windows that hold the signal at `place`, as parts of the list of times."""
    moment, within = times[place], window.match.within
    match window.match.span:
        case "tumbling":
            begin = moment - moment % within
            yield bisect_left(times, begin), bisect_left(times, begin + within)
        case "session":
            first, end = place, place + 1
            while first and times[first] - times[first - 1] <= within:
                first -= 1
            while end < len(times) and times[end] - times[end - 1] <= within:
                end += 1
            yield first, end
        case "sliding":
            if place == len(times) - 1:
                yield bisect_left(times, moment - within), place + 1
                return
            end, ends = bisect_left(times, moment), 0
            while end < len(times) and times[end] <= moment + within and (ends < LATE_ENDS or not window.valued):
                last = times[end]
                end, ends = bisect_right(times, last, end), ends + 1
                yield bisect_left(times, last - within, 0, end), end


def _ending(times: list[int], window: Window, moment: int) -> tuple[int, int]:
    """The window that ends at a moment, a signal or not, as a part of the list of times; of a session, the latest one."""
    within = window.match.within
    if window.match.span == "session":
        if not times or moment > times[-1] + within:
            return 0, 0
        return next(_spans(window, times, len(times) - 1))
    begin = moment - moment % within if window.match.span == "tumbling" else moment - within
    return bisect_left(times, begin), bisect_right(times, moment)


def _forget(state: State, key: str, row: Row, window: Window, lateness: int, most: int) -> None:
    """Let go of moments that no window reaches any more, and of the oldest beyond the limit."""
    times: list[int] = row["times"]
    values: list[Any] | None = row.get("values")
    # Another span, or a source that may be later, keeps more; what it would have kept before is gone.
    row["keep"] = max(row["keep"], window.match.within + lateness)
    old = bisect_left(times, times[-1] - row["keep"])
    if window.match.span == "session":
        old = bisect_left(times, times[-1] - lateness)
        while old and times[old] - times[old - 1] <= window.match.within:
            old -= 1
    del times[:old]
    if values is not None:
        del values[:old]
        if window.match.kind == "distinct" and window.match.span == "sliding":
            without_repeats(times, values, times[-1] - lateness)
    over = len(times) - most
    if over > 0:
        state.evict("window_signals", key, over)
        del times[:over]
        if values is not None:
            del values[:over]
