"""The common names under which senders put what a signal needs, for JSON nobody has written a mapping for."""

from collections.abc import Mapping
from typing import Any

from schemas import SignalStatus

NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "summary", "message", "name", "subject", "text", "msg", "event"),
    "body": ("body", "description", "details", "detail", "error", "reason"),
    "type": ("type", "kind"),
    "status": ("status", "state"),
    "severity": ("severity", "level", "priority", "urgency", "loglevel", "log_level"),
    "service": ("service", "service_name", "app", "application", "component", "job"),
    "environment": ("environment", "env", "stage"),
    "labels": ("labels", "tags", "attributes"),
    "measures": ("measures", "metrics", "values"),
    "url": ("url", "link", "permalink", "html_url", "web_url"),
    "runbook": ("runbook_url", "runbook"),
    "occurred_at": (
        "occurred_at", "occurredat", "timestamp", "@timestamp", "time", "ts", "starts_at", "startsat", "datetime", "date",
        "created_at", "createdat",
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


def guess(item: Mapping[str, Any]) -> dict[str, Any]:
    """The values found, by field of NAMES; one pass over the item."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for key, value in item.items():
        if value is None:
            continue
        place = _PLACES.get(key) or _PLACES.get(key.lower())
        if place is not None:
            field, rank = place
            if field not in found or rank < ranks[field]:
                found[field] = value
                ranks[field] = rank
    if "body" not in found:
        for key in ("message", "summary"):
            value = item.get(key)
            if value is not None and value != found.get("title"):
                found["body"] = value
                break
    return found
