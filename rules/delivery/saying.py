"""What is recorded of delivery: that a group was told of, or that what is due is held and why."""

from collections.abc import Sequence
from typing import Any

from rules.decided import moment
from rules.delivery.group import Reason
from rules.delivery.holds import Hold
from rules.state import Row
from rules.turn import Turn
from schemas.spans import about

_WORDS: dict[Reason, str] = {
    "first": "told for the first time",
    "new": "told again, for more of it fires",
    "some_resolved": "told that some of it is over",
    "all_resolved": "told that all of it is over",
    "repeat": "told again, for it goes on",
}
MOST_SIGNALS = 1000
"""So many signals are named by one decision; the number of all is in the sentence."""


def notified(
    turn: Turn, incident: Row, reason: Reason, playbook: str, firing: Sequence[str], resolved: Sequence[str]
) -> None:
    """The group is told of."""
    shown = turn.incident(incident)
    signals = [{"id": name, "status": "firing"} for name in firing] + [
        {"id": name, "status": "resolved"} for name in resolved
    ]
    data = {
        "playbook": playbook,
        "reason": reason,
        "group": {path: value for path, value in incident["group"].items() if value},
        "incident": shown,
        "signals": signals[:MOST_SIGNALS],
    }
    because = f"{_WORDS[reason]}: {len(firing)} firing, {len(resolved)} resolved, playbook {playbook}"
    cause = (firing or resolved)[-1:]
    turn.say("playbook.notified", incident, because, cause=cause, data=data, trace=incident.get("trace"))
    turn.remember(incident, shown)


def held(turn: Turn, incident: Row, row: Row, holds: Sequence[Hold], signals: Sequence[str]) -> None:
    """What is due to be told is held back; said once for each cause, and again when it is another one. `signals`: the latest of them,
    or none."""
    before = row.get("holds", [])
    if not holds and not before:
        return
    causes = sorted({(hold.cause, hold.by) for hold in holds})
    now = [list(cause) for cause in causes]
    if now == before:
        return
    row["holds"] = now
    rule = turn.rule(incident["rule"])
    first = {(hold.cause, hold.by): hold for hold in reversed(holds)}
    for cause in causes:
        if list(cause) in before:
            continue
        hold = first[cause]
        data: dict[str, Any] = {"playbook": rule.playbook if rule is not None else None, "reason": hold.cause}
        if hold.by:
            data["by"] = hold.by
        if hold.until is not None:
            data["until"] = moment(hold.until)
        turn.say(
            "playbook.held", incident, hold.sentence(turn.at), cause=signals, data=data, trace=incident.get("trace")
        )


def ask_again(turn: Turn, incident: Row, row: Row, hold: Hold) -> int | None:
    """A silence that hides a critical incident for long is asked about; returns when it is to be asked next, None where it is not.

    `row` is what is held, `since` when that began.
    """
    if hold.cause != "silenced" or incident["severity"] != "critical" or incident["status"] != "open":
        row.pop("asked", None)
        return None
    limits, silence = turn.state.limits, turn.state.silences.get(hold.by)
    since: int = row.setdefault("hidden", turn.at)
    last: int | None = row.get("asked")
    due = since + limits.silence_asks_after if last is None else last + limits.silence_asks_every
    if silence is None or turn.at < due:
        return due
    row["asked"] = turn.at
    because = (
        f"silence {hold.by} of {silence['author']} has hidden this critical incident for {about(turn.at - since)}: "
        "is that still meant? It can be ended with `tocsin silence expire`"
    )
    data = {"silence_id": hold.by, "author": silence["author"], "matcher": silence["matcher"],
            "since": moment(since), "until": moment(silence["until"])}  # fmt: skip
    turn.say("silence.asked", incident, because, cause=(hold.by,), data=data)
    return turn.at + limits.silence_asks_every
