"""Asking for an investigation of an incident, or saying why none is asked for."""

from collections.abc import Sequence

from rules import sentences
from rules.state import Row
from rules.turn import Turn


def choose(turn: Turn, row: Row, ids: Sequence[str], trace: str | None) -> None:
    """Ask for an investigation, or say why none is asked for."""
    rule, cause = turn.rule(row["rule"]), ids[-1:]
    playbook = rule.playbook if rule is not None else None
    running = row["running"] and turn.at - row["running"] < turn.state.limits.running_at_most
    reason = "none_named" if playbook is None else "shadow" if rule is not None and rule.shadow else ""
    reason = reason or ("running" if running else "")
    if reason == "running":
        row["asked"] = turn.at
    if reason:
        data = {"playbook": playbook, "reason": reason}
        turn.say("playbook.skipped", row, sentences.skipped(row, playbook, reason), cause=cause, data=data, trace=trace)
        return
    row["running"] = turn.at
    row.pop("asked", None)
    chosen = {"playbook": playbook, "incident": turn.incident(row), "signal_ids": list(ids[-50:])}
    turn.say("playbook.selected", row, sentences.selected(row, playbook), cause=cause, data=chosen, trace=trace)
