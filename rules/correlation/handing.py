"""A leader is over and members of it are not: one of them leads the others from there on, and is told of."""

from rules.correlation import sets
from rules.correlation.joining import alone, is_open, join
from rules.delivery import gate
from rules.state import Row
from rules.turn import Turn


def due(turn: Turn, name: str, waiting: Row) -> None:
    """So long after the end of the leader: who is still left goes on under the one in which it seems to have begun, else the first one."""
    state, before = turn.state, waiting["lead"]
    state.delete(name)
    left = []
    for identity in waiting["left"]:
        key = state.incidents.get(identity, "")
        if is_open(turn, key, identity) and state.rows[key].get("parent") == before:
            left.append((key, identity))
    old = state.rows.get(state.incidents.get(before, ""), {})
    if not left:
        sets.drop(turn, sets.SETS + before)
        return
    root = (old.get("root") or {}).get("incident_id")
    key, lead = next((each for each in left if each[1] == root), left[0])
    row = state.rows[key]
    was_loud = "loud" in row
    alone(row)
    others = [each for each in left if each[1] != lead]
    if others:
        row["leads"], row["members"] = True, [identity for _, identity in others]
    because = f"{before}, of which it was a part, is over and this is not"
    changes = ("parent", "members") if others else ("parent",)
    turn.changed("incident.updated", row, because, cause=(before,), changes=changes)
    for other, _ in others:
        part = state.rows[other]
        alone(part)
        join(turn, part, row, ("handed_over",), f"{because}; {lead} leads what is left", before)
        state.touch(other)
    _renamed(turn, before, lead, key)
    if not was_loud:
        gate.offer(turn, turn.compiled(row["rule"]), key, row)
    state.touch(key)


def _renamed(turn: Turn, before: str, lead: str, key: str) -> None:
    """What was gathered of the set is the new leader's."""
    known = sets.set_of(turn, before)
    if known is None:
        return
    sets.drop(turn, sets.SETS + before)
    name, row = sets.SETS + lead, {**known, "lead": lead, "key": key}
    row.pop("sweep", None)
    turn.state.put(name, row)
    turn.state.sets.add(name)
    turn.state.sweep(name, row, row["seen"] + row["keep"])
