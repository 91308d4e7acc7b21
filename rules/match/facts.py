"""Facts that rules set when they fire, and that conditions read from the next signal on."""

from typing import Any

import orjson

from rules.cel import MISSING
from rules.decided import decided
from rules.match.compiled import CompiledFact
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row, State
from rules.texts import as_text
from rules.turn import Turn
from schemas.spans import about


def establish(turn: Turn, rule: CompiledRule, fields: Fields) -> None:
    """Set the rule's facts. One whose value the signal does not have is left as it is; a new value is recorded."""
    for fact in rule.matching.facts:
        value = _plain(fact.value.get(fields))
        entry = as_text(fact.key.get(fields)) if fact.key is not None else None
        if value is MISSING or entry == "":
            continue
        before = turn.state.facts.get(fact.name)
        if entry is not None:
            before = before.get(entry) if isinstance(before, dict) else None
        if value is None:
            take_back(turn.state, fact.name, entry)
        else:
            _put(turn, fact, entry, value)
        if before != value:
            _say(turn, rule, fact, entry, value, fields)


def take_back(state: State, name: str, entry: str | None) -> None:
    """The fact, or an entry of it, is known no more."""
    key = f"fact/{name}"
    row = state.rows.get(key)
    if row is None:
        return
    if entry is not None and "until" in row:
        row["value"].pop(entry, None)
        row["until"].pop(entry, None)
        if row["value"]:
            state.touch(key)
            return
    state.facts.pop(name, None)
    state.delete(key)


def swept(state: State, key: str, row: Row, now: int) -> None:
    """The moment has come at which the fact expires, or the first of its entries."""
    name = key.partition("/")[2]
    if "until" not in row:
        take_back(state, name, None)
        return
    for entry, until in sorted(row["until"].items()):
        if until and until <= now:
            take_back(state, name, entry)
    if key in state.rows:
        state.sweep(key, row, min(filter(None, row["until"].values()), default=None))


def _put(turn: Turn, fact: CompiledFact, entry: str | None, value: Any) -> None:
    state, key = turn.state, f"fact/{fact.name}"
    until = turn.at + fact.span if fact.span is not None else 0
    row = state.rows.get(key)
    if row is None or ("until" in row) != (entry is not None):
        row = {"value": {}, "until": {}} if entry is not None else {"value": value}
        state.put(key, row)
        if len(state.facts) >= state.limits.facts and fact.name not in state.facts:
            _make_room(state)
    if entry is None:
        row["value"] = value
        state.sweep(key, row, until or None)
    else:
        row["value"][entry], row["until"][entry] = value, until
        if len(row["value"]) > state.limits.facts:
            first = min(row["until"], key=lambda name: (row["until"][name] or 1 << 63, name))
            del row["value"][first], row["until"][first]
            state.evict("facts", f"{key}/{first}")
        state.sweep(key, row, min(filter(None, row["until"].values()), default=None))
    state.facts[fact.name] = row["value"]


def _make_room(state: State) -> None:
    found = state.pop_sweep("fact")
    if found is not None:
        take_back(state, found[1].partition("/")[2], None)
        state.evict("facts", found[1])


def _say(turn: Turn, rule: CompiledRule, fact: CompiledFact, entry: str | None, value: Any, fields: Fields) -> None:
    name = fact.name if entry is None else f"{fact.name}[{entry!r}]"
    span = f" for {about(fact.span)}" if fact.span is not None and value is not None else ""
    because = f"fact.{name} is {value!r:.80}{span}, says rule {rule.name}"
    data: dict[str, Any] = {"key": fact.name, "value": value}
    data.update({"entry": entry} if entry is not None else {})
    said = {"command_id": fields["id"], "kind": "set_fact", "data": data}
    turn.out.append(
        decided("fact.set", at=turn.at, actor=rule.actor, because=because, cause=(fields["id"], rule.name, name), data=said,
                attempt=turn.at, versions=turn.version(rule.name), rehearsal=bool(fields.get("rehearsal")))
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """As JSON would give it back; what JSON cannot hold, as text."""
    return value if value is MISSING else orjson.loads(orjson.dumps(value, default=str))
