"""What holds what back: occurrences that fire, and others that are not told of meanwhile.

As in Alertmanager, with every source kept: a signal that meets both sides is not held back by one that meets both as well; values
lacking on both sides are equal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rules.delivery.inhibitors import Inhibitor
from rules.delivery.known import PREFIX, life_of, said_of
from rules.ruleset import CompiledRule
from rules.state import Row
from rules.turn import Turn


def sourced(turn: Turn, unit: str, row: Row, rules: Sequence[CompiledRule], view: Mapping[str, Any]) -> None:
    """The occurrence is a source of all inhibitions of the rules that act on it, and of no others."""
    found = {}
    for rule in rules:
        for each in turn.ruleset.inhibitors.of.get(rule.name, ()):
            found[each.key(view)] = each, each.inhibition.when.matches(view)
    for key in row["src"]:
        if key not in found:
            turn.state.drop_source(key, unit)
    for key, (each, two_sided) in list(found.items()):
        if each.inhibition.last_alone and not _takes_over(turn, key, unit, row):
            turn.state.drop_source(key, unit)
            del found[key]
        else:
            turn.state.sources.setdefault(key, {})[unit] = two_sided
    if found or row["src"]:
        row["src"] = {key: found[key][1] for key in sorted(found)}
        turn.state.touch(PREFIX + unit)


def inhibited(turn: Turn, view: Mapping[str, Any]) -> tuple[Inhibitor, str, str] | None:
    """What holds a signal back now: the inhibition, the occurrence that fires, and under which key."""
    known = turn.ruleset.inhibitors
    if not known.all or not turn.state.sources:
        return None
    for each in known.held_back(view):
        key = each.key(view)
        sources = turn.state.sources.get(key)
        if not sources:
            continue
        both = each.is_source(view)
        for unit, two_sided in sorted(sources.items()):
            if both and two_sided:
                continue
            life = life_of(turn.state.rows.get(PREFIX + unit))
            if life is not None and not life.over(turn.at):
                return each, unit, key
    return None


def ended(turn: Turn, rule: CompiledRule) -> None:
    """An incident of a rule that holds others back is over: what no longer fires in any of its incidents holds nothing back."""
    names = tuple(each.name for each in turn.ruleset.inhibitors.of[rule.name])
    for key in [key for key in turn.state.sources if key.removeprefix("rehearsal:").startswith(names)]:
        for unit in sorted(turn.state.sources[key]):
            row = turn.state.rows.get(PREFIX + unit)
            if row is not None and not row["e"] and unit not in turn.state.firing:
                row["e"] = turn.at
                turn.state.touch(PREFIX + unit)


def _takes_over(turn: Turn, key: str, unit: str, row: Row) -> bool:
    """Whether an occurrence is the one that counts under a key where only one does; the one before it then counts no more."""
    for other in list(turn.state.sources.get(key, ())):
        known = turn.state.rows.get(PREFIX + other)
        if other != unit and known is not None:
            if _end(known) > _end(row):
                return False
            known["src"].pop(key, None)
            turn.state.touch(PREFIX + other)
            turn.state.drop_source(key, other)
    return True


def _end(row: Row) -> tuple[float, str]:
    """What has no end ends last; of two that end together it is the later revision that does."""
    return row["e"] or float("inf"), str(said_of(row).get("revision", ""))
