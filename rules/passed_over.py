"""Why a rule that matches a signal does not act on it all the same, and why nobody would be told now."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rules.delivery.holds import of_times
from rules.delivery.tree import route
from rules.ruleset import CompiledRule, RuleSet
from rules.silences import condition_of, holds
from rules.state import State


def passed_over(ruleset: RuleSet, matching: Sequence[int]) -> Mapping[int, str]:
    """Of the rules whose own condition holds, by number, those that a routing tree leaves out, and why."""
    if not ruleset.has_trees:
        return {}
    found, acting, held = {}, set(route(ruleset, matching)), set(matching)
    for number in matching:
        if number not in acting:
            found[number] = _why(ruleset, number, held)
    return found


def _why(ruleset: RuleSet, number: int, held: set[int]) -> str:
    parents, rules = ruleset.parents, ruleset.rules
    below = [other for other in held if parents[other] == number]
    above = number
    while (parent := parents[above]) is not None:
        if parent not in held:
            return f"it stands under {rules[parent].name}, which does not match"
        first = _takes_before(ruleset, above, held)
        if first is not None:
            return f"{rules[first].name} takes the signal before {'it' if above == number else rules[above].name} does"
        above = parent
    return f"{rules[min(below)].name} below it acts instead" if below else "another rule of its tree takes the signal"


def _takes_before(ruleset: RuleSet, number: int, held: set[int]) -> int | None:
    """An earlier rule beside it that matches and keeps the signal to itself."""
    beside: Iterable[int] = (other for other in sorted(held) if other < number)
    for other in beside:
        if ruleset.parents[other] == ruleset.parents[number] and not ruleset.rules[other].rule.continue_:
            return other
    return None


def muted_now(rule: CompiledRule, now: int) -> str | None:
    """What keeps the rule from telling anybody at this moment, by its own times."""
    hold = of_times(rule.delivery, now) if rule.delivery is not None else None
    return None if hold is None else f"nobody is told now: {hold.sentence(now)}"


def silenced_now(state: State, activation: Mapping[str, Any], now: int) -> str | None:
    """The first silence that holds for the signal at this moment."""
    for name in sorted(state.silences):
        row = state.silences[name]
        condition = condition_of(row["matcher"])
        if condition is not None and holds(row, now) and condition.matches(activation):
            return f"silenced by {name} of {row['author']} ({row['matcher']})"
    return None
