"""Who leads what is left without its leader: the incident in which it seems to have begun, else the first one."""

from collections.abc import Iterable, Sequence

from rules.correlation import sets
from rules.correlation.joining import alone, is_open, join
from rules.turn import Turn

Left = Sequence[tuple[str, str]]
"""Members by the key of their group and their id."""


def left_of(turn: Turn, leader: str, members: Iterable[str]) -> Left:
    """The members of a leader that last."""
    found = []
    for identity in members:
        key = turn.state.incidents.get(identity, "")
        if is_open(turn, key, identity) and turn.state.rows[key].get("parent") == leader:
            found.append((key, identity))
    return found


def hand_over(turn: Turn, before: str, left: Left, because: str) -> tuple[str, bool]:
    """One of those that are left leads the others. Returns the key of its group, and whether it was told of by itself already."""
    state = turn.state
    old = state.rows.get(state.incidents.get(before, ""), {})
    root = (old.get("root") or {}).get("incident_id")
    key, lead = next((each for each in left if each[1] == root), left[0])
    row = state.rows[key]
    was_loud = "loud" in row
    alone(row)
    others = [each for each in left if each[1] != lead]
    if others:
        row["leads"], row["members"] = True, [identity for _, identity in others]
    changes = ("parent", "members") if others else ("parent",)
    turn.changed("incident.updated", row, because, cause=(before,), changes=changes)
    for other, _ in others:
        part = state.rows[other]
        alone(part)
        join(turn, part, row, ("handed_over",), f"{because}; {lead} leads what is left", before)
        state.touch(other)
    _renamed(turn, before, lead, key)
    state.touch(key)
    return key, was_loud


def _renamed(turn: Turn, before: str, lead: str, key: str) -> None:
    """What was gathered of the set is the new leader's."""
    known = sets.set_of(turn, before)
    if known is not None:
        sets.drop(turn, sets.SETS + before)
        name, row = sets.SETS + lead, {**known, "lead": lead, "key": key}
        row.pop("sweep", None)
        turn.state.put(name, row)
        turn.state.sets.add(name)
        turn.state.sweep(name, row, row["seen"] + row["keep"])
    sets.renamed(turn, before, lead)
