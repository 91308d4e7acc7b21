"""Follow-up: what those who read the issue are told when the incident changes, at a pace a person can bear."""

from collections.abc import Sequence
from dataclasses import dataclass

from playbooks.model import Playbook
from playbooks.render import context
from playbooks.untrusted import quote
from processors.analyst.propose import text
from schemas import Decision, Incident, ProposedAction, Severity, severity_rank
from schemas.record import Record
from schemas.time import SECOND, Micros

PACE_S = 3600
"""At most one update in so long; the end is always told."""
TENFOLD = 10
KINDS = ("incident.updated", "incident.resolved", "incident.reopened")
"""Decisions that may be worth telling."""
CLOSE = "linear.update_issue"
NAMED, LABELS = 10, 4
"""So many of the incidents that joined are named, the first ones, each with so many labels."""
_UNSAID = ("labels.alertname", "alertname", "service", "source", "group_key", "id")


class Followed(Record):
    """What readers know: as of `at`, with this severity and so many signals. `told` is what they were told last: that an issue
    exists, an update, or the end."""

    at: Micros
    severity: Severity
    signals: int
    members: int = 0
    told: str = "opened"
    commented_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Actions to propose, maybe none, and what readers know afterwards."""

    actions: tuple[ProposedAction, ...]
    followed: Followed


def newcomers(incident: Incident, last: Followed | None) -> tuple[str, ...]:
    """The ids of those that joined since readers were told last, as far as they are to be named."""
    return incident.members[last.members :][:NAMED] if last is not None else ()


def followup(
    incident: Incident, decision: Decision, last: Followed | None, playbook: Playbook, joined: Sequence[Incident] = ()
) -> FollowUp | None:
    """None when there is nothing to tell and nothing to remember. `joined`: its newcomers, as far as they are known. Pure; `decision.at` is the
    time."""
    if incident.opened("linear", "issue") is None:
        return None
    ended = incident.status == "resolved"
    if ended and (last is None or last.told != "resolved"):
        return FollowUp(_end(incident, decision, playbook), _know(incident, decision.at, "resolved"))
    if last is None:
        return FollowUp((), _know(incident, decision.at, "opened", commented=False))
    if ended:
        return None
    news = _news(incident, last, joined)
    if last.told == "resolved":
        news = ["It is back: the incident opened again.", *news]
    elif not news or _too_soon(decision.at, last):
        return None
    comment = _comment("comment_update", incident, decision, playbook, tuple(news))
    return FollowUp((comment,), _know(incident, decision.at, "update"))


def _news(incident: Incident, last: Followed, joined: Sequence[Incident]) -> list[str]:
    news: list[str] = []
    if severity_rank(incident.severity) > severity_rank(last.severity):
        news.append(f"Severity rose from {last.severity} to {incident.severity}.")
    if incident.signals >= TENFOLD * max(1, last.signals):
        news.append(f"It grew from {last.signals:,} to {incident.signals:,} signals.")
    if (fresh := len(incident.members) - last.members) > 0:
        begun = f" It seems to have begun in {incident.root.service}." if incident.root is not None else ""
        news.append(f"{_others(len(incident.members))} to it now.{begun}")
        if joined:
            more = f"; and {fresh - len(joined):,} more" if fresh > len(joined) else ""
            news.append(f"{'New' if last.members else 'They'} are {'; '.join(map(_named, joined))}{more}.")
    return news


def _others(number: int) -> str:
    return "1 other incident belongs" if number == 1 else f"{number:,} other incidents belong"


def _named(member: Incident) -> str:
    """What it is about, where, how bad, and by which labels its rule tells it from others."""
    said: list[str] = [quote(member.labels.get("alertname") or member.title, 80)]
    said += [f"of {quote(member.service, 60)}"] if member.service else []
    labels = [
        (path.removeprefix("labels."), value) for path, value in member.group.items() if path not in _UNSAID and value
    ]
    shown = [quote(f"{name}={value}", 80) for name, value in labels[:LABELS]]
    return f"{' '.join(said)} ({', '.join([member.severity, *shown])})"


def _too_soon(now: int, last: Followed) -> bool:
    return last.commented_at is not None and now - last.commented_at < PACE_S * SECOND


def _end(incident: Incident, decision: Decision, playbook: Playbook) -> tuple[ProposedAction, ...]:
    comment = _comment("comment_resolved", incident, decision, playbook, ())
    if CLOSE not in playbook.front.autonomy:
        return (comment,)
    issue = incident.opened("linear", "issue")
    arguments = {"issue": issue.id} if issue is not None else {}
    return (comment, ProposedAction(kind=CLOSE, arguments=arguments, why="the incident is resolved"))


def _comment(
    template: str, incident: Incident, decision: Decision, playbook: Playbook, news: tuple[str, ...]
) -> ProposedAction:
    body = text(playbook, template, context(playbook, incident, (), decision.at, news=news))
    issue = incident.opened("linear", "issue")
    arguments = {"body": body, "issue": issue.id} if issue is not None else {"body": body}
    return ProposedAction(kind="linear.comment", arguments=arguments, why=" ".join(news) or "the incident is resolved")


def _know(incident: Incident, at: int, told: str, *, commented: bool = True) -> Followed:
    return Followed(
        at=at,
        severity=incident.severity,
        signals=incident.signals,
        members=len(incident.members),
        told=told,
        commented_at=at if commented else None,
    )
