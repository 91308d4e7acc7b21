"""What time brings: everything that is due, in order, and everything that nobody misses any more."""

from collections.abc import Callable

from rules import heard, lifecycle, silencing, windows
from rules.bounds import EARLIER, ENDED
from rules.correlation import handing, sets
from rules.delivery import seam
from rules.judging import tell_followers
from rules.match import absence, facts, holding, steps
from rules.state import Row, State
from rules.turn import Turn


def pass_time(state: State, now: int, turn_at: Callable[[int], Turn]) -> None:
    """Do what is due by `now`, each thing at its own moment; `turn_at` gives the turn of a moment."""
    while (found := state.pop_due(now)) is not None:
        due, key, row = found
        turn = turn_at(due)
        _due(turn, key, row)
        tell_followers(turn)
    _sweep(state, now, turn_at)
    state.settle()


def _due(turn: Turn, key: str, row: Row) -> None:
    match key.partition("/")[0]:
        case "group":
            lifecycle.due(turn, key, row)
        case "delivery" | "throttle":
            seam.due(turn, key, row)
        case "waiting":
            holding.due(turn, key, row)
        case "steps":
            steps.due(turn, key, row)
        case "absence":
            absence.due(turn, key, row)
        case "count":
            turn.state.delete(key)
            turn.record(row)
        case "correlation":
            handing.due(turn, key, row)
        case "silence":
            silencing.ran_out(turn, row)


def _sweep(state: State, now: int, turn_at: Callable[[int], Turn]) -> None:
    while (swept := state.pop_sweep("fact", now)) is not None:
        facts.swept(state, swept[1], swept[2], swept[0])
    while (swept := state.pop_sweep("group", now)) is not None:
        lifecycle.forget(turn_at(swept[0]), swept[1], swept[2])
    while (swept := state.pop_sweep("delivery", now)) is not None:
        seam.swept(turn_at(swept[0]), swept[1], swept[2])
    while (swept := state.pop_sweep("correlation", now)) is not None:
        sets.swept(turn_at(swept[0]), swept[1], swept[2])
    while (swept := state.pop_sweep("heard", now)) is not None:
        heard.swept(state, swept[1], swept[2], swept[0])
    windows.sweep(state, now)
    for kind in ("steps", "absence", "waiting", "throttle", "same", EARLIER, ENDED):
        while (swept := state.pop_sweep(kind, now)) is not None:
            moment, key, row = swept
            later = max(row.get("seen", 0) + row.get("keep", 0), row.get("due", 0) + 1)
            if later > moment:
                state.sweep(key, row, later)
            elif kind == "waiting":
                holding.forget(turn_at(moment), key, row)
            else:
                state.delete(key)
