"""Webhooks about issues: their life, comments on them, and what Sentry's own analysis says of them."""

from connectors.ports.reading import Unreadable, line, mapping, moment, number, text, web_url
from connectors.ports.source import Received
from connectors.sentry.event import severity_of_level
from connectors.sentry.hook import Hook, heard
from connectors.sentry.origin import delivery_of
from schemas.signal import Link, SignalStatus


def issue(hook: Hook) -> Received:
    issue = hook.part("issue")
    number_of_issue = line(issue.get("id"), 40)
    if not number_of_issue:
        raise Unreadable("expected an id at data.issue.id, found none")
    state = line(issue.get("status"), 40)
    project = mapping(issue.get("project"))
    configured = hook.origin.project(line(project.get("id"), 40))
    grade, unknown = severity_of_level(issue.get("level"))
    seen_first, seen_last = moment(issue.get("firstSeen")), moment(issue.get("lastSeen"))
    assignee = mapping(issue.get("assignedTo"))
    metadata = mapping(issue.get("metadata"))
    url = web_url(issue.get("permalink")) or web_url(issue.get("web_url")) or hook.issue_url(number_of_issue)
    revision = [hook.action, state, line(issue.get("lastSeen"), 40)]
    if hook.action == "assigned":
        revision.append(line(assignee.get("id"), 100))
    labels = {
        "action": hook.action,
        "issue_id": number_of_issue,
        "short_id": line(issue.get("shortId"), 100),
        "project": line(project.get("id"), 40),
        "project_slug": line(project.get("slug"), 100),
        "platform": line(issue.get("platform"), 40),
        "logger": line(issue.get("logger"), 200),
        "culprit": line(issue.get("culprit"), 200),
        "exception": line(metadata.get("type"), 200),
        "assignee": line(assignee.get("email") or assignee.get("name"), 200),
    }
    measures = {"count": number(issue.get("count")), "users": number(issue.get("userCount"))}
    signal = hook.signal(
        occurrence_id=f"issue:{number_of_issue}",
        revision=":".join(revision),
        type="issue",
        status=_issue_status(hook.action, state),
        severity=grade,
        title=line(issue.get("title")) or line(metadata.get("title")) or f"Sentry issue {number_of_issue}",
        body="\n".join(part for part in (text(metadata.get("value")), line(issue.get("culprit"))) if part),
        service=configured.service or line(project.get("slug"), 100) or None,
        environment=configured.environment,
        labels=labels,
        measures={name: value for name, value in measures.items() if value is not None},
        links=(Link(rel="self", url=url, title="Sentry issue"),) if url else (),
        occurred_at=(seen_first if hook.action == "created" else seen_last)
        or seen_last
        or seen_first
        or hook.origin.received_at,
        group_key=f"sentry:issue:{number_of_issue}",
    )
    return heard(signal, unknown)


def _issue_status(action: str, state: str) -> SignalStatus:
    if action == "resolved" or (action == "assigned" and state == "resolved"):
        return "resolved"
    if action in ("ignored", "archived") or (action == "assigned" and state in ("ignored", "archived")):
        return "suppressed"
    return "firing"


def comment(hook: Hook) -> Received:
    identity, issue = line(hook.data.get("comment_id"), 40), line(hook.data.get("issue_id"), 40)
    if not identity:
        raise Unreadable("expected an id at data.comment_id, found none")
    said = text(hook.data.get("comment"))
    url = hook.issue_url(issue)
    slug = line(hook.data.get("project_slug"), 100)
    labels = {"action": hook.action, "comment_id": identity, "issue_id": issue, "project_slug": slug}
    signal = hook.signal(
        occurrence_id=f"comment:{identity}:{hook.action}",
        revision=delivery_of(said.encode())[:16] if hook.action == "updated" else "",
        type="comment",
        status="info",
        severity="info",
        title=f"Comment {hook.action}: {line(said, 200) or '(empty)'}",
        body=said,
        service=slug or None,
        labels=labels,
        links=(Link(rel="self", url=url, title="Sentry issue"),) if url else (),
        occurred_at=moment(hook.data.get("timestamp")) or hook.origin.received_at,
        group_key=f"sentry:issue:{issue}" if issue else f"sentry:comment:{identity}",
    )
    return heard(signal)


def seer(hook: Hook) -> Received:
    """What Sentry's own analysis says about an issue, as a comment on it."""
    issue, run = (
        line(hook.data.get("group_id"), 40) or line(hook.data.get("issue_id"), 40),
        line(hook.data.get("run_id"), 40),
    )
    found = mapping(hook.data.get("root_cause")) or mapping(hook.data.get("solution"))
    url = hook.issue_url(issue)
    labels = {"action": hook.action, "issue_id": issue, "run_id": run}
    signal = hook.signal(
        occurrence_id=f"seer:{run or hook.origin.delivery_id[:32]}:{hook.action}",
        type="comment",
        status="info",
        severity="info",
        title=f"Seer: {hook.action.replace('_', ' ') or 'said something'}",
        body=text(found.get("description")) or text(found.get("summary")),
        labels=labels,
        links=(Link(rel="self", url=url, title="Sentry issue"),) if url else (),
        occurred_at=hook.origin.received_at,
        group_key=f"sentry:issue:{issue}" if issue else f"sentry:seer:{run or hook.origin.delivery_id[:32]}",
    )
    return heard(signal)
