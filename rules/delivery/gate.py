"""Telling at once, unless something holds it: then when that ends, if there is still something to tell.

A row `delivery/hold/GROUP` is what is due to be told and held: `ids` the signals, `view` what the latest says of itself, `by` what holds
it, `holds` what was said about that, `since` when it began.
"""

from collections.abc import Sequence

from rules.asking import choose
from rules.delivery import flapping, holds, storms, throttle
from rules.delivery.elsewhere import spoken_for
from rules.delivery.holds import Hold
from rules.delivery.known import essence
from rules.delivery.occasions import Occasion
from rules.delivery.saying import ask_again, held, notified
from rules.ruleset import CompiledRule
from rules.state import Row
from rules.turn import Turn

PREFIX = "delivery/hold/"
_MOST_IDS = 50
_SPOKEN_FOR = frozenset({"joined", "storm"})
"""What is held so is told of by another incident, and goes on being: nothing is due afterwards."""


def delivered(turn: Turn, rule: CompiledRule | None, key: str, row: Row, occasion: Occasion) -> None:
    """What has become of an incident whose rule does not wait."""
    if rule is not None and rule.delivery is not None:
        flapping.note(turn, rule.delivery, key, occasion)
    storms.begun(turn, rule, key, row, occasion)
    name = PREFIX + key.removeprefix("group/")
    waiting = turn.state.rows.get(name)
    if occasion.kind == "resolved":
        _over(turn, rule, name, row, occasion, waiting)
        return
    if not _is_due(rule, row, occasion):
        if waiting is not None and occasion.kind in ("grew", "worse"):
            _add(turn, name, waiting, occasion)
        return
    if waiting is not None and "ended" in waiting:
        # It is back before its end was told: nobody need hear of either.
        _drop(turn, name, waiting)
        row["told"] = True
        return
    if waiting is not None:
        _add(turn, name, waiting, occasion)
        _look(turn, rule, key, row, name, waiting)
        return
    _tell_unless_held(turn, rule, key, row, occasion)


def offer(turn: Turn, rule: CompiledRule | None, key: str, row: Row) -> None:
    """An open incident that nobody speaks for any more is due. One whose rule waits is told of at its group's next look."""
    if rule is not None and rule.delivery is not None and rule.delivery.pace is not None:
        return
    _tell_unless_held(turn, rule, key, row, Occasion("grew", tuple(row["tail"][-1:] or row["head"][-1:])))


def _tell_unless_held(turn: Turn, rule: CompiledRule | None, key: str, row: Row, occasion: Occasion) -> None:
    """Tell of it, unless something holds it."""
    name = PREFIX + key.removeprefix("group/")
    hold = _hold(turn, rule, key, row, occasion.fields)
    if hold is None:
        _pass(turn, rule, key, row, occasion.ids, occasion)
        return
    if hold.cause in _SPOKEN_FOR:
        held(turn, row, row, [hold], occasion.ids[-1:])
        return
    waiting = {"ids": [], "view": {}, "by": [], "since": turn.at}
    turn.state.put(name, waiting)
    _add(turn, name, waiting, occasion)
    _wait(turn, row, name, waiting, hold)


def due(turn: Turn, name: str, waiting: Row) -> None:
    """Whether what was held is still held, and if not, telling it."""
    key = f"group/{name.removeprefix(PREFIX)}"
    row = turn.state.rows.get(key)
    if row is not None and "id" in row and "ended" in waiting:
        _tell_end(turn, name, row, waiting)
        turn.state.touch(key)
        return
    if row is None or "id" not in row or row["status"] == "resolved":
        _drop(turn, name, waiting)
        return
    _look(turn, turn.compiled(row["rule"]), key, row, name, waiting)
    turn.state.touch(key)


def freed(turn: Turn, cause: str) -> None:
    """What held some things back holds them no more."""
    for name in sorted(turn.state.held.get(cause, ())):
        if (waiting := turn.state.rows.get(name)) is not None:
            turn.state.wake(name, waiting, None)
            due(turn, name, waiting)


def _is_due(rule: CompiledRule | None, row: Row, occasion: Occasion) -> bool:
    if occasion.kind in ("opened", "reopened") or (occasion.kind == "worse" and row["severity"] == "critical"):
        return True
    # With a throttle, every firing is an occasion, and the throttle says how often one is told.
    throttled = rule is not None and rule.delivery is not None and rule.delivery.throttle is not None
    return throttled and occasion.fired and occasion.kind in ("grew", "worse")


