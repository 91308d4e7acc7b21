"""Where the engine hands over to delivery: whether a signal is heard at all, what an occasion leads to, what time brings."""

from collections.abc import Sequence

from rules import silences
from rules.correlation import joining
from rules.counts import Outcome
from rules.delivery import dedup, flapping, gate, holds, inhibition, known, storms, throttle, waits
from rules.delivery.occasions import Occasion
from rules.delivery.tree import route
from rules.incidents import POINTS
from rules.ruleset import CompiledRule, RuleSet
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn

_HUSHED: dict[holds.Cause, Outcome] = {"silenced": "silence", "inhibited": "inhibition"}


def heard(turn: Turn, fields: Fields) -> None:
    """Told of every new signal before anything else is."""
    if turn.ruleset.tells_in_time:
        for source in known.heard(turn, fields):
            gate.freed(turn, f"inhibition/{source}")


def hushed(turn: Turn, fields: Fields) -> tuple[Outcome, str] | None:
    """What hides a signal from everybody now, and by whose word; None where nothing does. Asked before rules are, of signals that are
    not resolved. What lasts (alerts, check-ins) still joins its incidents, and is told of when the hold ends; see `keeps`."""
    if not turn.state.silences and not turn.state.sources:
        return None
    hold = holds.of_signal(turn, fields)
    if hold is None:
        return None
    if hold.cause == "silenced":
        silences.used(turn, hold.by)
    return _HUSHED[hold.cause], hold.by


def keeps(fields: Fields) -> bool:
    """Whether a signal that is hushed still reaches the rules: what lasts does, what happened at a moment is gone with it."""
    return fields["type"] not in POINTS


def said_before(turn: Turn, fields: Fields, rule: CompiledRule | None = None) -> bool:
    """Whether the signal says again what the last one of its problem said, by what its source or a rule that acts on it says of that."""
    if rule is None:
        said = turn.ruleset.dedup.get(fields["source"]) if turn.ruleset.dedup else None
        return said is not None and dedup.repeats(turn, said, f"source:{fields['source']}", fields)
    said = rule.delivery.dedup if rule.delivery is not None else None
    return said is not None and dedup.repeats(turn, said, rule.name, fields)


def routed(ruleset: RuleSet, matching: Sequence[int]) -> Sequence[int]:
    """Of the rules that match a signal, by number and in order, those that act on it: in a routing tree not all do."""
    return route(ruleset, matching) if ruleset.has_trees else matching


def acting(turn: Turn, fields: Fields, rules: Sequence[int]) -> None:
    """Told which rules act on a signal, before they do."""
    if not turn.ruleset.inhibitors.all:
        return
    ruleset = turn.ruleset
    sources = [ruleset.rules[number] for number in rules if ruleset.rules[number].name in ruleset.inhibitors.of]
    if sources and fields["status"] == "firing":
        unit, row = known.know(turn, fields)
        inhibition.sourced(turn, unit, row, sources, known.view_of(turn, row))


def delivered(turn: Turn, key: str, row: Row, occasion: Occasion) -> None:
    """Deliver what has become of the group under `key` (`choose` asks for its playbook), hold it, or let it be."""
    rule = turn.compiled(row["rule"])
    if turn.state.sets or turn.ruleset.relations is not None or "parent" in row or "leads" in row:
        joining.note(turn, rule, key, row, occasion)
    pace = rule.delivery.pace if rule is not None and rule.delivery is not None else None
    if rule is not None and occasion.kind == "resolved" and rule.name in turn.ruleset.inhibitors.of:
        inhibition.ended(turn, rule)
    if rule is not None and rule.delivery is not None and pace is not None:
        kind = occasion.kind
        if kind in ("opened", "reopened", "resolved"):
            flapping.note(turn, rule.delivery, key, occasion)
            storms.begun(turn, rule, key, row, occasion)
        if kind == "resolved":
            waits.ended(turn, key)
        elif occasion.fields is not None and kind != "fewer":
            waits.join(turn, rule, pace, key, occasion.fields)
        return
    gate.delivered(turn, rule, key, row, occasion)


def calmed(turn: Turn, rule: CompiledRule, key: str, fields: Fields) -> None:
    """Told of a resolved signal on which a rule acts, before its incident is."""
    if rule.delivery is not None and rule.delivery.pace is not None:
        waits.join(turn, rule, rule.delivery.pace, key, fields)


def due(turn: Turn, key: str, row: Row) -> None:
    """The moment has come for which a row `delivery/...` or `throttle/...` asked with `State.wake`; the row is due no more."""
    match key.split("/", 2):
        case ["throttle", *_]:
            throttle.due(turn, key, row)
        case [_, "group", *_]:
            waits.due(turn, key, row)
        case [_, "hold", *_]:
            gate.due(turn, key, row)
        case [_, "storm", *_]:
            storms.due(turn, key, row)


def swept(turn: Turn, key: str, row: Row) -> None:
    """The moment has come from which nobody misses a row `delivery/...`, as it said with `State.sweep`."""
    if key.startswith(known.PREFIX):
        known.swept(turn, key, row)
    else:
        turn.state.delete(key)


def reactivated(turn: Turn) -> None:
    """Other rules are in force: what is known fires and holds by them from here on, and what was held is looked at again."""
    state = turn.state
    state.sources.clear()
    for key in sorted(state.rows.named((known.PREFIX,))):
        row = state.rows[key]
        view = known.view_of(turn, row)
        numbers = turn.ruleset.matching(view)
        rules = [turn.ruleset.rules[number] for number in routed(turn.ruleset, numbers)]
        inhibition.sourced(turn, key.removeprefix(known.PREFIX), row, rules, view)
    for key in sorted(state.rows.named((gate.PREFIX,))):
        state.wake(key, state.rows[key], turn.at)


def forgotten(turn: Turn, key: str, row: Row) -> None:
    """The group under `key` is let go of, some days after its incident was resolved."""
    del row
    for name in (f"delivery/{key}", f"delivery/hold/{key.removeprefix('group/')}"):
        if (kept := turn.state.rows.get(name)) is not None and "due" not in kept:
            turn.state.delete(name)
