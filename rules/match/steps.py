"""`steps`: a rule that fires when several things happen together, or when one has begun and the others do not follow.

A row `steps/KEY` is what was seen of each step under one set of joining values: `of` their signals in order of event time; `t0`, `first` and
`due` a deadline that runs, with the signal that began it; `ids` of a completed combination that waits for a `not`.
"""

from bisect import insort
from collections.abc import Sequence
from typing import Any

from rules.cel import MISSING, Expression
from rules.firing import essence, fire, name_of
from rules.match.combinations import Entry, Found
from rules.match.compiled import CompiledStep, Steps
from rules.match.completing import completed, doubled
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.texts import as_text
from rules.turn import Turn
from rules.windows import Filled
from schemas.spans import show_span

Meant = Sequence[tuple[CompiledStep, Entry]]
"""The steps that one signal may be, each with the entry it makes there."""


def see(turn: Turn, rule: CompiledRule, fields: Fields, moment: int) -> None:
    """A signal that one step or several may have been waiting for."""
    meant = [step for step in _steps(rule).steps if step.condition is not None and step.condition.matches(fields)]
    _see(turn, rule, meant, fields, moment, fields["id"])


def follow(turn: Turn, rule: CompiledRule, fired: str, fields: Fields, moment: int) -> None:
    """The rule called `fired`, which this one has as a step, fired with a signal."""
    meant = [step for step in _steps(rule).steps if step.rule == fired]
    _see(turn, rule, meant, fields, moment, f"{fired} {fields['id']}")


def due(turn: Turn, key: str, row: Row) -> None:
    """The deadline has come: what was expected did not come, or what must not come did not."""
    rule, name = turn.compiled(row["rule"]), key.partition("/")[2]
    if rule is None or rule.matching.steps is None or rule.matching.steps.memory != row["memory"]:
        turn.state.delete(key)
        return
    steps, values, fields = rule.matching.steps, tuple(row["values"]), row["first"]
    if "ids" in row:
        ids, why = tuple(row["ids"]), said(rule)
        _rest(turn, key, row, steps)
        if steps.said.consume:
            _consume(row, set(ids))
    else:
        missing = [step.name for step in steps.steps if not row["of"].get(step.name)]
        ids = tuple(_ids_of(row))
        if steps.said.combinations == "each":
            # Each window that nothing closed is an incident of its own.
            values = ids[:1]
            name = name_of(rule, values, fields)
        why = f"{', '.join(missing) or 'not all in order'} did not follow within {show_span(steps.said.within)}"
        turn.state.delete(key)
    filled = Filled(0, True, ids[:50], number=len(ids), why=why)
    fire(turn, rule, name, values, fields, fields["occurred_micros"], filled)


def keys(rule: CompiledRule, fields: Fields) -> list[str]:
    """The rows that a signal may change."""
    steps, found = _steps(rule), dict[tuple[str, ...], None]()
    for step in steps.steps:
        group, same = _texts(rule.keys, fields), _texts(step.same, fields)
        if group is not None and same is not None:
            found[group if steps.joins_some else (*group, *same)] = None
    return [f"steps/{name_of(rule, values, fields)}" for values in found]


def said(rule: CompiledRule) -> str:
    """The steps in words."""
    steps = _steps(rule)
    if steps.said.holds is not None:
        return f"{steps.said.holds} within {show_span(steps.said.within)}"
    how = " then " if steps.said.order == "listed" else ", "
    named = [f"not {step.name}" if step.negated else step.name for step in steps.steps]
    return f"{how.join(named)} within {show_span(steps.said.within)}"


def _see(turn: Turn, rule: CompiledRule, meant: Sequence[CompiledStep], fields: Fields, moment: int, tag: str) -> None:
    steps = _steps(rule)
    group = _texts(rule.keys, fields)
    by_values: dict[tuple[str, ...], list[tuple[CompiledStep, Entry]]] = {}
    for step in meant:
        same = _texts(step.same, fields)
        if same is None or group is None:
            turn.count("no_key", fields["id"], rule.name)
            continue
        join = same if steps.joins_some and same else None
        read = {name: fields[name] for name in steps.reads.get(step.name, ()) if name in fields}
        values = group if steps.joins_some else (*group, *same)
        entry = Entry(moment, fields["id"], tag, join, read or None)
        by_values.setdefault(values, []).append((step, entry))
    for values, listed in by_values.items():
        _join(turn, rule, values, listed, fields)


def _join(turn: Turn, rule: CompiledRule, values: tuple[str, ...], meant: Meant, fields: Fields) -> None:
    """Put the signal with what was seen under these values, and fire what it completes; one too late for that is counted as such."""
    state, steps = turn.state, _steps(rule)
    key = f"steps/{name_of(rule, values, fields)}"
    lateness, entry = turn.lateness(fields["source"]), meant[0][1]
    row = state.rows.get(key)
    if row is None or row["memory"] != steps.memory:
        if not _begins(steps, [step for step, _ in meant]):
            turn.count("step", entry.id, rule.name)
            return
        state.delete(key)
        row = {"memory": steps.memory, "rule": rule.name, "values": list(values), "of": {}, "latest": entry.moment,
               "keep": steps.said.within + lateness, "seen": turn.at}  # fmt: skip
        state.put(key, row)
        state.sweep(key, row, turn.at + row["keep"])
    if entry.moment < row["latest"] - lateness:
        turn.count("late", entry.id, rule.name)
        return
    row["latest"] = max(row["latest"], entry.moment)
    row["seen"] = turn.at
    state.touch(key)
    for step, seen in meant:
        listed: list[Sequence[Any]] = row["of"].setdefault(step.name, [])
        insort(listed, list(seen), key=lambda one: one[0])
        over = len(listed) - state.limits.step_signals
        if over > 0:
            state.evict("step_signals", key, over)
            del listed[:over]
    _let_go(row, row["latest"] - row["keep"])
    if not _fired(turn, rule, key, row, meant, fields):
        turn.count("step", entry.id, rule.name)


