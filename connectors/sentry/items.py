"""What an SDK sends beside errors and logs: check-ins, feedback, and the counts of what it had to drop."""

from collections.abc import Mapping
from typing import Any

from connectors.ports.reading import line, mapping, moment, number, sequence, text, web_url
from connectors.sentry.event import happened_at, package_of, tags
from connectors.sentry.identity import event_id
from connectors.sentry.origin import Origin, delivery_of
from schemas.severity import Severity
from schemas.signal import Link, Signal, SignalStatus
from schemas.time import SECOND

LOSS_LASTS_S = 3600
"""A reported loss counts as over an hour after the last report."""

DELIBERATE = frozenset(("sample_rate", "before_send", "event_processor", "ignored", "filtered", "sampled"))
"""Reasons for which a client drops because it was told to."""

_CHECK_INS: dict[str, tuple[SignalStatus, Severity]] = {
    "error": ("firing", "error"),
    "missed": ("firing", "error"),
    "timeout": ("firing", "error"),
    "ok": ("resolved", "info"),
}


def check_in_signal(
    check_in: Mapping[str, Any], origin: Origin, project: str, sent_at: int, raw: object
) -> Signal | None:
    """A check-in that failed or was missed fires, one that is ok resolves; None for `in_progress` and the like.

    The occurrence is the monitor in its environment, the revision this check-in, so that the next good one ends what the bad one began.
    """
    status = line(check_in.get("status"), 40)
    if status not in _CHECK_INS:
        return None
    state, grade = _CHECK_INS[status]
    configured = origin.project(project)
    slug = line(check_in.get("monitor_slug"), 100) or "(unnamed monitor)"
    environment = line(check_in.get("environment"), 100) or configured.environment
    monitor = f"monitor:{project}:{slug}:{environment or ''}"
    duration = number(check_in.get("duration"))
    release = line(check_in.get("release"), 200)
    labels = {
        "monitor": slug,
        "project": project,
        "check_in": status,
        "release": release,
        "server_name": line(check_in.get("server_name"), 200),
    }
    return origin.signal(
        occurrence_id=monitor,
        revision=f"{line(check_in.get('check_in_id'), 100) or delivery_of(repr(check_in).encode())}:{status}",
        type="check_in",
        status=state,
        severity=grade,
        title=f"Check-in of {slug}: {status}",
        service=configured.service or tags(check_in).get("service") or package_of(release),
        environment=environment,
        labels={name: value for name, value in labels.items() if value},
        measures={} if duration is None else {"duration_s": duration},
        occurred_at=happened_at(check_in, sent_at),
        group_key=f"sentry:{monitor}",
        raw=raw,
    )


def feedback_signal(event: Mapping[str, Any], origin: Origin, project: str, content: bytes, raw: object) -> Signal:
    """What a user wrote, as a comment; also the older `user_report`, which names the event it belongs to."""
    given = mapping(mapping(event.get("contexts")).get("feedback")) or event
    said = text(given.get("message")) or text(given.get("comments"))
    about = line(given.get("associated_event_id") or (event.get("event_id") if given is event else None), 40)
    url = web_url(given.get("url"))
    configured = origin.project(project)
    release = line(event.get("release"), 200)
    named = tags(event)
    labels = {
        **named,
        "project": project,
        "about_event": about.replace("-", ""),
        "release": release,
        "from": line(given.get("contact_email") or given.get("email"), 200),
    }
    identity = delivery_of(content)[:32] if given is event else event_id(event, content)
    return origin.signal(
        occurrence_id=f"feedback:{identity}",
        type="comment",
        status="info",
        severity="info",
        title=f"Feedback: {line(said) or '(empty)'}",
        body=said,
        service=configured.service or named.get("service") or package_of(release),
        environment=line(event.get("environment"), 100) or named.get("environment") or configured.environment,
        labels={name: value for name, value in labels.items() if value},
        links=(Link(rel="source", url=url, title="The page it was written on"),) if url else (),
        occurred_at=happened_at(event, origin.received_at),
        group_key=f"sentry:{project}:feedback",
        actor=line(given.get("name"), 100) or None,
        raw=raw,
    )


def loss_signal(
    report: Mapping[str, Any], origin: Origin, project: str, sent_at: int, content: bytes, raw: object
) -> Signal:
    """What a client dropped and never sent, counted by `REASON.CATEGORY`; a warning, or mere information when all of it was dropped
    because the client was told to (sampling, filters)."""
    counts: dict[str, float] = {}
    unintended = 0.0
    for entry in sequence(report.get("discarded_events"))[:200]:
        fields = mapping(entry)
        reason, category = line(fields.get("reason"), 60) or "unknown", line(fields.get("category"), 60) or "unknown"
        quantity = max(number(fields.get("quantity")) or 0.0, 0.0)
        name = f"{reason}.{category}"
        counts[name] = counts.get(name, 0.0) + quantity
        unintended += 0.0 if reason in DELIBERATE else quantity
    total = sum(counts.values())
    stamped = moment(report.get("timestamp"))
    occurred_at = stamped or sent_at
    configured = origin.project(project)
    return origin.signal(
        occurrence_id=f"client_report:{project}:{delivery_of(content)[:32]}:{'' if stamped else sent_at}",
        type="loss",
        status="firing" if unintended else "info",
        severity="warning" if unintended else "info",
        title=f"A Sentry client of project {project or '?'} dropped {total:g} items before sending them",
        body="\n".join(f"{name}: {quantity:g}" for name, quantity in sorted(counts.items())),
        service=configured.service,
        environment=configured.environment,
        labels={"project": project} if project else {},
        measures={"total": total, **dict(sorted(counts.items()))},
        occurred_at=occurred_at,
        expires_at=occurred_at + LOSS_LASTS_S * SECOND,
        group_key=f"sentry:{project}:client_report",
        raw=raw,
    )
