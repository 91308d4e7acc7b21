"""Webhooks of Sentry's integration platform, by resource.

Follows https://docs.sentry.io/organization/integrations/integration-platform/webhooks/. The resource stands in `Sentry-Hook-Resource`; without
it (a recorded body on the command line) the shape of the body tells. No order is kept between webhooks.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connectors.ports.reading import Unreadable, lenient_json, line, mapping
from connectors.ports.source import Received
from connectors.sentry.alert_hooks import error, event_alert, installation, metric_alert
from connectors.sentry.hook import OK, Hook
from connectors.sentry.ingestion import unreadable
from connectors.sentry.issue_hooks import comment, issue, seer
from connectors.sentry.origin import Origin

_READERS: Mapping[str, Callable[[Hook], Received]] = {
    "issue": issue,
    "error": error,
    "event_alert": event_alert,
    "metric_alert": metric_alert,
    "comment": comment,
    "installation": installation,
    "seer": seer,
}


def read_hook(body: bytes, resource: str | None, origin: Origin) -> Received:
    """What a webhook says. A body that is not what its resource promises is poison and answered 400; a resource that is
    not known is counted and answered well, since Sentry adds some and takes errors for a broken integration."""
    if not body:
        return Received(ignored={"empty": 1}, reply=OK)
    try:
        value = lenient_json(body)
        if not isinstance(value, dict):
            raise Unreadable(f"expected a JSON object, found {type(value).__name__}")
        read = _READERS.get(resource or resource_of(value))
        if read is None:
            return Received(ignored={"unknown_resource": 1}, reply=OK)
        return read(Hook(value, body, origin))
    except ValueError as error_found:
        return unreadable(str(error_found), body)


def resource_of(body: Mapping[str, Any]) -> str:
    """The resource by the shape of the body; `unknown` when no shape fits."""
    data = mapping(body.get("data"))
    action = line(body.get("action"), 60)
    shapes = (
        ("metric_alert" in data, "metric_alert"),
        ("comment_id" in data, "comment"),
        ("event" in data, "event_alert"),
        ("error" in data, "error"),
        ("issue" in data, "issue"),
        ("run_id" in data or action.startswith(("root_cause_", "solution_", "coding_", "pr_created")), "seer"),
        ("installation" in data, "installation"),
    )
    return next((name for fits, name in shapes if fits), "unknown")
