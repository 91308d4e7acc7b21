"""Somebody says that an incident is no part of the one it joined: it stands alone from there on, and is told of."""

from rules.correlation.joining import alone, left
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
    left(turn, row)
    alone(row)
    row["apart"] = True
    because = f"no part of {parent} any more, says {by(command)}"
    turn.changed("incident.updated", row, because, cause=(command.id,), changes=("parent",), actor=command.author)
    if not told and row["status"] != "resolved":
        gate.offer(turn, turn.compiled(row["rule"]), key, row)
    turn.state.touch(key)
