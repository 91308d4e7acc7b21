"""Webhooks about alerts and errors, and about the integration itself."""

from collections.abc import Mapping
from typing import Any

from connectors.ports.reading import Unreadable, line, mapping, moment, sequence, text, web_url
from connectors.ports.source import Received
from connectors.sentry.event_signal import event_signal
from connectors.sentry.hook import OK, Hook, heard
from schemas.severity import severity_of
from schemas.signal import Link
from schemas.time import SECOND


def error(hook: Hook) -> Received:
    return _event(hook, hook.part("error"), {})


def event_alert(hook: Hook) -> Received:
    """An alert rule was triggered by an event: the signal is the event, the rule a label."""
    rule = line(hook.data.get("triggered_rule"), 200) or line(mapping(hook.data.get("issue_alert")).get("title"), 200)
    return _event(hook, hook.part("event"), {"alert_rule": rule} if rule else {})


def _event(hook: Hook, event: Mapping[str, Any], labels: Mapping[str, str]) -> Received:
    actor, own = hook.actor()
    signal, unknown = event_signal(event, hook.origin, content=hook.content, raw=hook.body, actor=actor, own=own)
    return heard(signal.model_copy(update={"labels": {**signal.labels, **labels}}), unknown)


def metric_alert(hook: Hook) -> Received:
    alert = hook.part("metric_alert")
    rule = mapping(alert.get("alert_rule"))
    identity = line(alert.get("id"), 40) or line(rule.get("id"), 40)
    if not identity:
        raise Unreadable("expected an id at data.metric_alert.id, found none")
    resolved = hook.action == "resolved"
    grade = "info" if resolved else severity_of(hook.action)
    projects = [line(name, 100) for name in sequence(alert.get("projects") or rule.get("projects"))]
    url = web_url(hook.data.get("web_url"))
    names = ("date_closed", "date_detected") if resolved else ("date_detected", "date_started", "date_created")
    times = (moment(alert.get(name)) for name in names)
    labels = {
        "action": hook.action,
        "alert_rule": line(rule.get("name"), 200),
        "alert_rule_id": line(rule.get("id"), 40),
        "metric_alert_id": identity,
        "project_slug": ",".join(filter(None, projects)),
    }
    signal = hook.signal(
        occurrence_id=f"metric_alert:{identity}",
        revision=hook.action,
        type="alert",
        status="resolved" if resolved else "firing",
        severity=grade or "info",
        title=line(hook.data.get("description_title"))
        or line(alert.get("title"))
        or line(rule.get("name"))
        or "Metric alert",
        body=text(hook.data.get("description_text")),
        service=projects[0] or None if len(projects) == 1 else None,
        environment=line(rule.get("environment"), 100) or None,
        labels=labels,
        links=(Link(rel="self", url=url, title="Sentry metric alert"),) if url else (),
        occurred_at=next((time for time in times if time), hook.origin.received_at),
        group_key=f"sentry:metric_alert:{line(rule.get('id'), 40) or identity}",
    )
    return heard(signal, () if grade else (hook.action,))


def installation(hook: Hook) -> Received:
    """Created: nothing to do. Deleted: from now on Sentry tells us nothing, which is a loss."""
    if hook.action != "deleted":
        return Received(ignored={"installation": 1}, reply=OK)
    identity = line(mapping(hook.body.get("installation")).get("uuid"), 64) or hook.origin.delivery_id[:32]
    signal = hook.signal(
        labels={"installation": identity},
        occurrence_id=f"installation:{identity}",
        revision="deleted",
        type="loss",
        status="firing",
        severity="warning",
        title="The Sentry integration was uninstalled: its webhooks end here",
        occurred_at=hook.origin.received_at,
        expires_at=hook.origin.received_at + 24 * 3600 * SECOND,
        group_key=f"sentry:installation:{identity}",
    )
    return heard(signal)
