"""Why something is not told now: what holds it, by whose word, and until when."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from rules.decided import moment
from rules.delivery.compiled import Delivery
from rules.delivery.inhibition import inhibited
from rules.delivery.known import said_of
from rules.silences import holds_until, silenced
from rules.times import opening
from rules.turn import Turn
from schemas.spans import about

Cause = Literal["waiting", "inhibited", "silenced", "muted", "throttled", "flapping", "storm", "joined"]
"""The closed set of reasons for which what is due to somebody is held back."""


class Hold(NamedTuple):
    """`by` is the rule, silence or named time that holds; `until` when it is certain to be looked at again, if that is known; `key` is
    what is told when it ends earlier."""

    cause: Cause
    by: str
    until: int | None = None
    key: str = ""
    words: str = ""

    def sentence(self, now: int) -> str:
        """Why, for people."""
        until = (
            f" until {moment(self.until)[:16]}Z ({about(self.until - now)})"
            if self.until is not None and self.until > now
            else ""
        )
        return f"{self.words or self.cause}{until}"


def of_signal(turn: Turn, view: Mapping[str, Any]) -> Hold | None:
    """What holds a signal back wherever it goes: an inhibition, or a silence."""
    if turn.state.sources and (found := inhibited(turn, view)) is not None:
        inhibitor, unit, key = found
        row = turn.state.rows[f"delivery/alert/{unit}"]
        words = f"inhibited by rule {inhibitor.rule.name}: {str(said_of(row).get('title', unit))[:80]!r} fires"
        return Hold("inhibited", inhibitor.rule.name, row["e"] or None, f"inhibition/{key}", words)
    if turn.state.silences and (silence := silenced(turn, view)) is not None:
        words = f"silenced by {silence['id']} of {silence['author']}"
        return Hold("silenced", silence["id"], holds_until(silence, turn.at), f"silence/{silence['id']}", words)
    return None


def of_times(delivery: Delivery, now: int) -> Hold | None:
    """What the rule's own times say."""
    if delivery.is_open(now):
        return None
    names = [times.name for times in delivery.muted if times.contains(now)]
    if names:
        words = f"muted in {', '.join(names)}"
    else:
        names = [times.name for times in delivery.active]
        words = f"muted outside of {', '.join(names)}"
    return Hold("muted", names[0], opening(delivery.muted, delivery.active, now), words=words)