def _hold(turn: Turn, rule: CompiledRule | None, key: str, row: Row, view: Row | None) -> Hold | None:
    if (
        view is not None
        and (hold := holds.of_signal(turn, {"fact": turn.state.facts, "incident": {}, **view})) is not None
    ):
        return hold
    if rule is None or rule.delivery is None:
        return spoken_for(turn, rule, key, row)
    return (
        holds.of_times(rule.delivery, turn.at)
        or flapping.hold(turn, rule.delivery, key)
        or spoken_for(turn, rule, key, row)
    )


def _look(turn: Turn, rule: CompiledRule | None, key: str, row: Row, name: str, waiting: Row) -> None:
    hold = _hold(turn, rule, key, row, waiting["view"])
    if hold is not None and hold.cause not in _SPOKEN_FOR:
        _wait(turn, row, name, waiting, hold)
        return
    _drop(turn, name, waiting)
    if hold is not None:
        held(turn, row, row, [hold], ())
        return
    _pass(turn, rule, key, row, waiting["ids"], None)


def _pass(
    turn: Turn, rule: CompiledRule | None, key: str, row: Row, ids: Sequence[str], occasion: Occasion | None
) -> None:
    """Nothing holds it; a throttle may still."""
    trace = occasion.fields.get("trace") if occasion is not None and occasion.fields is not None else row.get("trace")
    if rule is not None and rule.delivery is not None and rule.delivery.throttle is not None:
        fields = occasion.fields if occasion is not None else None
        passed = throttle.pass_on(turn, rule, key, row, ids, fields)
        if passed is None:
            return
        ids = passed
    row["told"] = True
    choose(turn, row, ids, trace)


def _over(turn: Turn, rule: CompiledRule | None, name: str, row: Row, occasion: Occasion, waiting: Row | None) -> None:
    """The incident has ended. Where its beginning was told and the rule's times are closed, the end is told when they open."""
    if waiting is not None:
        _drop(turn, name, waiting)
        _say_over(turn, row, occasion.ids, waiting)
    row.pop("holds", None)
    told = row.pop("told", False)
    closed = holds.of_times(rule.delivery, turn.at) if rule is not None and rule.delivery is not None else None
    if told and closed is not None:
        ended = {"ids": list(occasion.ids), "view": {}, "by": [], "since": turn.at, "ended": row["id"]}
        turn.state.put(name, ended)
        held(turn, row, ended, [closed], occasion.ids[-1:])
        turn.state.wake(name, ended, closed.until)


def _tell_end(turn: Turn, name: str, row: Row, waiting: Row) -> None:
    _drop(turn, name, waiting)
    rule = turn.rule(row["rule"])
    if row["id"] == waiting["ended"] and row["status"] == "resolved" and rule is not None and rule.playbook is not None:
        notified(turn, row, "all_resolved", rule.playbook, (), waiting["ids"])


def _wait(turn: Turn, row: Row, name: str, waiting: Row, hold: Hold) -> None:
    for cause in waiting["by"]:
        turn.state.held.get(cause, set()).discard(name)
    waiting["by"] = [hold.key] if hold.key else []
    if hold.key:
        turn.state.held.setdefault(hold.key, set()).add(name)
    held(turn, row, waiting, [hold], waiting["ids"][-1:])
    again = ask_again(turn, row, waiting, hold)
    dues = [moment for moment in (hold.until, again) if moment is not None and moment > turn.at]
    turn.state.wake(name, waiting, min(dues, default=None))


def _add(turn: Turn, name: str, waiting: Row, occasion: Occasion) -> None:
    waiting["ids"] = [*waiting["ids"], *occasion.ids][-_MOST_IDS:]
    if occasion.fields is not None:
        waiting["view"] = essence(occasion.fields)
    turn.state.touch(name)


def _drop(turn: Turn, name: str, waiting: Row) -> None:
    for cause in waiting["by"]:
        names = turn.state.held.get(cause)
        if names is not None:
            names.discard(name)
            if not names:
                del turn.state.held[cause]
    turn.state.delete(name)


def _say_over(turn: Turn, row: Row, ids: Sequence[str], waiting: Row) -> None:
    rule = turn.rule(row["rule"])
    data = {"playbook": rule.playbook if rule is not None else None, "reason": "over"}
    causes = " and ".join(f"{cause} by {by}" if by else cause for cause, by in waiting.get("holds", []))
    because = f"nobody was told: it was over while held ({causes or 'held'})"
    turn.say("playbook.skipped", row, because, cause=ids[-1:], data=data, trace=row.get("trace"))
