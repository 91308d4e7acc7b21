"""A Sentry issue: how often, since when, for how many; and issues found by a search."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.reading import line, mapping, moment, number, sequence, web_url
from connectors.ports.tool import Tool, ToolContext
from connectors.sentry.asking.organization import ISSUE, Organization
from connectors.sentry.settings import SentrySettings
from schemas.time import SECOND, to_rfc3339


class IssueSeen(Answer):
    """An issue. `first_before_start_s`: so long before the incident's start it was seen first; negative after."""

    id: str
    short_id: str
    title: str
    culprit: str
    level: str
    status: str
    substatus: str = ""
    project: str
    events: int
    users: int
    first_seen: str
    first_before_start_s: float | None
    last_seen: str
    first_release: str | None = None
    last_release: str | None = None
    assigned_to: str | None = None
    unhandled: bool | None = None
    url: str | None = None


class Count(Answer):
    """Events in the hour (or day) that begins at `at`."""

    at: str
    events: int


class Issue(IssueSeen):
    """An issue with its counts and comments."""

    per_hour: tuple[Count, ...] = ()
    per_day: tuple[Count, ...] = ()
    comments: tuple[str, ...] = ()
    seen_by: int = 0


class IssueQuestion(Question):
    """Which issue."""

    issue: str = Field(default="", pattern=ISSUE, description="Number or short id; empty: the one behind this incident")


class SentryIssue(Tool):
    """One issue."""

    name = "sentry.issue"
    description = (
        "The Sentry issue behind this incident (or another): since when, how often, for how many users, in which releases, counts by "
        "hour and day, who has it, comments."
    )
    arguments: type[BaseModel] = IssueQuestion
    result: type[BaseModel] = Issue
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: SentrySettings) -> None:
        self._organization = Organization(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Issue:
        assert isinstance(arguments, IssueQuestion)  # noqa: S101 - the caller validated against `arguments`
        wanted = await self._organization.issue_number(arguments.issue, context)
        found = mapping(await self._organization.get(f"/issues/{wanted}/"))
        stats = mapping(found.get("stats"))
        return Issue(
            **dict(issue_seen(found, context)),
            per_hour=_counts(stats.get("24h")),
            per_day=_counts(stats.get("30d")),
            comments=tuple(
                f"{line(mapping(each.get('user')).get('name'), 60)}: {line(mapping(each.get('data')).get('text'), 400)}"
                for each in map(mapping, sequence(found.get("activity")))
                if each.get("type") == "note"
            )[:10],
            seen_by=len(sequence(found.get("seenBy"))),
        )


class SearchQuestion(Question):
    """Which issues."""

    query: str = Field(
        default="is:unresolved",
        max_length=500,
        description="Sentry's search, such as is:unresolved level:error transaction:pay",
    )
    project: str = Field(default="", pattern=r"^[a-z0-9_-]{0,100}$", description="Slug of one project; empty: all")
    hours: float = Field(default=24, gt=0, le=24 * 90, description="Seen within so many hours before now")
    sort: str = Field(default="freq", pattern=r"^(date|new|freq|user|trends|inbox)$")
    limit: int = Field(default=20, ge=1, le=100)


class Issues(Answer):
    """Issues in the order asked for."""

    query: str
    issues: tuple[IssueSeen, ...]


class SentrySearch(Tool):
    """Issues by Sentry's search."""

    name = "sentry.search"
    description = "Sentry issues found by Sentry's own search over the last hours: what else fails."
    arguments: type[BaseModel] = SearchQuestion
    result: type[BaseModel] = Issues
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: SentrySettings) -> None:
        self._organization = Organization(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Issues:
        assert isinstance(arguments, SearchQuestion)  # noqa: S101 - the caller validated against `arguments`
        query = arguments.query + (f" project:{arguments.project}" if arguments.project else "")
        since = context.now - round(arguments.hours * 3600) * SECOND
        window = {"start": to_rfc3339(since)[:19], "end": to_rfc3339(context.now)[:19]}
        listed = await self._organization.get(
            "/issues/", {"query": query, "sort": arguments.sort, "limit": arguments.limit, **window}
        )
        return Issues(
            query=query,
            issues=tuple(issue_seen(mapping(each), context) for each in sequence(listed))[: arguments.limit],
        )


def issue_seen(issue: Mapping[str, Any], context: ToolContext) -> IssueSeen:
    """An issue as Sentry lists it."""
    first = moment(issue.get("firstSeen"))
    unhandled = issue.get("isUnhandled")
    return IssueSeen(
        id=line(issue.get("id"), 40),
        short_id=line(issue.get("shortId"), 120),
        title=line(issue.get("title"), 300),
        culprit=line(issue.get("culprit"), 200),
        level=line(issue.get("level"), 20),
        status=line(issue.get("status"), 20),
        substatus=line(issue.get("substatus"), 30),
        project=line(mapping(issue.get("project")).get("slug"), 100),
        events=_whole(issue.get("count")),
        users=_whole(issue.get("userCount")),
        first_seen=line(issue.get("firstSeen"), 40),
        first_before_start_s=None if first is None else round((context.incident.first_seen - first) / SECOND, 1),
        last_seen=line(issue.get("lastSeen"), 40),
        first_release=_version(issue.get("firstRelease")),
        last_release=_version(issue.get("lastRelease")),
        assigned_to=line(mapping(issue.get("assignedTo")).get("name"), 100) or None,
        unhandled=unhandled if isinstance(unhandled, bool) else None,
        url=web_url(issue.get("permalink")),
    )


def _version(release: Any) -> str | None:
    return line(mapping(release).get("version"), 200) or None


def _whole(value: Any) -> int:
    """Sentry writes counts as text."""
    found = number(value)
    return round(found) if found is not None else 0


def _counts(stats: Any) -> tuple[Count, ...]:
    """Pairs of seconds and count; those without any left out."""
    pairs = [pair for pair in sequence(stats) if isinstance(pair, list) and len(pair) == 2]
    found = [(moment(at), _whole(count)) for at, count in pairs]
    return tuple(Count(at=to_rfc3339(at), events=count) for at, count in found if at is not None and count)
