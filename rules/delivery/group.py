"""One group that is told of in its own time: who is in it, what was told last, and what a look at it leads to.

The semantics are Alertmanager's (https://prometheus.io/docs/alerting/latest/configuration/#route), with one difference: an end that
comes while its occurrence is held is told when the hold is over, if the beginning was told.

A row holds `in`, the occurrences; `log`, what was told last; `owed`, those whose beginning was told before that and whose end was not;
`over`, those that somebody called over.
"""

from collections.abc import Container, Mapping
from typing import Literal, NamedTuple

from rules.delivery.compiled import Pace
from rules.state import Row

Reason = Literal["first", "new", "some_resolved", "all_resolved", "repeat"]
"""Why a group is told of: the five reasons of Alertmanager's notification log."""


_NOTHING: Mapping[str, tuple[str, ...]] = {"firing": ()}


class Look(NamedTuple):
    """What a look at a group found. `reason` is None where there is nothing to tell; `silent` where it is only remembered: an end of
    which a rule does not tell."""

    reason: Reason | None
    firing: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    silent: bool = False


def new_group(rule: str) -> Row:
    return {"rule": rule, "in": {}, "owed": [], "over": []}


def look(row: Row, pace: Pace, over: set[str], holds: Container[str], now: int) -> Look:
    """Look at the group when its time has come: what is told goes into its log, and whose end is dealt with leaves it.

    `over`: of its members those that fire no more; `holds`: those, whether over or not, that something holds back.
    """
    members: dict[str, int] = row["in"]
    held = tuple([unit for unit in members if unit in holds]) if holds else ()
    held_set = set(held)
    free = [unit for unit in members if unit not in held_set] if held else list(members)
    firing = tuple([unit for unit in free if unit not in over] if over else free)
    resolved = tuple([unit for unit in free if unit in over]) if over else ()
    found = _reason(row, pace, firing, resolved, now) if free else None
    owed = _owed(row)
    if found is not None:
        # An end that is still held is not told by telling of the others.
        row["log"] = {"at": now, "firing": sorted(firing), "resolved": sorted(resolved)}
        owed = (owed - set(resolved)) | set(firing)
    for unit in over:
        if unit not in held_set or unit not in owed or pace.forgets_held_ends:
            del members[unit]
            owed.discard(unit)
    row["owed"] = sorted((owed & members.keys()) - set(row.get("log", _NOTHING)["firing"]))
    shown = resolved if pace.send_resolved else ()
    return Look(found, firing, shown, held, silent=not firing and not pace.send_resolved)


def _owed(row: Row) -> set[str]:
    """Occurrences whose beginning was told and whose end was not, some of which may have left."""
    return {*row["owed"], *row.get("log", _NOTHING)["firing"]}


def _reason(row: Row, pace: Pace, firing: tuple[str, ...], resolved: tuple[str, ...], now: int) -> Reason | None:
    log = row.get("log")
    if log is None:
        return "first" if firing else None
    told = set(log["firing"])
    if not told.issuperset(firing):
        return "new" if told else "first"
    if not firing:
        owes = not pace.forgets_held_ends and not _owed(row).isdisjoint(resolved)
        return "all_resolved" if told or owes else None
    if pace.send_resolved and not set(log["resolved"]).issuperset(resolved):
        return "some_resolved"
    return "repeat" if log["at"] < now - pace.repeat else None
