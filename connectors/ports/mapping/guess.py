"""The common names under which senders put what a signal needs, for JSON nobody has written a mapping for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from schemas import SignalStatus

NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "summary", "message", "name", "subject", "text", "msg", "event", "question"),
    "body": ("body", "description", "details", "detail", "error", "reason"),
    "type": ("type", "kind"),
    "status": ("status", "state"),
    "severity": ("severity", "level", "priority", "urgency", "loglevel", "log_level"),
    "service": ("service", "service_name", "app", "application", "component", "job"),
    "environment": ("environment", "env", "stage"),
    "labels": ("labels", "tags", "attributes", "commonlabels"),
    "measures": ("measures", "metrics", "values"),
    "url": ("url", "link", "permalink", "html_url", "web_url"),
    "runbook": ("runbook_url", "runbook"),
    "occurred_at": (
        "occurred_at", "occurredat", "timestamp", "@timestamp", "time", "ts", "starts_at", "startsat", "datetime", "date",
        "created_at", "createdat", "fired_at", "firedat", "triggered_at", "triggeredat",
    ),
    "id": ("id", "event_id", "eventid", "alert_id", "alertid", "uuid"),
    "group_key": ("group_key", "groupkey", "dedup_key", "dedupkey", "fingerprint", "alert_key", "incident_key", "alias"),
}  # fmt: skip
"""By field, the names tried, the first that is there and not null wins; compared in lower case."""

_PLACES: dict[str, tuple[str, int]] = {
    name: (field, rank) for field, names in NAMES.items() for rank, name in enumerate(names)
}

STATUS_WORDS: dict[str, SignalStatus] = {
    **dict.fromkeys(
        ("firing", "alerting", "alert", "triggered", "trigger", "open", "opened", "active", "new", "failed", "failing",
         "failure", "down", "problem", "critical", "error", "warning", "reopened", "unresolved"),
        "firing",
    ),
    **dict.fromkeys(
        ("resolved", "resolve", "ok", "closed", "close", "recovered", "recovery", "up", "normal", "inactive", "healthy",
         "success", "succeeded", "passed", "fixed", "cleared"),
        "resolved",
    ),
    **dict.fromkeys(("acknowledged", "acknowledge", "ack", "acked"), "acknowledged"),
    **dict.fromkeys(("suppressed", "silenced", "muted", "snoozed", "ignored"), "suppressed"),
    **dict.fromkeys(("info", "informational", "none"), "info"),
}  # fmt: skip
"""What the words of senders mean as a status, in lower case."""


FIELDS = (
    "title", "body", "type", "status", "severity", "service", "environment", "labels", "measures", "url", "runbook",
    "occurred_at", "id", "revision", "group_key",
)  # fmt: skip
"""What can be found of a signal, in the order of `Found`."""

Found = tuple[Any, ...]
"""What was found in one part of a request, by the order of FIELDS; None for what is not there."""

_SPOKEN = ("message", "summary")
"""What stands for the body where there is none."""
_MOST_KEYS = 64
"""Objects with more keys than this are looked through anew each time."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where objects with certain keys have their fields."""

    take: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """Finds what stands under the best key of each field."""
    spread: Callable[[tuple[Any, ...]], Found]
    """Puts that, behind a None, in the order of FIELDS."""
    doubtful: tuple[int, ...]
    """Places in FIELDS for which something else is tried when the best key holds null."""
    message_as_body: bool
    """Whether the body is a message or summary, unless that is null or the title."""


def guess(item: Mapping[str, Any]) -> Found:
    """What stands under common names; no revision is ever guessed."""
    keys = tuple(item)
    plan = _known_plan(keys) if len(keys) <= _MOST_KEYS else _plan(keys)
    found = plan.spread((None, *plan.take(item)))
    for place in plan.doubtful:
        if found[place] is None:
            return _searched(item)
    if plan.message_as_body and ((body := found[1]) is None or body == found[0]):
        return _searched(item)
    return found


def _searched(item: Mapping[str, Any]) -> Found:
    """The same, looking at one value after the other."""
    found: dict[str, Any] = {}
    for field, names in _candidates(tuple(item)).items():
        value = next((item[name] for name in names if item[name] is not None), None)
        if value is not None:
            found[field] = value
    if "body" not in found:
        for name in _SPOKEN:
            value = item.get(name)
            if value is not None and value != found.get("title"):
                found["body"] = value
                break
    return tuple(map(found.get, FIELDS))


def _candidates(keys: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """By field, the keys that may hold it, the best first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for key in keys:
        place = _PLACES.get(key) or _PLACES.get(key.lower())
        if place is not None:
            found.setdefault(place[0], []).append((place[1], key))
    return {field: tuple(key for _, key in sorted(each, key=itemgetter(0))) for field, each in found.items()}


def _plan(keys: tuple[str, ...]) -> _Plan:
    candidates = _candidates(keys)
    best = {field: names[0] for field, names in candidates.items()}
    spoken = next((name for name in _SPOKEN if name in keys and name != best.get("title")), None)
    doubtful = {field for field, names in candidates.items() if len(names) > 1}
    if spoken is not None:
        if "body" in best:
            doubtful.add("body")
        best.setdefault("body", spoken)
    places = {field: place for place, field in enumerate(best, start=1)}
    return _Plan(
        take=_taking(tuple(best.values())),
        spread=itemgetter(*[places.get(field, 0) for field in FIELDS]),
        doubtful=tuple(FIELDS.index(field) for field in doubtful),
        message_as_body=spoken is not None and "body" not in candidates,
    )


def _taking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda item: tuple([item[name] for name in names])


_known_plan = lru_cache(maxsize=256)(_plan)
"""Remembered: what one sender sends has the same keys again and again."""
