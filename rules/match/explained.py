"""What a rule that matches a signal would do with it, in words, without doing it."""

from collections.abc import Mapping
from typing import Any

from rules.match.measures import number_of
from rules.ruleset import CompiledRule
from rules.state import State
from rules.texts import as_text
from rules.windows import look
from schemas.spans import show_span


def prospect(
    rule: CompiledRule, activation: Mapping[str, Any], state: State, name: str, moment: int, *, is_open: bool
) -> tuple[bool, str, str | None]:
    """Whether it would act; why, or why not; and of a window, how full it would be. `name` is the group's."""
    matching = rule.matching
    if matching.unless is not None and matching.unless.matches(activation):
        return False, f"unless holds: {rule.rule.unless}", None
    if matching.steps is not None:
        met = [
            step.name
            for step in matching.steps.steps
            if step.condition is not None and step.condition.matches(activation)
        ]
        return bool(met), f"it is the step {' and '.join(met)}; the rule fires when the others come with it", None
    if matching.absent is not None:
        return False, f"it is heard as expected; the rule fires when it is not for {show_span(matching.absent)}", None
    window, why = None, "the incident is open, the signal is added" if is_open else "an incident opens"
    if matching.window is not None:
        acts, why, window = _window(rule, activation, state, name, moment, why, is_open=is_open)
        if not acts:
            return False, why, window
    if matching.hold is not None and not is_open:
        row = state.rows.get(f"waiting/{name}")
        since = f", of which {show_span(max(0, moment - row['since']))} have passed" if row is not None else ""
        return False, f"it has to stay true for {show_span(matching.hold)}{since}", window
    return rule.rule.opens, why if rule.rule.opens else "it opens nothing (opens: false), and serves as a step", window


def _window(
    rule: CompiledRule,
    activation: Mapping[str, Any],
    state: State,
    name: str,
    moment: int,
    why: str,
    *,
    is_open: bool,
) -> tuple[bool, str, str]:
    window, value = rule.matching.window, rule.matching.value
    if window is None:
        raise ValueError(f"the rule {rule.name} has no window")
    found = value.get(activation) if value is not None else None
    measured = as_text(found) if window.match.kind == "distinct" else number_of(found)
    compared, span = window.match.compared, show_span(window.match.within)
    if value is not None and measured in (None, ""):
        return False, f"the signal has no value {rule.rule.match.value if rule.rule.match else ''!r} to be measured", ""
    filled = look(
        state.rows.get(f"window/{name}"), window, moment=moment, lateness=state.limits.lateness, value=measured
    )
    least = compared.least if compared is not None else None
    of = f" of {least:.15g}" if least is not None else ""
    shown = f"{filled.count:.15g}{of} in {span} with this signal ({window.match.kind} {compared})"
    if filled.late:
        return False, f"it is more than {show_span(state.limits.lateness)} behind the group's latest signal", shown
    if not filled.holds and not is_open:
        return False, f"too few: {shown}" if window.match.kind in ("count", "rate") else f"not reached: {shown}", shown
    return True, why, shown
