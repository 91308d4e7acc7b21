"""`absent`: a rule that fires when what should be heard of again and again is not.

A row `absence/GROUP` is something that was heard, or is waited for since the rule came into force; `due` is when it is missed.
"""

from rules import lifecycle
from rules.firing import essence, fire, name_of
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row, State
from rules.turn import Turn
from rules.windows import Filled
from schemas.spans import show_span
from schemas.time import to_rfc3339


def heard(turn: Turn, rule: CompiledRule, name: str, values: tuple[str, ...], fields: Fields) -> None:
    """What the rule waits for was heard: it is missed no more, and anew after the span."""
    state, key, span = turn.state, f"absence/{name}", rule.matching.absent or 0
    row = state.rows.get(key)
    if row is None or row["memory"] != rule.matching.memory:
        row = _new(turn, rule, key, values)
    row["last"] = essence(fields)
    row["heard"] = turn.at
    state.wake(key, row, turn.at + span)
    state.sweep(key, row, turn.at + span + state.limits.keep_resolved)
    turn.count("expected", fields["id"], rule.name)
    group = state.rows.get(f"group/{name}")
    if group is not None and group.get("status", "resolved") != "resolved":
        because = f"heard again from {fields['source']}: {fields['title']!r:.80} (rule {rule.name})"
        lifecycle.resolve(turn, f"group/{name}", group, by=fields["source"], because=because, cause=(fields["id"],),
                          signal_id=fields["id"])  # fmt: skip


def due(turn: Turn, key: str, row: Row) -> None:
    """It was not heard in time."""
    name = key.partition("/")[2]
    rule = turn.compiled(row["rule"])
    if rule is None or rule.matching.absent is None or rule.matching.memory != row["memory"]:
        turn.state.delete(key)
        return
    fields = _missed(turn, rule, name, row)
    why = fields["title"][:1].lower() + fields["title"][1:]
    filled = Filled(0, True, (row["last"]["id"],) if "last" in row else (), number=0, why=why)
    fire(turn, rule, name, tuple(row["values"]), fields, turn.at, filled)


def begin(turn: Turn) -> None:
    """Rules are in force: those that wait for one thing alone miss it from now on, heard before or not."""
    for rule in turn.ruleset.rules:
        if rule.matching.absent is None or rule.rule.group_by:
            continue
        key = f"absence/{name_of(rule, (), {})}"
        row = turn.state.rows.get(key)
        if row is None or row["memory"] != rule.matching.memory:
            row = _new(turn, rule, key, ())
            match = rule.rule.match
            at_once = match is not None and match.at_once
            turn.state.wake(key, row, turn.at + (0 if at_once else rule.matching.absent))
            turn.state.sweep(key, row, None)


def swept(state: State, key: str, row: Row) -> None:
    """Nobody has heard of it for days, and everybody was told: it is forgotten."""
    del row
    state.delete(key)


def _new(turn: Turn, rule: CompiledRule, key: str, values: tuple[str, ...]) -> Row:
    turn.state.delete(key)
    row: Row = {"memory": rule.matching.memory, "rule": rule.name, "values": list(values), "heard": turn.at}
    turn.state.put(key, row)
    return row


def _missed(turn: Turn, rule: CompiledRule, name: str, row: Row) -> Fields:
    """The signal that nobody sent: that nothing was heard."""
    last: Fields = row.get("last", {})
    span = show_span(rule.matching.absent or 0)
    what = f"{last['title']!r:.120}" if "title" in last else rule.rule.description or rule.name
    moment = to_rfc3339(turn.at)
    unit = f"absent {name}"
    fields: Fields = {
        "id": f"absent:{name}@{row['heard']}",
        "source": "tocsin",
        "type": "check_in",
        "status": "firing",
        "severity": rule.rule.severity or "error",
        "title": f"Not heard for {span}: {what}",
        "labels": last.get("labels", {}),
        "links": [],
        "occurred_at": moment,
        "received_at": moment,
        "occurrence_id": unit,
        "group_key": unit,
        "rehearsal": name.startswith("rehearsal:"),
        "occurred_micros": turn.at,
    }
    return {**fields, **{name: last[name] for name in ("service", "environment") if name in last}}
