"""Events of a Sentry issue, one of them in full, the values of its tags, and who may have caused it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.inquiry import segment
from connectors.ports.reading import line, mapping, moment, number, sequence
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.sentry.asking.organization import ISSUE, Organization
from connectors.sentry.asking.payload import as_payload
from connectors.sentry.event import tags
from connectors.sentry.latest_event import EventSaid, LatestEventArguments, said
from connectors.sentry.settings import SentrySettings
from schemas.time import SECOND

EVENT = r"^([0-9a-fA-F-]{32,36}|latest|oldest|recommended)$"


class EventsQuestion(Question):
    """Of which issue."""

    issue: str = Field(default="", pattern=ISSUE, description="Number or short id; empty: the one behind this incident")
    limit: int = Field(default=25, ge=1, le=100)


class EventListed(Answer):
    """An event in one line, with its tags."""

    event_id: str
    at: str
    before_start_s: float | None
    title: str
    message: str = ""
    release: str | None = None
    environment: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class Events(Answer):
    """Events, the latest first."""

    issue: str
    events: tuple[EventListed, ...]


class SentryEvents(Tool):
    """Events of an issue."""

    name = "sentry.events"
    description = (
        "The latest events of the Sentry issue behind this incident, one line each with tags: what they have in common."
    )
    arguments: type[BaseModel] = EventsQuestion
    result: type[BaseModel] = Events
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: SentrySettings) -> None:
        self._organization = Organization(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Events:
        assert isinstance(arguments, EventsQuestion)  # noqa: S101 - the caller validated against `arguments`
        issue = await self._organization.issue_number(arguments.issue, context)
        listed = sequence(await self._organization.get(f"/issues/{issue}/events/"))
        events = tuple(_listed(mapping(each), context) for each in listed[: arguments.limit])
        return Events(issue=issue, events=events)


def _listed(event: Mapping[str, Any], context: ToolContext) -> EventListed:
    found = dict(list(tags(event).items())[:20])
    at = moment(event.get("dateCreated"))
    return EventListed(
        event_id=line(event.get("eventID") or event.get("id"), 40),
        at=line(event.get("dateCreated"), 40),
        before_start_s=None if at is None else round((context.incident.first_seen - at) / SECOND, 1),
        title=line(event.get("title"), 200),
        message=line(event.get("message"), 200),
        release=found.get("release"),
        environment=found.get("environment"),
        tags=found,
    )


class EventQuestion(LatestEventArguments):
    """Which event."""

    issue: str = Field(default="", pattern=ISSUE, description="Number or short id; empty: the one behind this incident")
    event: str = Field(default="latest", pattern=EVENT, description="Its id, or latest, oldest, recommended")


class Event(EventSaid):
    """One event in full, asked of Sentry."""

    issue: str
    event_id: str
    at: str
    project: str = ""


class SentryEvent(Tool):
    """One event."""

    name = "sentry.event"
    description = (
        "One event of a Sentry issue in full, asked of Sentry (by default the latest of the issue behind this incident): chain of "
        "exceptions with frames, tags, release, breadcrumbs."
    )
    arguments: type[BaseModel] = EventQuestion
    result: type[BaseModel] = Event
    deadline_s = 20.0
    max_bytes = 100_000

    def __init__(self, settings: SentrySettings) -> None:
        self._organization = Organization(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Event:
        assert isinstance(arguments, EventQuestion)  # noqa: S101 - the caller validated against `arguments`
        issue = await self._organization.issue_number(arguments.issue, context)
        found = mapping(await self._organization.get(f"/issues/{issue}/events/{arguments.event}/"))
        return Event(
            **dict(said(as_payload(found), arguments)),
            issue=issue,
            event_id=line(found.get("eventID") or found.get("id"), 40),
            at=line(found.get("dateCreated"), 40),
            project=line(found.get("projectSlug") or mapping(found.get("project")).get("slug"), 100),
        )


class TagsQuestion(Question):
    """Of which issue."""

    issue: str = Field(default="", pattern=ISSUE, description="Number or short id; empty: the one behind this incident")
    values: int = Field(default=5, ge=1, le=10, description="Values of each tag, the most frequent ones")


class TagValue(Answer):
    """A value and in how many events it stood; `share` of all events of the issue."""

    value: str
    events: int
    share: float


class TagSeen(Answer):
    """A tag. One value with a share near 1 is what all events have in common."""

    tag: str
    distinct: int
    values: tuple[TagValue, ...]


class Tags(Answer):
    """Tags of an issue."""

    issue: str
    tags: tuple[TagSeen, ...]


class SentryTags(Tool):
    """Values of tags."""

    name = "sentry.tags"
    description = "How the events of the Sentry issue behind this incident spread over tags: release, environment, browser, host, customer."
    arguments: type[BaseModel] = TagsQuestion
    result: type[BaseModel] = Tags
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: SentrySettings) -> None:
        self._organization = Organization(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Tags:
        assert isinstance(arguments, TagsQuestion)  # noqa: S101 - the caller validated against `arguments`
        issue = await self._organization.issue_number(arguments.issue, context)
        found = sequence(await self._organization.get(f"/issues/{issue}/tags/"))
        return Tags(issue=issue, tags=tuple(_tag(mapping(each), arguments.values) for each in found[:40]))


def _tag(tag: Mapping[str, Any], limit: int) -> TagSeen:
    top = [
        (line(mapping(each).get("value"), 200), _whole(mapping(each).get("count")))
        for each in sequence(tag.get("topValues"))
    ]
    total = _whole(tag.get("totalValues")) or sum(count for _, count in top)
    return TagSeen(
        tag=line(tag.get("key"), 100),
        distinct=_whole(tag.get("uniqueValues")) or len(top),
        values=tuple(
            TagValue(value=value, events=count, share=round(count / total, 3) if total else 0.0)
            for value, count in top[:limit]
        ),
    )


class CommittersQuestion(Question):
    """Of which event."""

    issue: str = Field(default="", pattern=ISSUE, description="Number or short id; empty: the one behind this incident")
    event: str = Field(default="latest", pattern=EVENT, description="Its id, or latest, oldest, recommended")


class SuspectCommit(Answer):
    """A commit Sentry suspects; `before_start_s` is negative for one after the incident's start."""

    commit: str
    at: str
    before_start_s: float | None
    author: str
    title: str
    repository: str = ""
    pull_request: str = ""


