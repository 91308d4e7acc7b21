"""What the rules make of one signal that is new."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rules import ended, heard, lifecycle, windows
from rules.correlation import joining
from rules.delivery import seam
from rules.firing import fire
from rules.incidents import group_suffix, incident_of, unit_of, units_of
from rules.match import absence, holding, steps
from rules.match.enriching import enriched
from rules.match.measures import number_of
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.texts import as_text
from rules.turn import Turn

NOTHING: Mapping[str, Any] = {}

Groups = dict[tuple[str, ...], tuple[str, tuple[str, ...]]]
"""What one signal gives for each way of grouping: the same for all rules that group alike."""


def judge(turn: Turn, fields: Fields) -> None:
    """Let every rule say what it makes of the signal."""
    state, status = turn.state, fields["status"]
    fields["fact"], fields["incident"] = state.facts, NOTHING
    firing = status == "firing"
    seam.heard(turn, fields)
    ends = () if firing else _ended(turn, fields)
    acted = goes_on(turn, fields) if firing else bool(ends)
    if status != "resolved" and (hush := seam.hushed(turn, fields)) is not None:
        turn.count(hush[0], fields["id"], hush[1])
        if acted and turn.ruleset.inhibitors.all:
            # What nobody hears of holds others back all the same.
            seam.acting(turn, fields, seam.routed(turn.ruleset, turn.ruleset.matching(fields)))
        if acted or not seam.keeps(fields):
            return
        acted = True
    if seam.said_before(turn, fields):
        turn.count("duplicate", fields["id"])
        return
    ruleset, groups = turn.ruleset, Groups()
    if fields["type"] == "change" and ruleset.relations is not None:
        joining.changed(turn, fields)
    plain_type = fields["type"] not in ("change", "comment")
    matching, erring = ruleset.judge(fields, count_errors=True)
    for number in erring:
        state.erring[ruleset.rules[number].rule.name] += 1
    if ruleset.choosers:
        matching = [number for number in matching if _still(turn, number, fields)]
    routed = seam.routed(ruleset, matching)
    seam.acting(turn, fields, routed)
    for number in routed:
        rule = ruleset.rules[number]
        if status == "resolved":
            seam.said_before(turn, fields, rule)
            acted |= _calmed(turn, rule, fields)
        elif (firing or rule.means(status)) and (plain_type or rule.names_its_type):
            acted = True
            if seam.said_before(turn, fields, rule):
                turn.count("duplicate", fields["id"], rule.name)
                continue
            _act(turn, rule, fields, groups)
            if turn.chain:
                tell_followers(turn)
    if status == "resolved" and routed and not any(key.startswith("group/") for key in ends):
        ended.remember(turn, fields, [ruleset.rules[number] for number in routed])
    if firing and state.ended and (end := ended.end_of(turn, fields)) is not None:
        judge(turn, end)
    if not acted:
        turn.count("unmatched", fields["id"])


def goes_on(turn: Turn, fields: Fields) -> bool:
    """A firing signal keeps every incident in which its occurrence fires from running out: silenced, repeated, or matched by no
    rule any more, it says that this is not over."""
    unit = unit_of(fields)
    keys = turn.state.firing.of(unit)
    if len(keys) > turn.state.limits.fires_in_few and not fields.get("expires_micros"):
        heard.note(turn.state, unit, turn.at)
        return True
    heard.forget(turn.state, unit)
    for key in sorted(keys) if len(keys) > 1 else tuple(keys):
        if key.startswith("group/"):
            lifecycle.goes_on(turn, key, fields)
    return bool(keys)


def tell_followers(turn: Turn) -> None:
    """Rules that have another one as a step, or count its firings, hear that it fired; what they fire at is heard of in turn, and ends,
    for rules make no circle."""
    while turn.chain:
        fired, fields, moment = turn.chain.pop(0)
        for rule in turn.ruleset.followers[fired.name]:
            if rule.matching.steps is not None:
                steps.follow(turn, rule, fired.name, fields, moment)
            else:
                told = enriched(rule, fields) if rule.matching.enrich else fields
                name, values = _named(rule, told)
                _count(turn, rule, name, values, told, moment)


def touched(rule: CompiledRule, fields: Fields) -> list[str]:
    """Keys of the rows that the rule may look at or change for a signal."""
    if rule.matching.enrich:
        fields = enriched(rule, fields)
    if rule.matching.steps is not None:
        rows = steps.keys(rule, fields)
        return [*rows, *(f"group/{key.partition('/')[2]}" for key in rows)]
    name = _named(rule, fields)[0]
    kinds = ("group", "window", "waiting", "absence", "delivery/group", "delivery/hold", "delivery/flap")
    return [*(f"{kind}/{name}" for kind in kinds), ended.key_of(fields)]


def matches(turn: Turn, fields: Fields) -> Callable[[CompiledRule], bool]:
    """Whether a rule whose condition holds still does with what it says beside it: `unless`, and the incident of its group."""

    def still(rule: CompiledRule) -> bool:
        unless = rule.matching.unless
        if unless is not None and unless.matches(fields):
            return False
        if not rule.reads_incident:
            return True
        fields["incident"] = _incident(turn, rule, fields)
        return rule.condition.matches(fields)

    return still


def _still(turn: Turn, number: int, fields: Fields) -> bool:
    return number not in turn.ruleset.choosers or matches(turn, fields)(turn.ruleset.rules[number])


def _act(turn: Turn, rule: CompiledRule, fields: Fields, groups: Groups) -> None:
    """A matching rule: count where it counts, and take the signal in where the group fires."""
    matching = rule.matching
    if matching.enrich:
        fields, groups = enriched(rule, fields), Groups()
    # A clock ahead of ours must not push everyone else's windows into the past.
    moment = min(fields["occurred_micros"], turn.at)
    if matching.steps is not None:
        steps.see(turn, rule, fields, moment)
        return
    by = rule.rule.group_by
    if (found := groups.get(by)) is None:
        values = rule.group(fields)
        found = groups[by] = (group_suffix(values), values)
    suffix, values = found
    name = f"{'rehearsal:' if fields.get('rehearsal') else ''}{rule.rule.name}{suffix}"
    if matching.absent is not None:
        absence.heard(turn, rule, name, values, fields)
    elif matching.window is not None:
        _count(turn, rule, name, values, fields, moment)
    elif (
        matching.hold is None
        or _is_open(turn, name)
        or not holding.holds(turn, rule, name, values, fields, moment, None)
    ):
        fire(turn, rule, name, values, fields, moment, None)


def _count(turn: Turn, rule: CompiledRule, name: str, values: tuple[str, ...], fields: Fields, moment: int) -> None:
    """A signal for a window: it fires, joins what is open, or is counted as having done neither."""
    matching, window, value = rule.matching, rule.matching.window, None
    if window is None:
        return
    if rule.rule.group_by and not any(values):
        turn.count("no_key", fields["id"], rule.name)
        return
    if matching.value is not None:
        found = matching.value.get(fields)
        value = as_text(found) if window.match.kind == "distinct" else number_of(found)
        if value is None or value == "":
            _valueless(turn, rule, name, values, fields, moment)
            return
    filled = windows.fill(turn.state, f"window/{name}", window, signal_id=fields["id"], moment=moment, now=turn.at,
                          lateness=turn.lateness(fields["source"]), value=value)  # fmt: skip
    if filled is windows.LATE:
        turn.count("late", fields["id"], rule.name)
        return
    is_open = _is_open(turn, name)
    if filled is None:
        if matching.hold is not None:
            holding.untrue(turn, name, window, moment)
        if not is_open:
            turn.count("below_threshold", fields["id"], rule.name)
            return
    elif not is_open and holding.holds(turn, rule, name, values, fields, moment, filled):
        return
    fire(turn, rule, name, values, fields, moment, filled, fired=filled is not None)


def _valueless(turn: Turn, rule: CompiledRule, name: str, values: tuple[str, ...], fields: Fields, moment: int) -> None:
    """A signal without the value that is measured: no member, unless the rule says that it fires again what holds without it."""
    window, filled = rule.matching.window, None
    if window is not None and window.match.again:
        filled = windows.again(turn.state.rows.get(f"window/{name}"), window, moment=moment, signal_id=fields["id"])
    if filled is None:
        turn.count("no_value", fields["id"], rule.name)
    elif rule.matching.hold is None or _is_open(turn, name):
        fire(turn, rule, name, values, fields, moment, filled)
    else:
        turn.count("waiting", fields["id"], rule.name)


def _ended(turn: Turn, fields: Fields) -> Sequence[str]:
    """A resolved or acknowledged signal reaches every incident in which its occurrence fires, whatever rules say now; their keys, and those
    of what waits to become one."""
    state, units = turn.state, units_of(fields)
    keys = sorted({key for unit in units for key in state.firing.of(unit)})
    for key in keys:
        row = state.rows[key]
        if key.startswith("waiting/"):
            if fields["status"] == "resolved":
                holding.calmed(turn, key, row, units)
        elif fields["status"] == "resolved":
            lifecycle.calmed(turn, key, fields, units)
        elif fields["status"] == "acknowledged" and row["status"] == "open":
            because = f"acknowledged in {fields['source']}"
            lifecycle.acknowledge(turn, key, row, by=fields["source"], because=because, cause=(fields["id"],))
    return keys


def _calmed(turn: Turn, rule: CompiledRule, fields: Fields) -> bool:
    if rule.matching.steps is not None or rule.matching.absent is not None:
        return False
    if rule.matching.enrich:
        fields = enriched(rule, fields)
    key = f"group/{_named(rule, fields)[0]}"
    seam.calmed(turn, rule, key, fields)
    if key not in turn.state.rows:
        return False
    lifecycle.calmed(turn, key, fields, units_of(fields))
    return True


def _named(rule: CompiledRule, fields: Fields) -> tuple[str, tuple[str, ...]]:
    values = rule.group(fields)
    return f"{'rehearsal:' if fields.get('rehearsal') else ''}{rule.name}{group_suffix(values)}", values


def _incident(turn: Turn, rule: CompiledRule, fields: Fields) -> Mapping[str, Any]:
    row = turn.state.rows.get(f"group/{_named(rule, fields)[0]}")
    return incident_of(row) if row is not None and "id" in row else NOTHING


def _is_open(turn: Turn, name: str) -> bool:
    row: Row | None = turn.state.rows.get(f"group/{name}")
    return row is not None and row.get("status", "resolved") != "resolved"
