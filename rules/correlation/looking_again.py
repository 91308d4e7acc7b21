"""The second look at incidents that were weighed: some minutes later those around them are known, and one may belong elsewhere.

A row `correlation/late/SIDE` holds them: id, moment, name, service, the incident they are of, and when they are looked at again.
"""

from typing import Any

from rules.correlation import sets
from rules.correlation.joining import alone, grown, is_open, join, left
from rules.correlation.leading import hand_over, left_of
from rules.correlation.second_look import heard
from rules.correlation.values import Alert
from rules.delivery import gate
from rules.state import Row
from rules.turn import Turn


def due(turn: Turn, name: str, row: Row) -> None:
    """Those whose time has come are looked at, the earliest first; those around none of which is to be looked at any more are forgotten."""
    relations = turn.ruleset.relations
    known = {each[0]: (Alert(each[0], each[1], each[2], each[3]), each) for each in row["alerts"]}
    ready = sorted((each for each in row["alerts"] if 0 < each[5] <= turn.at), key=lambda each: (each[1], each[0]))
    for each in ready:
        each[5] = 0
        if relations is None:
            continue
        others = [(alert, other[4]) for alert, other in known.values()]
        found = heard(known[each[0]][0], others, each[4], relations.graph, sets.HEARING)
        if found != each[4] and _moved(turn, each, found):
            each[4] = found
    row["alerts"] = [each for each in row["alerts"] if each[5] or each[1] >= turn.at - 2 * sets.AROUND]
    if not row["alerts"]:
        turn.state.delete(name)
        return
    last = max(each[1] for each in row["alerts"]) + 2 * sets.AROUND + 1
    turn.state.touch(name)
    turn.state.wake(name, row, min((each[5] for each in row["alerts"] if each[5]), default=max(last, turn.at + 1)))


def _moved(turn: Turn, each: list[Any], to: str) -> bool:
    """The incident belongs to another leader from here on. False where it, or that one, is over, or no leader any more."""
    state, identity = turn.state, str(each[0])
    key, lead_key = state.incidents.get(identity, ""), state.incidents.get(to, "")
    if identity == to or not is_open(turn, key, identity) or not is_open(turn, lead_key, to):
        return False
    row, lead = state.rows[key], state.rows[lead_key]
    if "parent" in lead or "apart" in row or lead["rehearsal"] != row["rehearsal"]:
        return False
    because = f"belongs to {to} {lead['title'][:80]!r}: with hindsight, more of what was around it is of that one"
    members = left_of(turn, identity, row.get("members", ()))
    if members:
        first, told = hand_over(turn, identity, members, f"{identity}, of which it was a part, {because}")
        if not told:
            gate.offer(turn, turn.compiled(state.rows[first]["rule"]), first, state.rows[first])
    else:
        sets.drop(turn, sets.SETS + identity)
    was_loud = "loud" in row
    left(turn, row)
    alone(row)
    join(turn, row, lead, ("second_look",), because, identity)
    if was_loud:
        row["loud"] = True
    known = sets.set_of(turn, to)
    if known is not None and len(known["alerts"]) < sets.ALERTS:
        known["alerts"].append([identity, each[1], each[2], each[3]])
    grown(turn, known, lead_key, lead, row)
    state.touch(key)
    return True
