"""Why a rule does or does not act on one signal, part by part, without changing anything."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

from rules.cel import CelFailure
from rules.cel.evaluate import Frame, evaluator
from rules.cel.parser import parse
from rules.cel.syntax import And, Node, walk
from rules.cel.written import write
from rules.correlation.explained import prospects
from rules.correlation.joining import left_out
from rules.incidents import group_key_of, incident_of
from rules.match.enriching import enriched
from rules.match.explained import prospect
from rules.passed_over import muted_now, passed_over, silenced_now
from rules.ruleset import CompiledRule, RuleSet
from rules.signals import Fields, moment_of, signal_of
from rules.state import State


@dataclass(frozen=True, slots=True)
class PartVerdict:
    """One of the terms that `&&` joins: its text, whether it holds, and what kept it from having a value."""

    text: str
    holds: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What one rule makes of the signal. `window` is how full the group's window would be, `reason` why it would not act,
    `held` why nobody would be told of it now."""

    rule: str
    matched: bool
    acts: bool
    reason: str
    parts: tuple[PartVerdict, ...]
    group: Mapping[str, str]
    window: str | None = None
    incident: str | None = None
    held: str | None = None
    joins: tuple[str, ...] = ()
    """What a new incident of it would make of those that are open: which it joins and which not, and why."""

    def render(self) -> str:
        """Lines for a person."""
        head = "acts" if self.acts else "matches, but does not act" if self.matched else "does not match"
        lines = [f"{self.rule}: {head}: {self.reason}"]
        for part in self.parts:
            mark = "error" if part.error else "true " if part.holds else "false"
            lines.append(f"  {mark}  {part.text}{f'  ({part.error})' if part.error else ''}")
        if self.matched:
            group = ", ".join(f"{path}={value}" for path, value in self.group.items() if value)
            lines.append(f"  group  {group or '(one for the whole rule)'}")
        if self.window:
            lines.append(f"  window {self.window}")
        if self.incident:
            lines.append(f"  incident {self.incident}")
        if self.held:
            lines.append(f"  held   {self.held}")
        lines += [f"  joins  {line}" for line in self.joins]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What every rule makes of a signal, in the order in which they act."""

    signal_id: str
    title: str
    seen: bool
    held_by: str | None
    rules: tuple[RuleVerdict, ...]

    def render(self) -> str:
        """Text for a person: what matched first, then what came closest."""
        lines = [f"{self.signal_id} {self.title!r}"]
        if self.seen:
            lines.append("seen before: it would be counted as a duplicate, and no rule would see it")
        if self.held_by:
            lines.append(f"{self.held_by}: no rule would see it")
        order = sorted(self.rules, key=lambda verdict: (not verdict.acts, not verdict.matched, _false(verdict)))
        if not any(verdict.acts for verdict in self.rules):
            lines.append("no rule acts on it")
        return "\n".join([*lines, *(verdict.render() for verdict in order)])


def explain(ruleset: RuleSet, signal: Fields, state: State | None, now: int) -> Explanation:
    """What each rule would make of the signal at `now`, given the state (None: as if nothing had come before).

    Raises BadInput for a signal that is none.
    """
    fields = signal_of({**signal})
    state = state or State()
    moment = min(moment_of(fields, "occurred_at"), now)
    activation = {**fields, "fact": state.facts, "incident": {}}
    held = "caused by Tocsin itself" if fields.get("own") else silenced_now(state, activation, now)
    verdicts = [_explain(ruleset, rule, activation, state, moment) for rule in ruleset.rules]
    matching = [number for number, verdict in enumerate(verdicts) if verdict.matched]
    for number, why in passed_over(ruleset, matching).items():
        verdicts[number] = replace(verdicts[number], acts=False, reason=why)
    for number in matching:
        verdicts[number] = replace(verdicts[number], held=muted_now(ruleset.rules[number], now))
    return Explanation(fields["id"], fields["title"], state.seen.knows(fields["id"], now), held, tuple(verdicts))


def _explain(
    ruleset: RuleSet, rule: CompiledRule, activation: dict[str, Any], state: State, moment: int
) -> RuleVerdict:
    if rule.matching.enrich:
        activation = enriched(rule, activation)
    values = rule.group(activation)
    suffix = group_key_of(rule.name, values, rehearsal=bool(activation.get("rehearsal")))
    row = state.rows.get(f"group/{suffix}")
    incident = incident_of(row) if row is not None and "id" in row else None
    activation = {**activation, "incident": incident or {}}
    node = rule.condition.ast
    operands = node.operands if isinstance(node, And) else (node,)
    parts = tuple(map(_part, terms(rule.condition.source, node), operands, repeat(activation)))
    matched = rule.condition.matches(activation)
    group = dict(zip(rule.rule.group_by, values, strict=True))
    shown = f"{incident['id']}, {incident['status']}, {incident['signals']} signals" if incident else None
    open_ = incident is not None and incident["status"] != "resolved"
    window, acts, reason = None, False, ""
    if not matched:
        errors = [part for part in parts if part.error]
        wrong = next((part for part in parts if not part.holds), None)
        reason = (
            f"the condition has no value: {errors[0].error}" if errors and wrong is errors[0] else "a part is false"
        )
    elif (reason := _uninvolved(rule, activation)) == "":
        acts, reason, window = prospect(rule, activation, state, suffix, moment, is_open=open_)
    if acts and not open_ and (why := left_out(rule, activation)) is not None:
        acts, reason = False, f"background: {why}"
    joins = prospects(ruleset, state, rule, activation, moment) if acts and not open_ else ()
    return RuleVerdict(rule.name, matched, acts, reason, parts, group, window, shown, joins=joins)


def _uninvolved(rule: CompiledRule, activation: Mapping[str, Any]) -> str:
    """Why a matching rule leaves the signal alone, or nothing."""
    status, kind = activation["status"], activation["type"]
    if status == "resolved":
        return "a resolved signal opens nothing; it ends what fires"
    if status != "firing" and not rule.names_its_signals:
        return f"signals of status {status!r} open nothing unless the condition asks for status, type or severity"
    if kind in ("change", "comment") and not rule.names_its_type:
        return f"signals of type {kind!r} open nothing unless the condition asks for the type"
    return ""


def terms(source: str, node: Node) -> list[str]:
    """The texts of the terms that `&&` joins at the top; the whole text when there is only one. Those that come out of a macro are
    written anew: they stand elsewhere."""
    if not isinstance(node, And):
        return [" ".join(source.split())]
    plain = parse(source)
    if not isinstance(plain, And) or len(plain.operands) != len(node.operands):
        return [write(operand) for operand in node.operands]
    starts = [min(part.at for part in walk(operand)) for operand in plain.operands]
    bounds = [_widened(source, start) for start in starts]
    texts = [source[begin:end] for begin, end in zip(bounds, [*bounds[1:], len(source)], strict=True)]
    return [_balanced(" ".join(text.split()).removesuffix("&&").strip()) for text in texts]


def _balanced(text: str) -> str:
    """Without a bracket that was around several terms."""
    while text.count("(") > text.count(")") and text.startswith("("):
        text = text[1:].strip()
    while text.count(")") > text.count("(") and text.endswith(")"):
        text = text[:-1].strip()
    return text


def _widened(source: str, start: int) -> int:
    """Brackets and signs before a term belong to it."""
    while start > 0 and (source[start - 1] in "(!- \n\t"):
        start -= 1
    return start


def _part(text: str, node: Node, activation: Mapping[str, Any]) -> PartVerdict:
    try:
        value = evaluator(node)(Frame(activation))
    except CelFailure as failure:
        return PartVerdict(text, False, failure.message)
    except RecursionError:
        return PartVerdict(text, False, "the signal is nested too deeply for this condition")
    return PartVerdict(text, value is True)


def _false(verdict: RuleVerdict) -> int:
    return sum(not part.holds for part in verdict.parts)
