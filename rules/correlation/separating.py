"""Somebody says that an incident is no part of the one it joined: it stands alone from there on, and is told of."""

from rules.correlation import sets
from rules.correlation.joining import alone
from rules.delivery import gate
from rules.orders import Refused, by
from rules.state import Row
from rules.turn import Turn
from schemas.command import Command


def separate(turn: Turn, command: Command, key: str, row: Row) -> None:
    """Take the incident away from its leader. Raises Refused where it is part of none."""
    parent = row.get("parent")
    if parent is None:
        raise Refused("the incident is part of no other")
    told = "loud" in row
    alone(row)
    row["apart"] = True
    lead_key = turn.state.incidents.get(parent, "")
    lead = turn.state.rows.get(lead_key)
    because = f"no part of {parent} any more, says {by(command)}"
    turn.changed("incident.updated", row, because, cause=(command.id,), changes=("parent",), actor=command.author)
    if lead is not None and row["id"] in lead.get("members", ()):
        lead["members"] = [name for name in lead["members"] if name != row["id"]]
        if (lead.get("root") or {}).get("incident_id") == row["id"]:
            del lead["root"]
        changes = ("members",)
        because = f"{row['id']} is no part of it any more, says {by(command)}"
        turn.changed("incident.updated", lead, because, cause=(command.id,), changes=changes, actor=command.author)
        turn.state.touch(lead_key)
    known = sets.set_of(turn, parent)
    if known is not None:
        known["alerts"] = [alert for alert in known["alerts"] if alert[0] != row["id"]]
        turn.state.touch(sets.SETS + parent)
    if not told and row["status"] != "resolved":
        gate.offer(turn, turn.compiled(row["rule"]), key, row)
    turn.state.touch(key)
