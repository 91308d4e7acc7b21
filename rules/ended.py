"""Ends and what they end, when they come in another order than they happened: the time of the events decides, within the lateness allowed.

A row `ended/SOURCE/UNIT` is an end of which nothing was known that it could end: its `unit`, `at` when it happened and the `id` of its signal. What comes
and is older is over at once. An incident's own `ended` says of its occurrences when they ended and when that was heard: what comes and is older is late.
"""

from collections.abc import Iterable

from rules.bounds import ENDED
from rules.incidents import unit_of
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn

MOST = 20
"""Of so many occurrences an incident knows when they ended, the latest ones."""


def key_of(fields: Fields) -> str:
    return f"{ENDED}/{fields['source']}/{unit_of(fields)}"


def remember(turn: Turn, fields: Fields, rules: Iterable[CompiledRule]) -> None:
    """No incident is known that this end, on which the rules act, could end: what it ends may yet come."""
    if any(_waits(rule) for rule in rules):
        return
    unit, at, key = unit_of(fields), min(fields["occurred_micros"], turn.at), key_of(fields)
    known = turn.state.rows.get(key)
    if known is not None and known["at"] >= at:
        return
    row = {"unit": unit, "at": at, "id": fields["id"]}
    turn.state.put(key, row)
    turn.state.ended[unit] = row
    turn.state.sweep(key, row, turn.at + turn.lateness(fields["source"]))


def end_of(turn: Turn, fields: Fields) -> Fields | None:
    """The end, heard before, of something that fires since now; None where none was, and where this came after it."""
    known = turn.state.ended.get(unit_of(fields))
    if known is None or fields["occurred_micros"] >= known["at"] or unit_of(fields) not in turn.state.firing:
        return None
    return {**fields, "status": "resolved", "id": known["id"], "occurred_micros": known["at"]}


def note(turn: Turn, row: Row, fields: Fields, unit: str) -> None:
    """The occurrence fires in the incident no more."""
    when = [min(fields["occurred_micros"], turn.at), turn.at]
    known: dict[str, list[int]] = row.get("ended") or {}
    if known.keys() <= {unit}:
        row["ended"] = {unit: when}
        return
    lasting = turn.at - turn.lateness(fields["source"])
    others = [(name, other) for name, other in known.items() if other[1] > lasting and name != unit]
    row["ended"] = {**dict(others[1 - MOST :]), unit: when}


def is_late(turn: Turn, rule: CompiledRule, row: Row, fields: Fields, moment: int) -> bool:
    """Whether an incident of the rule has heard already how what the signal tells of ended. Rules that wait merge the two by themselves."""
    when = row["ended"].get(unit_of(fields))
    if when is None or moment >= when[0] or when[1] + turn.lateness(fields["source"]) < turn.at:
        return False
    return not _waits(rule)


def _waits(rule: CompiledRule) -> bool:
    """Whether the rule tells of its groups in time, with what it knows of each alert's life."""
    return rule.delivery is not None and rule.delivery.pace is not None