class Suspects(Answer):
    """Commits, as Sentry orders them; empty where it has no code mapping or found none."""

    issue: str
    event_id: str
    commits: tuple[SuspectCommit, ...]


class SentrySuspectCommits(Tool):
    """Who may have caused it."""

    name = "sentry.suspect_commits"
    description = "Commits that Sentry suspects of having caused the issue behind this incident, by blaming the frames of an event."
    arguments: type[BaseModel] = CommittersQuestion
    result: type[BaseModel] = Suspects
    deadline_s = 25.0
    max_bytes = 64_000

    def __init__(self, settings: SentrySettings) -> None:
        self._organization = Organization(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Suspects:
        assert isinstance(arguments, CommittersQuestion)  # noqa: S101 - the caller validated against `arguments`
        issue = await self._organization.issue_number(arguments.issue, context)
        event = mapping(await self._organization.get(f"/issues/{issue}/events/{arguments.event}/"))
        project = line(event.get("projectSlug") or mapping(event.get("project")).get("slug"), 100)
        if not project:
            project = line(
                mapping(mapping(await self._organization.get(f"/issues/{issue}/")).get("project")).get("slug"), 100
            )
        name = line(event.get("eventID") or event.get("id"), 40)
        if not project or not name:
            raise ToolFailed(f"Sentry's event {arguments.event!r} of issue {issue} names neither project nor id")
        found = mapping(await self._organization.of_project(project, f"/events/{segment(name)}/committers/"))
        commits = [
            _commit(mapping(commit), mapping(each.get("author")), context)
            for each in map(mapping, sequence(found.get("committers")))
            for commit in sequence(each.get("commits"))
        ]
        return Suspects(issue=issue, event_id=name, commits=tuple(commits[:20]))


def _commit(commit: Mapping[str, Any], author: Mapping[str, Any], context: ToolContext) -> SuspectCommit:
    at = moment(commit.get("dateCreated"))
    return SuspectCommit(
        commit=line(commit.get("id"), 64),
        at=line(commit.get("dateCreated"), 40),
        before_start_s=None if at is None else round((context.incident.first_seen - at) / SECOND, 1),
        author=line(author.get("name") or author.get("email"), 100),
        title=line(str(commit.get("message") or "").split("\n", 1)[0], 200),
        repository=line(mapping(commit.get("repository")).get("name"), 200),
        pull_request=line(mapping(commit.get("pullRequest")).get("title"), 200),
    )


def _whole(value: Any) -> int:
    found = number(value)
    return round(found) if found is not None else 0
