"""What another incident tells of: a part of it, or a group of a storm."""

from rules.correlation.sets import OVER
from rules.delivery import storms
from rules.delivery.holds import Hold
from rules.ruleset import CompiledRule
from rules.state import Row
from rules.turn import Turn


def spoken_for(turn: Turn, rule: CompiledRule | None, key: str, row: Row) -> Hold | None:
    """The other incident that tells of this one."""
    held = _joined(turn, row) if "parent" in row else None
    if held is None and rule is not None:
        held = storms.hold(turn, rule, key, row)
    if held is None and turn.ruleset.storm is not None:
        held = storms.hold(turn, turn.ruleset.storm, key, row)
    return held


def _joined(turn: Turn, row: Row) -> Hold | None:
    """While the leader lasts, and for a while after its end, unless the incident is worse than all that was told of."""
    parent = row["parent"]
    if "loud" in row:
        return None
    lead = turn.state.rows.get(turn.state.incidents.get(parent, ""))
    if lead is not None and lead["status"] != "resolved":
        return Hold("joined", parent, words=f"part of {parent} {lead['title'][:80]!r}, which tells of it")
    just_over = OVER + parent in turn.state.rows
    return Hold("joined", parent, words=f"part of {parent}, which has just ended") if just_over else None
