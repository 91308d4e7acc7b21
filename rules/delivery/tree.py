"""Which rules of a routing tree act on a signal: the deepest that match, the first child of each level unless it says `continue`."""

from collections.abc import Sequence

from rules.ruleset import RuleSet


def route(ruleset: RuleSet, matching: Sequence[int]) -> list[int]:
    """Of the rules whose own condition holds, by number and in order, those that act.

    As in Alertmanager: a rule is asked only where the one above it matches; of its children the first one that matches acts, and those
    after it only where it says `continue`; where none does, the rule acts itself.
    """
    parents, rules = ruleset.parents, ruleset.rules
    if len(matching) == 2 and parents[matching[1]] == matching[0] and parents[matching[0]] is None:
        return [matching[1]]
    below: dict[int | None, list[int]] = {}
    for number in matching:
        below.setdefault(parents[number], []).append(number)
    if len(below) == 1 and None in below:
        return below[None]
    acting: list[int] = []
    # Each level as it is walked: what is left of it, and the rule above.
    levels: list[tuple[list[int], int]] = []
    for root in below.get(None, ()):
        current: int | None = root
        while current is not None:
            if children := below.get(current):
                levels.append((children, 0))
                current = children[0]
                continue
            acting.append(current)
            current = None
            while levels and current is None:
                children, place = levels.pop()
                if rules[children[place]].rule.continue_ and place + 1 < len(children):
                    levels.append((children, place + 1))
                    current = children[place + 1]
    acting.sort()
    return acting