def _begins(steps: Steps, meant: Sequence[CompiledStep]) -> bool:
    """Whether a signal of these steps is worth keeping where nothing was seen before."""
    if steps.said.expect is not None and steps.said.order == "listed":
        return steps.steps[0] in meant
    looks_back = steps.said.order == "any" or steps.steps[0].negated
    return looks_back or not all(step.negated for step in meant)


def _fired(turn: Turn, rule: CompiledRule, key: str, row: Row, meant: Meant, fields: Fields) -> bool:
    """Whether the signal completes something that fires now."""
    steps, moment = _steps(rule), meant[0][1].moment
    if steps.said.expect is not None:
        _expect(turn, key, row, steps, meant, fields)
        return False
    if _is_stopped(row, steps, meant):
        turn.state.wake(key, row, None)
        for gone in ("ids", "first"):
            row.pop(gone, None)
    found = completed(turn.state, key, row, steps, meant)
    used = doubled(turn.state, key, row, steps, meant) if steps.said.doubles == "lost" else set()
    if not found:
        if used:
            _consume(row, used)
        return False
    if _waits(steps):
        _wait(turn, key, row, steps, found[0], fields)
        return False
    name = key.partition("/")[2]
    for chosen in found:
        ids = tuple(dict.fromkeys(one.id for one in chosen if one is not None))
        used.update(ids)
        if steps.said.combinations == "each":
            values: tuple[str, ...] = (",".join(ids),)
            name = name_of(rule, values, fields)
        else:
            values = tuple(row["values"])
        fire(turn, rule, name, values, fields, moment, Filled(0, True, ids, number=len(ids), why=said(rule)))
    if steps.said.consume:
        _consume(row, used)
    return True


def _expect(turn: Turn, key: str, row: Row, steps: Steps, meant: Meant, fields: Fields) -> None:
    """The first step opens a window; when all have come before its end, it is closed."""
    if "t0" not in row:
        row["t0"], row["first"] = turn.at, essence(fields)
        turn.state.wake(key, row, turn.at + steps.said.within)
    if completed(turn.state, key, row, steps, meant):
        turn.state.delete(key)


def _waits(steps: Steps) -> bool:
    """Whether a completed combination is looked at again at its end, for what must not come."""
    if steps.said.order == "listed":
        return steps.steps[-1].negated
    return any(step.negated for step in steps.steps)


def _is_stopped(row: Row, steps: Steps, meant: Meant) -> bool:
    """Whether a combination that waits has met what must not come."""
    if "ids" not in row or row["first"]["occurred_micros"] - steps.said.within > meant[0][1].moment:
        return False
    last = steps.steps[-1]
    return any(step.negated and (steps.said.order == "any" or step is last) for step, _ in meant)


def _wait(turn: Turn, key: str, row: Row, steps: Steps, found: Found, fields: Fields) -> None:
    """Until the end of the window, counted from its first signal; nothing where something that must not come did come."""
    moments = sorted(entry.moment for entry in found if entry is not None)
    begin, end = moments[0], moments[-1]
    since = end if steps.said.order == "listed" else end - steps.said.within
    watched = [steps.steps[-1]] if steps.said.order == "listed" else [step for step in steps.steps if step.negated]
    until = begin + steps.said.within
    if "ids" in row or any(since <= one[0] <= until for step in watched for one in row["of"].get(step.name, ())):
        return
    row["ids"], row["first"] = [entry.id for entry in found if entry is not None], essence(fields)
    turn.state.wake(key, row, turn.at + max(0, until - end))


def _rest(turn: Turn, key: str, row: Row, steps: Steps) -> None:
    for gone in ("ids", "first"):
        row.pop(gone, None)
    turn.state.sweep(key, row, turn.at + steps.said.within)


def _texts(expressions: Sequence[Expression], fields: Fields) -> tuple[str, ...] | None:
    """What joins a signal to others; None where it lacks a part of that."""
    found = []
    for expression in expressions:
        value = expression.get(fields)
        if value is MISSING or value is None or value == "":
            return None
        found.append(as_text(value))
    return tuple(found)


def _let_go(row: Row, before: int) -> None:
    of: dict[str, list[Sequence[Any]]] = row["of"]
    for listed in of.values():
        while listed and listed[0][0] < before:
            del listed[0]


def _consume(row: Row, used: set[str]) -> None:
    row["of"] = {name: [one for one in listed if one[1] not in used] for name, listed in row["of"].items()}


def _ids_of(row: Row) -> list[str]:
    """The signal that began it, then the others in the order in which they happened."""
    seen = sorted((one[0], one[1]) for listed in row["of"].values() for one in listed)
    return list(dict.fromkeys([row["first"]["id"], *(name for _, name in seen)]))


def _steps(rule: CompiledRule) -> Steps:
    steps = rule.matching.steps
    if steps is None:
        raise ValueError(f"the rule {rule.name} has no steps")
    return steps
