"""Linear's webhook bodies as Signals (the `*WebhookPayload` types of its SDL, read leniently: real ones deviate from it)."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.linear.markdown import marked
from schemas import Severity, Signal, SignalStatus, SignalType, from_rfc3339

END_OF_TIME = 253_402_300_800_000_000
"""The year 10000, in microseconds."""

SEVERITY: dict[int, Severity] = {1: "critical", 2: "error", 3: "warning", 4: "info", 0: "info"}

STATUS: dict[str, SignalStatus] = {
    "triage": "firing",
    "backlog": "firing",
    "unstarted": "firing",
    "started": "acknowledged",
    "completed": "resolved",
    "canceled": "resolved",
    "duplicate": "resolved",
}

_IDENTIFIER = re.compile(r"/issue/([A-Za-z0-9]+-\d+)")
_KINDS: dict[str, SignalType] = {
    "Issue": "issue",
    "Comment": "comment",
    "IssueLabel": "change",
    "Project": "change",
    "ProjectUpdate": "change",
    "AgentSessionEvent": "comment",
}


class NotReadable(Exception):
    """The body lacks what makes it an event; the message says what."""


def kind_of(payload: Mapping[str, Any]) -> SignalType | None:
    """The type of signal the event becomes, None for events that need none (reactions, attachments, cycles ...).
    Raises NotReadable when it does not say what it is."""
    kind = payload.get("type")
    if not isinstance(kind, str) or not isinstance(payload.get("action"), str):
        raise NotReadable("`type` or `action` is missing; a Linear webhook has both")
    return _KINDS.get(kind)


def signal_of(
    payload: Mapping[str, Any],
    kind: SignalType,
    *,
    instance: str,
    received_at: int,
    delivery_id: str | None,
    own_actor_ids: frozenset[str],
) -> Signal:
    """The signal. Raises NotReadable when the entity or its id is missing."""
    entity = payload["type"]
    name = "agentSession" if entity == "AgentSessionEvent" else "data"
    data = payload.get(name)
    if not isinstance(data, dict) or not (found := _text(data.get("id"))):
        raise NotReadable(f"`{name}.id` is missing; a Linear {entity} event has it")
    issue = data if entity == "Issue" else _object(data.get("issue"))
    issue_id = found if entity == "Issue" else _text(data.get("issueId")) or _text(issue.get("id"))
    actor = _actor(payload, data)
    occurrence = f"{entity}:{found}:{payload['action']}:{_version(payload, data)}"
    return Signal.observed(
        source="linear",
        occurrence_id=occurrence,
        instance=instance,
        type=kind,
        status=_status(payload, data),
        severity=_severity(data) if entity in ("Issue", "Project") else "info",
        title=_title(payload, data, issue),
        body=_body(payload, data),
        labels=_labels(payload, data, issue),
        links=_links(payload, data, issue),
        occurred_at=_moment(payload.get("createdAt")) or _moment(data.get("updatedAt")) or received_at,
        received_at=received_at,
        delivery_id=delivery_id,
        group_key=f"linear:issue:{issue_id}" if issue_id else f"linear:{entity.lower()}:{found}",
        actor=actor,
        own=_own(payload, data, actor, own_actor_ids),
        raw=dict(payload),
    )


def _version(payload: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    activity = _text(_object(payload.get("agentActivity")).get("id"))
    return activity or _text(data.get("updatedAt")) or _text(data.get("createdAt")) or _text(payload.get("createdAt"))


def _status(payload: Mapping[str, Any], data: Mapping[str, Any]) -> SignalStatus:
    if payload["type"] != "Issue":
        return "info"
    if payload["action"] == "remove" or data.get("trashed") is True or data.get("archivedAt"):
        return "resolved"
    return STATUS.get(_text(_object(data.get("state")).get("type")), "firing")


def _severity(data: Mapping[str, Any]) -> Severity:
    priority = data.get("priority")
    return SEVERITY.get(int(priority), "info") if isinstance(priority, int | float) and abs(priority) < 10 else "info"


def identifier_of(issue: Mapping[str, Any], url: object = None) -> str:
    """OPS-12: as given, else from the team's key and the number, else out of an address; "" when nothing tells."""
    if given := _text(issue.get("identifier")):
        return given
    team, number = _text(_object(issue.get("team")).get("key")), issue.get("number")
    if team and isinstance(number, int | float) and number == number and abs(number) < 1e15:
        return f"{team}-{int(number)}"
    for address in (issue.get("url"), url):
        if isinstance(address, str) and (named := _IDENTIFIER.search(address)):
            return named.group(1)
    return ""


