"""Signals that came to nothing, counted by outcome over a span of the journal and then recorded as one decision."""

from typing import Literal

from rules.decided import decided, moment
from rules.state import Row, State
from schemas.decision import Decision, DecisionKind, Versions
from schemas.spans import UNITS, about

Outcome = Literal[
    "duplicate",
    "unmatched",
    "own",
    "silence",
    "inhibition",
    "throttle",
    "below_threshold",
    "late",
    "waiting",
    "step",
    "expected",
    "no_key",
    "no_value",
    "background",
    "evicted",
]

KINDS: dict[Outcome, DecisionKind] = {
    "duplicate": "signal.deduplicated",
    "unmatched": "signal.unmatched",
    "own": "signal.suppressed",
    "silence": "signal.suppressed",
    "inhibition": "signal.suppressed",
    "throttle": "signal.suppressed",
    "below_threshold": "signal.suppressed",
    "late": "signal.suppressed",
    "waiting": "signal.suppressed",
    "step": "signal.suppressed",
    "expected": "signal.suppressed",
    "no_key": "signal.suppressed",
    "no_value": "signal.suppressed",
    "background": "signal.suppressed",
    "evicted": "state.evicted",
}

_WORDS: dict[Outcome, str] = {
    "duplicate": "had been seen before",
    "unmatched": "matched no rule",
    "own": "were caused by Tocsin itself and are kept as context",
    "silence": "were silenced by",
    "inhibition": "were inhibited by rule",
    "throttle": "came within the span of a throttle",
    "below_threshold": "were too few to fire",
    "late": "came later than the allowed lateness, or than their end, and were not counted by",
    "waiting": "made it true, and it waits for that to last",
    "step": "were kept as steps of something that is not complete",
    "expected": "were heard as expected",
    "no_key": "had nothing to be grouped or joined by and were not counted",
    "no_value": "had no value of the kind that is measured and were not counted",
    "background": "were about what tells of no incident by itself",
    "evicted": "had to go out of memory",
}

EXEMPLARS = 5


def count(state: State, outcome: Outcome, signal_id: str, *, now: int, by: str = "", number: int = 1) -> Row | None:
    """Count a signal; a row is returned when it is full and shall be recorded at once."""
    key = f"count/{outcome}/{by}"
    row: Row | None = state.rows.get(key)
    if row is None:
        row = {"outcome": outcome, "by": by, "count": number, "since": now, "until": now, "exemplars": [signal_id]}
        state.put(key, row)
        state.wake(key, row, now + state.limits.count_span)
    else:
        row["count"] += number
        row["until"] = now
        if len(row["exemplars"]) < EXEMPLARS:
            row["exemplars"].append(signal_id)
        state.changed.add(key)
    if row["count"] < state.limits.count_most:
        return None
    state.delete(key)
    return row


def recorded(row: Row, at: int, versions: Versions) -> Decision:
    """The decision that says what was counted."""
    outcome: Outcome = row["outcome"]
    by: str = row["by"]
    number: int = row["count"]
    data = {
        "reason": outcome,
        "count": number,
        "since": moment(row["since"]),
        "until": moment(row["until"]),
        "exemplars": row["exemplars"],
    }
    if by:
        data["by"] = by
    return decided(
        KINDS[outcome],
        at=at,
        actor=f"rule:{by}" if by and outcome != "silence" else "system",
        because=_sentence(outcome, by, number, row["until"] - row["since"]),
        cause=[*row["exemplars"], *([by] if by else ())],
        data=data,
        attempt=row["since"],
        versions=versions,
    )


def _sentence(outcome: Outcome, by: str, number: int, span: int) -> str:
    what = "entry" if outcome == "evicted" else "signal"
    signals = f"1 {what}" if number == 1 else f"{number} {'entries' if outcome == 'evicted' else 'signals'}"
    words = _WORDS[outcome].replace("were", "was", 1) if number == 1 else _WORDS[outcome]
    words = words.replace("are kept", "is kept") if number == 1 else words
    who = f" {by}" if outcome in ("silence", "inhibition", "late") else f" (rule {by})" if by else ""
    return f"{signals}{f' within {about(span)}' if span >= UNITS['s'] else ''} {words}{who}"
