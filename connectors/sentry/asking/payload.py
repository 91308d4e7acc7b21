"""An event as Sentry's interface gives it, in the form in which SDKs send events.

The interface lists `entries` by type, with names in camel case; see https://docs.sentry.io/api/events/retrieve-an-issue-event/.
"""

from collections.abc import Mapping
from typing import Any

from connectors.ports.reading import mapping, sequence, text

_FRAME = {
    "filename": "filename",
    "absPath": "abs_path",
    "function": "function",
    "module": "module",
    "lineNo": "lineno",
    "inApp": "in_app",
}


def as_payload(event: Mapping[str, Any]) -> dict[str, Any]:
    """What `connectors.sentry.event` reads."""
    entries = {
        text(each.get("type"), 40): mapping(each.get("data")) for each in map(mapping, sequence(event.get("entries")))
    }
    values = sequence(entries.get("exception", {}).get("values"))
    message = mapping(entries.get("message"))
    return {
        "exception": {"values": [_exception(mapping(each)) for each in values]},
        "breadcrumbs": {"values": sequence(entries.get("breadcrumbs", {}).get("values"))},
        "logentry": message,
        "message": event.get("message"),
        "title": event.get("title"),
        "metadata": event.get("metadata"),
        "culprit": event.get("culprit"),
        "tags": event.get("tags"),
        "release": mapping(event.get("release")).get("version") or _tag(event, "release"),
        "transaction": _tag(event, "transaction"),
        "level": _tag(event, "level"),
    }


def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    frames = sequence(mapping(value.get("stacktrace")).get("frames"))
    return {
        "type": value.get("type"),
        "value": value.get("value"),
        "stacktrace": {"frames": [_frame(mapping(each)) for each in frames]},
    }


def _frame(frame: Mapping[str, Any]) -> dict[str, Any]:
    made = {ours: frame.get(theirs) for theirs, ours in _FRAME.items()}
    at = frame.get("lineNo")
    own = (
        pair[1]
        for pair in sequence(frame.get("context"))
        if isinstance(pair, list) and len(pair) == 2 and pair[0] == at
    )
    return {**made, "context_line": next(own, None)}


def _tag(event: Mapping[str, Any], name: str) -> Any:
    return next(
        (each.get("value") for each in map(mapping, sequence(event.get("tags"))) if each.get("key") == name), None
    )