def _title(payload: Mapping[str, Any], data: Mapping[str, Any], issue: Mapping[str, Any]) -> str:
    identifier = identifier_of(issue, payload.get("url"))
    about = " ".join(part for part in (identifier, _text(issue.get("title"))) if part)
    match payload["type"]:
        case "Issue":
            return _text(data.get("title")) or identifier or "An issue without a title"
        case "Comment":
            return f"Comment on {about}" if about else "Comment"
        case "AgentSessionEvent":
            return f"Asked about {about}" if about else "Asked"
        case entity:
            done = {"create": "created", "update": "changed", "remove": "removed"}.get(
                payload["action"], payload["action"]
            )
            return (
                f"{entity} {done}: {_text(data.get('name')) or _text(_object(data.get('project')).get('name'))}".rstrip(
                    ": "
                )
            )


def _body(payload: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    match payload["type"]:
        case "AgentSessionEvent":
            activity = _object(_object(payload.get("agentActivity")).get("content"))
            return _text(activity.get("body")) or _text(_object(data.get("comment")).get("body"))
        case "Comment" | "ProjectUpdate":
            return _text(data.get("body"))
        case _:
            return _text(data.get("description"))


def _labels(payload: Mapping[str, Any], data: Mapping[str, Any], issue: Mapping[str, Any]) -> dict[str, str]:
    team = _object(issue.get("team"))
    state = _object(data.get("state"))
    given = data.get("labels")
    names = [_text(_object(item).get("name")) for item in given] if isinstance(given, list) else []
    changed = _object(payload.get("updatedFrom"))
    labels = {
        "entity": payload["type"],
        "action": payload["action"],
        "identifier": identifier_of(issue, payload.get("url")),
        "team": _text(team.get("key")),
        "state": _text(state.get("name")),
        "state_type": _text(state.get("type")),
        "priority": _text(data.get("priorityLabel")),
        "assignee": _text(_object(data.get("assignee")).get("name")),
        "project": _text(_object(data.get("project")).get("name")),
        "labels": ",".join(name for name in names if name),
        "changed": ",".join(sorted(name for name in changed if name not in ("updatedAt", "sortOrder"))),
        "author": _text(_object(payload.get("actor") or data.get("user") or data.get("creator")).get("name")),
        "agent_signal": _text(_object(payload.get("agentActivity")).get("signal")),
        "incident": marked(data.get("description")) or marked(data.get("body")) or "",
    }
    return {name: value for name, value in labels.items() if value}


def _links(payload: Mapping[str, Any], data: Mapping[str, Any], issue: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    links: dict[str, str] = {}
    for rel, url in (("self", payload.get("url") or data.get("url")), ("source", issue.get("url"))):
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            links.setdefault(url, rel)
    return tuple({"rel": rel, "url": url} for url, rel in links.items())


def _actor(payload: Mapping[str, Any], data: Mapping[str, Any]) -> str | None:
    bot = data.get("botActor")
    for candidate in (
        _object(payload.get("actor")).get("id"),
        _object(bot).get("id") if isinstance(bot, dict) else bot,
        data.get("userId") if payload["type"] != "Issue" else None,
        data.get("creatorId") if payload["action"] in ("create", "created") else None,
    ):
        if text := _text(candidate):
            return text
    return None


def _own(payload: Mapping[str, Any], data: Mapping[str, Any], actor: str | None, own_actor_ids: frozenset[str]) -> bool:
    """Whether we caused it. A known actor decides where we know our own ids; otherwise our marker in the text does."""
    if own_actor_ids and actor is not None:
        return actor in own_actor_ids
    return payload["type"] in ("Issue", "Comment") and bool(marked(data.get("description")) or marked(data.get("body")))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = from_rfc3339(value)
    except (ValueError, OverflowError):
        return None
    return moment if 0 <= moment < END_OF_TIME else None
