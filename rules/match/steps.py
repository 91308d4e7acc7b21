"""`steps`: a rule that fires when several things happen together, or when one has begun and the others do not follow.

A row `steps/KEY` is what was seen of each step under one set of joining values: `of` their signals in order of event time; `t0`, `first` and
`due` a deadline that runs, with the signal that began it; `ids` of a completed combination that waits for a `not`.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Any

from rules.cel import MISSING
from rules.firing import essence, fire, name_of
from rules.match.combinations import Entry, Found, Shape, every, first
from rules.match.compiled import CompiledStep, Steps
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.texts import as_text
from rules.turn import Turn
from rules.windows import Filled
from schemas.spans import show_span


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
    ids = tuple(row["ids"]) if "ids" in row else tuple(_ids_of(row))
    missing = [step.name for step in steps.steps if not step.negated and not row["of"].get(step.name)]
    if "ids" in row:
        _rest(turn, key, row, steps)
        if steps.said.consume:
            _consume(row, set(ids))
    else:
        turn.state.delete(key)
    why = f"{', '.join(missing)} did not follow within {show_span(steps.said.within)}" if missing else said(rule)
    filled = Filled(len(missing), True, ids[-50:], number=len(ids), why=why)
    fire(turn, rule, name, values, fields, fields["occurred_micros"], filled)


def keys(rule: CompiledRule, fields: Fields) -> list[str]:
    """The rows that a signal may change."""
    found = {_values(rule, step, fields) for step in _steps(rule).steps}
    return [f"steps/{name_of(rule, values, fields)}" for values in found if values is not None]


def _see(turn: Turn, rule: CompiledRule, meant: Sequence[CompiledStep], fields: Fields, moment: int, tag: str) -> None:
    by_values: dict[tuple[str, ...], list[CompiledStep]] = {}
    for step in meant:
        values = _values(rule, step, fields)
        if values is None:
            turn.count("no_key", fields["id"], rule.name)
        else:
            by_values.setdefault(values, []).append(step)
    for values, listed in by_values.items():
        if not _join(turn, rule, values, listed, fields, Entry(moment, fields["id"], tag)):
            turn.count("late", fields["id"], rule.name)


def _join(
    turn: Turn, rule: CompiledRule, values: tuple[str, ...], meant: Sequence[CompiledStep], fields: Fields, entry: Entry
) -> bool:
    """Put the signal with what was seen under these values, and fire what it completes; False when it is too late for that."""
    state, steps = turn.state, _steps(rule)
    key = f"steps/{name_of(rule, values, fields)}"
    lateness = turn.lateness(fields["source"])
    row = state.rows.get(key)
    if row is None or row["memory"] != steps.memory:
        if all(step.negated for step in meant) and not _looks_back(steps):
            turn.count("step", entry.id, rule.name)
            return True
        state.delete(key)
        row = {"memory": steps.memory, "rule": rule.name, "values": list(values), "of": {}, "latest": entry.moment,
               "keep": steps.said.within + lateness, "seen": turn.at}  # fmt: skip
        state.put(key, row)
        state.sweep(key, row, turn.at + row["keep"])
    if entry.moment < row["latest"] - lateness:
        return False
    row["latest"] = max(row["latest"], entry.moment)
    row["seen"] = turn.at
    state.touch(key)
    for step in meant:
        listed: list[Sequence[Any]] = row["of"].setdefault(step.name, [])
        insort(listed, list(entry), key=lambda seen: seen[0])
        over = len(listed) - state.limits.step_signals
        if over > 0:
            state.evict("step_signals", key, over)
            del listed[:over]
    _let_go(row, row["latest"] - row["keep"])
    if not _fired(turn, rule, key, row, meant, fields, entry):
        turn.count("step", entry.id, rule.name)
    return True


def _fired(
    turn: Turn, rule: CompiledRule, key: str, row: Row, meant: Sequence[CompiledStep], fields: Fields, entry: Entry
) -> bool:
    """Whether the signal completes something that fires now."""
    steps = _steps(rule)
    if steps.said.expect is not None:
        _expect(turn, key, row, steps, meant, fields, entry)
        return False
    if _is_stopped(row, steps, meant, entry):
        turn.state.wake(key, row, None)
        for gone in ("ids", "first"):
            row.pop(gone, None)
    found = _found(turn, key, row, steps, meant, entry)
    if not found:
        return False
    if _waits(steps):
        _wait(turn, key, row, steps, found[0], fields)
        return False
    name = key.partition("/")[2]
    used: set[str] = set()
    for chosen in found:
        ids = tuple(dict.fromkeys(one.id for one in sorted(filter(None, chosen))))
        used.update(ids)
        if steps.said.combinations == "each":
            values: tuple[str, ...] = (",".join(ids),)
            name = name_of(rule, values, fields)
        else:
            values = tuple(row["values"])
        fire(turn, rule, name, values, fields, entry.moment, Filled(0, True, ids, number=len(ids), why=said(rule)))
    if steps.said.consume:
        _consume(row, used)
    return True


def _found(turn: Turn, key: str, row: Row, steps: Steps, meant: Sequence[CompiledStep], entry: Entry) -> list[Found]:
    """The combinations that the signal completes, as one step or another."""
    positive, between = _listed(row, steps)
    said = steps.said
    shape = Shape(said.within, said.order == "listed", said.overlap, said.at_least, between)
    names = [step.name for step in steps.steps if not step.negated]
    found: list[Found] = []
    for step in meant:
        if step.negated:
            continue
        place = names.index(step.name)
        if said.combinations == "each":
            most = turn.state.limits.combinations
            found += every(positive, place, entry, shape, most)
            if len(found) >= most:
                turn.state.evict("combinations", key)
        elif (one := first(positive, place, entry, shape)) is not None:
            return [one]
    return list(dict.fromkeys(found))


def _listed(row: Row, steps: Steps) -> tuple[list[list[Entry]], dict[int, list[int]]]:
    """The entries of the steps that are to happen; and where steps are ordered, the moments of those that must not, by their place."""
    positive: list[list[Entry]] = []
    between: dict[int, list[int]] = {}
    for step in steps.steps:
        seen = row["of"].get(step.name, ())
        if not step.negated:
            positive.append([Entry(*one) for one in seen])
        elif steps.said.order == "listed":
            between.setdefault(len(positive), []).extend(one[0] for one in seen)
    # What stands at the end is waited for, not looked back at.
    between.pop(len(positive), None)
    return positive, {number: sorted(moments) for number, moments in between.items()}


def _expect(
    turn: Turn, key: str, row: Row, steps: Steps, meant: Sequence[CompiledStep], fields: Fields, entry: Entry
) -> None:
    """The first step opens a window; when all have come before its end, it is closed."""
    if "t0" not in row:
        if steps.said.order == "listed" and steps.steps[0] not in meant:
            turn.state.delete(key)
            return
        row["t0"], row["first"] = turn.at, essence(fields)
        turn.state.wake(key, row, turn.at + steps.said.within)
    if _found(turn, key, row, steps, meant, entry):
        turn.state.delete(key)


def _waits(steps: Steps) -> bool:
    """Whether a completed combination is looked at again at its end, for what must not come."""
    if steps.said.order == "listed":
        return steps.steps[-1].negated
    return any(step.negated for step in steps.steps)


def _looks_back(steps: Steps) -> bool:
    """Whether a negated step counts that came before all others."""
    return steps.said.order == "any" or steps.steps[0].negated


def _is_stopped(row: Row, steps: Steps, meant: Sequence[CompiledStep], entry: Entry) -> bool:
    """Whether a combination that waits has met what must not come."""
    if "ids" not in row or row["first"]["occurred_micros"] - steps.said.within > entry.moment:
        return False
    last = steps.steps[-1]
    return any(step.negated and (steps.said.order == "any" or step is last) for step in meant)


def _wait(turn: Turn, key: str, row: Row, steps: Steps, found: Found, fields: Fields) -> None:
    """Until the end of the window, counted from its first signal; nothing where something that must not come did come."""
    chosen = sorted(entry for entry in found if entry is not None)
    begin, end = chosen[0].moment, chosen[-1].moment
    since = end if steps.said.order == "listed" else end - steps.said.within
    watched = [steps.steps[-1]] if steps.said.order == "listed" else [step for step in steps.steps if step.negated]
    if any(since <= one[0] <= begin + steps.said.within for step in watched for one in row["of"].get(step.name, ())):
        return
    if "ids" in row:
        return
    row["ids"], row["first"] = [entry.id for entry in chosen], essence(fields)
    turn.state.wake(key, row, turn.at + max(0, begin + steps.said.within - end))


def _rest(turn: Turn, key: str, row: Row, steps: Steps) -> None:
    for gone in ("ids", "first"):
        row.pop(gone, None)
    turn.state.sweep(key, row, turn.at + steps.said.within)


def _values(rule: CompiledRule, step: CompiledStep, fields: Fields) -> tuple[str, ...] | None:
    """What joins a signal of the step to others; None where it lacks a part of that."""
    found = []
    for expression in (*rule.keys, *step.same):
        value = expression.get(fields)
        if value is MISSING or value is None or value == "":
            return None
        found.append(as_text(value))
    return tuple(found)


def _let_go(row: Row, before: int) -> None:
    of: Mapping[str, list[Sequence[Any]]] = row["of"]
    for listed in of.values():
        while listed and listed[0][0] < before:
            del listed[0]


def _consume(row: Row, used: set[str]) -> None:
    row["of"] = {name: [one for one in listed if one[1] not in used] for name, listed in row["of"].items()}


def _ids_of(row: Row) -> list[str]:
    return list(dict.fromkeys(one[1] for one in sorted(one for listed in row["of"].values() for one in listed)))


def _steps(rule: CompiledRule) -> Steps:
    steps = rule.matching.steps
    if steps is None:
        raise ValueError(f"the rule {rule.name} has no steps")
    return steps


def said(rule: CompiledRule) -> str:
    """The steps in words."""
    steps = _steps(rule)
    how = " then " if steps.said.order == "listed" else ", "
    named = [f"not {step.name}" if step.negated else step.name for step in steps.steps]
    return f"{how.join(named)} within {show_span(steps.said.within)}"
