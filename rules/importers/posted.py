"""What is posted to Alertmanager as inputs of ours: alerts, which it merges before it dispatches them, and silences.

As there, what is not valid is refused by itself: the rest of a push counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rules.cel import CelFailure
from rules.cel.patterns import search
from rules.delivery.alerts import Life, merged
from rules.importers import alertmanager, matchers
from rules.importers.sheet import NotImportable
from rules.trial.lines import Timed, command, moment, signal
from schemas.ids import digest
from schemas.severity import severity_of
from schemas.spans import parse_span
from schemas.time import from_rfc3339, to_rfc3339

Said = dict[str, Any]

_JUST_AFTER = 1
"""Microseconds: a silence still holds at the moment of its end there."""


def posted(base: int, content: object) -> Callable[[int, int, Said], list[Timed]]:
    """What makes inputs of a step: its number, its moment, and what it says. `content` is the configuration."""
    timeout = parse_span(alertmanager.resolve_timeout(content))
    lives: dict[str, Life] = {}
    silences: set[str] = set()

    def make(index: int, at: int, said: Said) -> list[Timed]:
        given = [_alert(alert, at, base, timeout, index, number) for number, alert in enumerate(said.get("push") or ())]
        alerts = [alert for alert in given if alert is not None]
        # There alerts are merged with what is known of them before they are dispatched.
        for alert in alerts:
            _merge(alert, lives, at)
        found = [Timed(at, "signal", alert, index) for alert in _dispatched(alerts)]
        if (silence := said.get("silence")) is not None and (data := _silence(silence, at, base, index)) is not None:
            silences.add(data["silence_id"])
            found.append(ordered("silence", at, base, index, data))
        if (name := said.get("expire")) is not None and str(name) in silences:
            found.append(ordered("expire_silence", at, base, index, {"silence_id": str(name)}))
        return found

    return make


def ordered(kind: str, at: int, base: int, index: int, data: Said, name: str = "") -> Timed:
    """A command as an input."""
    given = {"kind": kind, "id": f"cmd-{index}-{name}", "data": data}
    return Timed(at, "command", command(given, at, base, index), index)


def cut_moment(value: object, base: int) -> int:
    """As `moment`, with seconds cut off to whole milliseconds."""
    if isinstance(value, float):
        return base + int(value * 1_000) * 1_000
    return moment(value, base)


def _alert(alert: Said, at: int, base: int, timeout: int, index: int, number: int) -> Said | None:
    """One posted alert; None for one that is refused. As there: it begins now, or at its end where only that is given; without an end it is
    over after the timeout."""
    # Labels without a value are no labels.
    labels = {name: str(value) for name, value in sorted(alert["labels"].items()) if str(value)}
    starts, ends = (
        None if alert.get(key) in (None, "") else cut_moment(alert[key], base) for key in ("startsAt", "endsAt")
    )
    begun = starts if starts is not None else ends if ends is not None else at
    over = ends if ends is not None else at + timeout
    if over < begun or not labels:
        return None
    given = {
        "source": "alertmanager",
        "type": "alert",
        "severity": severity_of(labels.get("severity")) or "info",
        "title": labels.get("alertname") or "(unnamed alert)",
        "labels": labels,
        "occurred_at": to_rfc3339(begun),
        "expires_at": to_rfc3339(over),
        "occurrence_id": digest("alert", *(part for pair in labels.items() for part in pair)),
        "revision": f"{index:06}.{number:03}",
        "raw": {"timeout": ends is None, "merged": True, "alert": alert},
    }
    return signal(given, at, base, index)


def _merge(alert: Said, lives: dict[str, Life], at: int) -> None:
    """The alert as it is once merged with what is known of its labels."""
    name, raw = alert["occurrence_id"], alert["raw"]
    life = Life(from_rfc3339(alert["occurred_at"]), from_rfc3339(alert["expires_at"]), raw["timeout"])
    life = lives[name] = merged(lives.get(name), life, at)
    alert |= {"occurred_at": to_rfc3339(life.starts), "expires_at": to_rfc3339(life.ends)}
    alert["status"] = "resolved" if life.over(at) else "firing"
    raw["timeout"] = life.timeout


def _dispatched(alerts: Sequence[Said]) -> list[Said]:
    """The order in which a batch reaches its groups. Since 0.31 two workers take alerts from one queue, in a race: the first is woken with the
    first alert, the second with the second, and as it was woken last it runs first and takes the rest. On one processor that is
    always so, on more mostly."""
    return [*alerts[1:], *alerts[:1]]


def _silence(silence: Mapping[str, Any], at: int, base: int, index: int) -> Said | None:
    """The data of a silence's command; None for one that is refused: over already, or one that every alert without labels would meet."""
    given = silence.get("matchers") or []
    starts = cut_moment(silence.get("starts", silence.get("startsAt", to_rfc3339(at))), base)
    ends = cut_moment(silence.get("ends", silence.get("endsAt")), base)
    if ends < max(starts, at) or all(_meets_nothing(each) for each in given):
        return None
    return {
        "matcher": matchers.silence(given),
        "starts_at": to_rfc3339(starts),
        "until": to_rfc3339(ends + _JUST_AFTER),
        "silence_id": str(silence.get("id") or f"silence-{index}"),
    }


def _meets_nothing(matcher: Mapping[str, Any]) -> bool:
    """Whether the matcher is one for the empty text; a pattern is so there if it is found anywhere in it. Raises NotImportable."""
    if not matcher.get("isEqual", True):
        return False
    value = str(matcher.get("value", ""))
    if not matcher.get("isRegex"):
        return not value
    try:
        return bool(search(value)(""))
    except CelFailure as failure:
        raise NotImportable(f"the matcher {matcher!r}: {failure.message}") from None
