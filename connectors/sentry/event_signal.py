"""An event as a signal: the same one whether an SDK sent it or a webhook."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.ports.reading import line, mapping, text, web_url
from connectors.ports.source import SELF_TAG
from connectors.sentry.event import (
    culprit_frame,
    happened_at,
    message,
    package_of,
    severity,
    tags,
    thrown,
    title,
)
from connectors.sentry.identity import event_id, group_key, issue_id
from connectors.sentry.origin import Origin
from schemas.signal import Link, Signal

_SLUG_IN_URL = re.compile(r"/projects/[^/]+/([^/]+)/")


def event_signal(
    event: Mapping[str, Any],
    origin: Origin,
    *,
    content: bytes,
    raw: object,
    project: str = "",
    envelope_id: object = None,
    own: bool = False,
    **fields: Any,
) -> tuple[Signal, tuple[str, ...]]:
    """The signal of type `error`, and severity words nobody taught us.

    `project` is the number in the request's path (empty for webhooks, which name it in the event). Labels are the event's tags by their own
    names, overridden by what the event says of itself: `project`, `project_slug`, `issue_id`, `release`, `transaction`,
    `server_name`, `platform`, `logger`, `sdk`, `culprit`, `exception` (the outermost type), `trace_id`. An error that Tocsin itself
    reported (it carries the tag SELF_TAG) is our own, whichever way it comes back.
    """
    project = project or line(event.get("project"), 40)
    grade, unknown = severity(event)
    named = tags(event)
    slug = project_slug(event)
    configured = origin.project(project)
    labels = {**named, **_own_labels(event, project, slug)}
    signal = origin.signal(
        occurrence_id=event_id(event, content, envelope_id),
        type="error",
        status="firing",
        severity=grade,
        title=title(event),
        body=_body(event),
        service=configured.service or slug or named.get("service") or package_of(event.get("release")),
        environment=line(event.get("environment"), 100) or named.get("environment") or configured.environment,
        labels=labels,
        links=_links(event),
        occurred_at=happened_at(event, origin.received_at),
        group_key=group_key(event, project),
        raw=raw,
        own=own or named.get(SELF_TAG) == "true",
        **fields,
    )
    return signal, unknown


def project_slug(event: Mapping[str, Any]) -> str | None:
    """The project's slug out of the event's API URL, or out of its project where that is an object."""
    given = line(mapping(event.get("project")).get("slug"), 100) or line(event.get("project_slug"), 100)
    if given:
        return given
    match = _SLUG_IN_URL.search(text(event.get("url")))
    return match.group(1) if match else None


def _own_labels(event: Mapping[str, Any], project: str, slug: str | None) -> dict[str, str]:
    chain = thrown(event)
    own = {
        "project": project,
        "project_slug": slug or "",
        "issue_id": issue_id(event) or "",
        "release": line(event.get("release"), 200),
        "transaction": line(event.get("transaction"), 200),
        "server_name": line(event.get("server_name"), 200),
        "platform": line(event.get("platform"), 40),
        "logger": line(event.get("logger"), 200),
        "sdk": line(mapping(event.get("sdk")).get("name"), 100),
        "culprit": line(event.get("culprit"), 200),
        "exception": chain[-1].type if chain else "",
        "trace_id": line(mapping(mapping(event.get("contexts")).get("trace")).get("trace_id"), 64),
    }
    return {name: value for name, value in own.items() if value}


def _body(event: Mapping[str, Any]) -> str:
    """The chain of exceptions, outermost first, where it happened, and the message when it says more than the title."""
    chain = thrown(event)
    lines = [exception.headline for exception in reversed(chain)]
    written = [first if index == 0 else f"caused by {first}" for index, first in enumerate(lines)]
    frame = culprit_frame(chain)
    if frame is not None:
        position = f"{frame.file}:{frame.line}" if frame.line else frame.file
        written.append(f"in {frame.function or '?'} ({position})")
    said = message(event)
    if said and said not in lines:
        written.append(said)
    return "\n".join(written)


def _links(event: Mapping[str, Any]) -> list[Link]:
    url = web_url(event.get("web_url"))
    return [Link(rel="self", url=url, title="Sentry event")] if url else []
