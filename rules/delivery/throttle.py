"""How often one key is told of: spans are `[t0, t0 + W)` of the time of acceptance, from the first one that opens them.

Rows are `throttle/RULE/KEY`: `t0`, and what the span has seen so far.
"""

from collections.abc import Sequence

import orjson

from rules.asking import choose
from rules.cel import MISSING
from rules.decided import moment
from rules.delivery.holds import Hold
from rules.delivery.saying import held
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn

PREFIX = "throttle/"


def pass_on(
    turn: Turn, rule: CompiledRule, key: str, row: Row, ids: Sequence[str], fields: Fields | None
) -> Sequence[str] | None:
    """The signals to tell of now, or None where nothing is told now."""
    delivery = rule.delivery
    if delivery is None or delivery.throttle is None:
        return ids
    said, part = delivery.throttle, _key(rule, key, fields)
    whose = f"{PREFIX}{'rehearsal:' if row['rehearsal'] else ''}{rule.name}"
    if said.once_after is not None:
        # With keys of its own the rule has one window, that tells the first of each; otherwise each group has its own.
        name = f"{whose}/" if said.by is not None else f"{whose}/{part}"
        _gather(turn, rule, name, said.once_after, part, key, ids)
        return None
    if part is None:
        # Without its key nothing is like anything before; and nothing comes together either.
        if said.once_within is not None:
            return ids
        _suppressed(turn, rule, ids)
        return None
    name = f"{whose}/{part}"
    span = said.once_within or said.accumulate_within or 0
    state = turn.state.rows.get(name)
    if state is None or state["t0"] + span <= turn.at:
        state = {"t0": turn.at, "n": 0}
        turn.state.put(name, state)
        turn.state.sweep(name, state, turn.at + span)
        if said.once_within is not None:
            return ids
    state["n"] += 1
    turn.state.touch(name)
    if said.count is not None:
        if state["n"] < said.count:
            _suppressed(turn, rule, ids)
            return None
        turn.state.delete(name)
        return ids[-1:]
    until = state["t0"] + span
    held(turn, row, state, [Hold("throttled", rule.name, until, words=f"told of already, since {moment(state['t0'])[:19]}Z")],
         ids[-1:])  # fmt: skip
    _suppressed(turn, rule, ids)
    return None


def due(turn: Turn, name: str, state: Row) -> None:
    """The span of a `once_after` is over: what it gathered is told, as one."""
    turn.state.delete(name)
    ids = [identity for _, identity in state["firsts"].values()]
    for key, _ in state["firsts"].values():
        row = turn.state.rows.get(key)
        if row is not None and "id" in row:
            choose(turn, row, ids, row.get("trace"))
            turn.state.touch(key)
            return


def _gather(
    turn: Turn, rule: CompiledRule, name: str, span: int, part: str | None, key: str, ids: Sequence[str]
) -> None:
    state = turn.state.rows.get(name)
    if state is None:
        state = {"t0": turn.at, "firsts": {}}
        turn.state.put(name, state)
        turn.state.wake(name, state, turn.at + span)
    part = part if part is not None else f"\0{ids[-1]}"
    if part in state["firsts"] or len(state["firsts"]) >= turn.state.limits.firing:
        turn.count("throttle", ids[-1], rule.name)
    else:
        state["firsts"][part] = [key, ids[-1]]
        turn.state.touch(name)


def _suppressed(turn: Turn, rule: CompiledRule, ids: Sequence[str]) -> None:
    if ids:
        turn.count("throttle", ids[-1], rule.name)


def _key(rule: CompiledRule, key: str, fields: Fields | None) -> str | None:
    """What is throttled together; None where a signal lacks a part of it. A part that is null is like any other."""
    parts = rule.delivery.throttled_by if rule.delivery is not None else None
    if parts is None:
        return key.removeprefix("group/")
    if fields is None:
        return None
    values = [part.get(fields) for part in parts]
    if any(value is MISSING for value in values):
        return None
    return orjson.dumps(values, default=str, option=orjson.OPT_SORT_KEYS).decode()
