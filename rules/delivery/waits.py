"""Groups that wait: who joins them, when they are looked at, and what is said when they are."""

from collections.abc import Mapping, Sequence

from rules.asking import choose
from rules.delivery import flapping, holds, known
from rules.delivery.compiled import Delivery, Pace
from rules.delivery.elsewhere import spoken_for
from rules.delivery.group import Look, look, new_group
from rules.delivery.saying import ask_again, held, notified
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.silences import silences_of
from rules.state import Row
from rules.turn import Turn
from schemas.spans import UNITS

_AFTER = 1
"""Microseconds: all inputs of one moment are in before a group is looked at that does not wait."""
_TOLD_FOR = UNITS["h"]
"""What was told is remembered for twice `repeat_interval` and at least so long, as in Alertmanager, which forgets now and then."""


def join(turn: Turn, rule: CompiledRule, pace: Pace, key: str, fields: Fields) -> None:
    """A signal's occurrence joins the group of the incident under `key`, whether it begins, goes on or ends."""
    name = f"delivery/{key}"
    unit, alert = known.know(turn, fields, joins=True)
    row = turn.state.rows.get(name)
    if row is None:
        row = new_group(rule.name)
        turn.state.put(name, row)
    if not row["in"]:
        turn.state.sweep(name, row, None)
        # What has been going on for longer than the wait has been waited for.
        _wake(turn, name, row, 0 if alert["s"] + pace.wait < turn.at else pace.wait)
        _say_waiting(turn, key, row, pace, fields)
    row["in"][unit] = 1
    if row["over"]:
        row["over"] = [each for each in row["over"] if each != unit]
    if len(row["in"]) > turn.state.limits.group_members:
        first = next(iter(row["in"]))
        del row["in"][first]
        known.left(turn, first, name)
        turn.state.evict("group_members", key)
    turn.state.touch(name)
    known.joined(turn, unit, name)


def ended(turn: Turn, key: str) -> None:
    """The incident is over, whatever its occurrences say: a person resolved it, or its time ran out."""
    row = turn.state.rows.get(f"delivery/{key}")
    if row is not None and row["in"]:
        row["over"] = sorted(row["in"])
        turn.state.touch(f"delivery/{key}")


def due(turn: Turn, name: str, row: Row) -> None:
    """Look at the group; what was found is told, what is held is said to be, and the next look is set."""
    key = name.removeprefix("delivery/")
    turn.at -= row.pop("after", 0)
    rule = turn.compiled(row["rule"])
    delivery = rule.delivery if rule is not None else None
    if rule is None or delivery is None or delivery.pace is None:
        drop(turn, name, row)
        return
    peek, now = turn.state.rows.peek, turn.at
    alerts = {unit: peek(known.PREFIX + unit) for unit in row["in"]}
    over = {unit for unit, alert in alerts.items() if alert is None or (alert["e"] and alert["e"] <= now)}
    over.update(unit for unit in row["over"] if unit in alerts)
    why = _holds(turn, rule, delivery, key, alerts)
    found = look(row, delivery.pace, over, why, now)
    if over:
        for unit in alerts:
            if unit not in row["in"]:
                known.left(turn, unit, name)
    incident = turn.state.rows.get(key)
    if incident is not None and "id" in incident:
        said = incident["rev"]
        _tell(turn, rule, incident, alerts, found)
        firing = [why[unit] for unit in found.held if unit not in over]
        held(turn, incident, row, firing, _ids(alerts, list(alerts)[-1:]))
        if (silenced := next((hold for hold in firing if hold.cause == "silenced"), None)) is not None:
            ask_again(turn, incident, row, silenced)
        if incident["rev"] != said:
            turn.state.touch(key)
    _rest(turn, name, row, delivery.pace)


def drop(turn: Turn, name: str, row: Row) -> None:
    """The group waits no more: its rule is gone, or tells at once."""
    for unit in row["in"]:
        known.left(turn, unit, name)
    turn.state.delete(name)


def _holds(
    turn: Turn, rule: CompiledRule, delivery: Delivery, key: str, alerts: dict[str, Row | None]
) -> dict[str, holds.Hold]:
    incident = turn.state.rows.get(key)
    closed = holds.of_times(delivery, turn.at) or flapping.hold(turn, delivery, key)
    if closed is None and incident is not None and "id" in incident:
        closed = spoken_for(turn, rule, key, incident)
    if closed is not None:
        return dict.fromkeys(alerts, closed)
    if not turn.state.sources and not turn.state.silences:
        return {}
    found, free = {}, None if turn.state.sources else silences_of(turn).never_meets
    for unit, alert in alerts.items():
        if alert is None or (free is not None and free(alert["id"])):
            continue
        if (hold := holds.of_signal(turn, known.view_of(turn, alert))) is not None:
            found[unit] = hold
    return found


def _tell(turn: Turn, rule: CompiledRule, incident: Row, alerts: Mapping[str, Row | None], found: Look) -> None:
    if found.reason is None or found.silent or rule.rule.playbook is None:
        return
    ids, ended_ids = _ids(alerts, found.firing), _ids(alerts, found.resolved)
    notified(turn, incident, found.reason, rule.rule.playbook, ids, ended_ids)
    if ids and incident["status"] != "resolved":
        choose(turn, incident, ids, incident.get("trace"))


def _ids(alerts: Mapping[str, Row | None], units: Sequence[str]) -> list[str]:
    """The signals that last spoke of some occurrences; "" of those of which nothing is known."""
    return [alert["id"] if (alert := alerts[unit]) is not None else "" for unit in units]


def _rest(turn: Turn, name: str, row: Row, pace: Pace) -> None:
    if row["in"]:
        turn.state.wake(name, row, turn.at + pace.interval)
    elif "log" in row:
        row.pop("holds", None)
        turn.state.sweep(name, row, max(row["log"]["at"] + max(2 * pace.repeat, _TOLD_FOR), turn.at + 1))
    else:
        turn.state.delete(name)


def _wake(turn: Turn, name: str, row: Row, wait: int) -> None:
    if wait == 0:
        row["after"] = _AFTER
    turn.state.wake(name, row, turn.at + (wait or _AFTER))


def _say_waiting(turn: Turn, key: str, row: Row, pace: Pace, fields: Fields) -> None:
    incident = turn.state.rows.get(key)
    if pace.wait and incident is not None and "id" in incident and incident["status"] != "resolved":
        hold = holds.Hold("waiting", row["rule"], turn.at + pace.wait, words="waiting for more of the group")
        held(turn, incident, row, [hold], (fields["id"],))
