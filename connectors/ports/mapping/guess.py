"""The common names under which senders put what a signal needs, for JSON nobody has written a mapping for."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

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


_MOST_KEYS = 64
"""Objects with more keys than this are looked through anew each time."""


class _Plan(NamedTuple):
    """Where objects with certain keys have their fields: `fields[i]` is what stands under the best of `keys[i]`, which `take` finds."""

    fields: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    take: Callable[[Mapping[str, Any]], tuple[Any, ...]]


def guess(item: Mapping[str, Any]) -> dict[str, Any]:
    """The values found, by field of NAMES."""
    keys = tuple(item)
    plan = _known_plan(keys) if len(keys) <= _MOST_KEYS else _plan(keys)
    values = plan.take(item)
    found = dict(zip(plan.fields, values))  # noqa: B905  (of one length; saying so costs a fifth of it)
    if None in values:
        for field, candidates in zip(plan.fields, plan.keys, strict=True):
            if found[field] is None:
                value = next((item[key] for key in candidates if item[key] is not None), None)
                if value is None:
                    del found[field]
                else:
                    found[field] = value
    if "body" not in found:
        for key in ("message", "summary"):
            value = item.get(key)
            if value is not None and value != found.get("title"):
                found["body"] = value
                break
    return found


def _plan(keys: tuple[str, ...]) -> _Plan:
    candidates: dict[str, list[tuple[int, str]]] = {}
    for key in keys:
        place = _PLACES.get(key) or _PLACES.get(key.lower())
        if place is not None:
            candidates.setdefault(place[0], []).append((place[1], key))
    ranked = [tuple(key for _, key in sorted(each, key=itemgetter(0))) for each in candidates.values()]
    return _Plan(tuple(candidates), tuple(ranked), _taking([each[0] for each in ranked]))


def _taking(keys: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda item: tuple([item[key] for key in keys])


_known_plan = lru_cache(maxsize=256)(_plan)
"""Remembered: what one sender sends has the same keys again and again."""
