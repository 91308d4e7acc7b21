"""What is wrong between rules: steps and counts that name no rule, circles of them, children of a routing tree that no signal reaches."""

from collections.abc import Iterable, Mapping

from rules.cel.reach import implies, never
from rules.reading import Read
from rules.ruleset import CompiledRule
from schemas.document import Fault, near
from schemas.document import Path as At


def faults_between(
    reads: Iterable[Read], compiled: Mapping[tuple[str, At], CompiledRule], *, reached: bool
) -> list[Fault]:
    """Of rules each of which is right by itself; without `reached`, whether signals reach them is not asked."""
    found: list[Fault] = []
    rules = {rule.name: rule for rule in compiled.values()}
    before: dict[tuple[str, At] | None, list[CompiledRule]] = {}
    for read in reads:
        rule = compiled.get(read.place)
        if rule is None:
            continue
        found += _steps(read, rule, rules)
        if read.parent is not None and reached:
            siblings = before.setdefault(read.parent.place, [])
            found += _unreached(read, rule, siblings)
            if not rule.rule.continue_ and rule.enabled:
                siblings.append(rule)
    return found


def _steps(read: Read, rule: CompiledRule, rules: Mapping[str, CompiledRule]) -> Iterable[Fault]:
    for at, name in _heard(rule):
        if name not in rules:
            yield read.fault(at, f"there is no rule {name!r}{near(name, rules)}")
        elif rule.enabled and not rules[name].enabled:
            yield read.fault(at, f"the rule {name!r} is switched off, so this step can never happen")
        elif (way := _back(rule.name, name, rules, (rule.name,))) is not None:
            yield read.fault(at, f"rules that are steps of each other in a circle: {' -> '.join(way)}")


def _heard(rule: CompiledRule) -> Iterable[tuple[At, str]]:
    """The rules whose firings it hears of, each with its place."""
    steps = rule.matching.steps
    if steps is None:
        yield from ((("match", "of", number), name) for number, name in enumerate(rule.matching.heard))
        return
    for step in steps.steps:
        if step.rule is not None:
            yield ("match", "steps", step.name, *(("not",) if step.negated else ()), "rule"), step.rule


def _back(to: str, name: str, rules: Mapping[str, CompiledRule], way: tuple[str, ...]) -> tuple[str, ...] | None:
    """The way from a rule's step back to the rule."""
    way = (*way, name)
    if name == to:
        return way
    for heard in rules[name].matching.heard if name in rules else ():
        if heard == to or heard not in way:
            found = _back(to, heard, rules, way)
            if found is not None:
                return found
    return None


def _unreached(read: Read, rule: CompiledRule, earlier: Iterable[CompiledRule]) -> Iterable[Fault]:
    """A child never acts that cannot hold below its parent, or whose signals an earlier one takes."""
    parent = rule.parent
    if parent is not None and never(parent.condition.ast, rule.condition.ast):
        yield read.fault(("when",), f"no signal reaches it: it can never hold where {parent.name!r} does")
        return
    for other in earlier:
        if implies(rule.condition.ast, other.condition.ast):
            message = (
                f"no signal reaches it: {other.name!r} takes every one first; put it earlier, or say 'continue' there"
            )
            yield read.fault(("when",), message)
            return
