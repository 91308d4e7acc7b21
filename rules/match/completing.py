"""What a signal completes of a rule's steps, from what was seen of them."""

from collections.abc import Callable, Sequence
from typing import Any

from rules.cel import Condition
from rules.match.combinations import Effort, Entry, Found, Shape, every, first, joined
from rules.match.compiled import CompiledStep, Steps
from rules.state import Row, State


def completed(
    state: State,
    key: str,
    row: Row,
    steps: Steps,
    meant: Sequence[tuple[CompiledStep, Entry]],
    *,
    overlap: bool | None = None,
) -> list[Found]:
    """The combinations that the signal completes, as one step or another; each once. `overlap`: whether a signal may stand for several steps,
    where that is not as the rule says."""
    positive, between = _listed(row, steps)
    said = steps.said
    names = [step.name for step in steps.steps if not step.negated]
    fits = _fits(steps.where, names) if steps.where is not None else None
    holds = _holds(steps.holds, names) if steps.holds is not None else None
    overlaps = said.overlap if overlap is None else overlap
    shape = Shape(said.within, said.order == "listed", overlaps, said.at_least, fits, holds, between)
    most, effort = state.limits.combinations, Effort(state.limits.combining)
    found: dict[tuple[str | None, ...], Found] = {}
    for step, entry in meant:
        if step.negated:
            continue
        place = names.index(step.name)
        for chosen in joined(positive, entry) if steps.joins_some else (positive,):
            if said.combinations == "each":
                for one in every(chosen, place, entry, shape, effort, most):
                    found.setdefault(tuple(part.tag if part is not None else None for part in one), one)
            elif (only := first(chosen, place, entry, shape, effort)) is not None:
                return [only]
    if (
        not found
        and shape.overlap
        and shape.ordered
        and not shape.between
        and (again := _again(positive, meant, shape, effort))
    ):
        return [again]
    if effort.left < 0 or len(found) >= most:
        state.evict("combinations", key)
    return list(found.values())[:most]


def doubled(state: State, key: str, row: Row, steps: Steps, meant: Sequence[tuple[CompiledStep, Entry]]) -> set[str]:
    """The signals of the combinations that the signal completes only if one of them stands for several steps."""
    found = completed(state, key, row, steps, meant, overlap=True)
    return {
        entry.id
        for chosen in found
        if len({entry.tag for entry in chosen if entry is not None}) < len(chosen)
        for entry in chosen
        if entry is not None
    }


def _again(
    positive: Sequence[Sequence[Entry]], meant: Sequence[tuple[CompiledStep, Entry]], shape: Shape, effort: Effort
) -> Found | None:
    """The combination that still holds within the span that ends at the signal, though it is no part of it: as in Sigma, what holds is
    told again with each signal of its steps."""
    latest = max((entry.moment for step, entry in meant if not step.negated), default=None)
    if latest is None:
        return None
    for entry in reversed(positive[-1]):
        if entry.moment <= latest and (found := first(positive, len(positive) - 1, entry, shape, effort)) is not None:
            begins = min(one.moment for one in found if one is not None)
            if begins >= latest - shape.within:
                return found
    return None


def _fits(where: Condition, names: Sequence[str]) -> Callable[[Sequence[Entry]], bool]:
    """The condition over a combination, as it is asked of one."""

    def fits(chosen: Sequence[Entry]) -> bool:
        return where.matches({"steps": {name: entry.read or {} for name, entry in zip(names, chosen, strict=True)}})

    return fits


def _holds(condition: Condition, names: Sequence[str]) -> Callable[[Sequence[bool]], bool]:
    """The condition over which steps happened."""

    def holds(happened: Sequence[bool]) -> bool:
        return condition.matches({"steps": dict(zip(names, happened, strict=True))})

    return holds


def _listed(row: Row, steps: Steps) -> tuple[list[list[Entry]], dict[int, list[int]]]:
    """The entries of the steps that are to happen; and where steps are ordered, the moments of those that must not, by their place."""
    positive: list[list[Entry]] = []
    between: dict[int, list[int]] = {}
    for step in steps.steps:
        seen = row["of"].get(step.name, ())
        if not step.negated:
            positive.append([_entry(one) for one in seen])
        elif steps.said.order == "listed":
            between.setdefault(len(positive), []).extend(one[0] for one in seen)
    # What stands at the end is waited for, not looked back at.
    between.pop(len(positive), None)
    return positive, {number: sorted(moments) for number, moments in between.items()}


def _entry(row: Sequence[Any]) -> Entry:
    """An entry as it is kept."""
    moment, name, tag, join, read = row
    return Entry(moment, name, tag, tuple(join) if join is not None else None, read)
