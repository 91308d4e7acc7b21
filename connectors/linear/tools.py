"""Questions to Linear: what stands in an issue, and which issues know a link."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from connectors.linear import documents
from connectors.linear.client import LinearClient
from connectors.linear.settings import LinearSettings
from connectors.ports.action import Rejected, TryLater
from connectors.ports.clock import Clock
from connectors.ports.tool import Tool, ToolContext, ToolFailed

MOST_URLS = 5


class IssueQuestion(BaseModel):
    """Which issue to read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identifier: str = Field(
        default="", description="Such as OPS-12, or an id; empty: the issue opened for this incident"
    )


class IssueComment(BaseModel):
    """A comment, oldest first as Linear gives them, at most 20."""

    author: str | None
    at: str
    body: str


class IssueAnswer(BaseModel):
    """The issue as it stands. `found` is false when this incident has none."""

    found: bool
    identifier: str | None = None
    title: str | None = None
    url: str | None = None
    description: str | None = None
    state: str | None = None
    state_type: str | None = None
    priority: str | None = None
    team: str | None = None
    assignee: str | None = None
    labels: tuple[str, ...] = ()
    created_at: str | None = None
    updated_at: str | None = None
    comments: tuple[IssueComment, ...] = ()
    attachments: tuple[str, ...] = ()


class SearchQuestion(BaseModel):
    """What to look for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(default="", max_length=2000, description="A link attached to issues")
    text: str = Field(
        default="",
        max_length=300,
        description="Words in title, description or comments; with neither link nor words: the links of this incident, else its title",
    )
    limit: int = Field(default=15, ge=1, le=50, description="Issues found by words")


class FoundIssue(BaseModel):
    """An issue, and the link attached to it by which it was found; empty: by words."""

    identifier: str
    title: str
    url: str
    state: str
    state_type: str
    updated_at: str
    attached: str = ""


class SearchAnswer(BaseModel):
    """The issues found, and the links and words that were asked for."""

    asked: tuple[str, ...]
    issues: tuple[FoundIssue, ...]


class ReadIssue(Tool):
    """`linear.issue`."""

    name = "linear.issue"
    description = "Reads one Linear issue: title, description, state, labels, comments, attached links."
    arguments: type[BaseModel] = IssueQuestion
    result: type[BaseModel] = IssueAnswer
    max_bytes = 64_000

    def __init__(self, settings: LinearSettings, clock: Clock | None = None) -> None:
        self._client = LinearClient(settings, clock)
        self.deadline_s = settings.deadline_s

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> IssueAnswer:
        asked = arguments.identifier if isinstance(arguments, IssueQuestion) else ""
        own = context.incident.opened("linear", "issue")
        wanted = asked.strip() or (own.id if own is not None else "")
        if not wanted:
            return IssueAnswer(found=False)
        data = await _ask(self._client, documents.READ_ISSUE, {"id": wanted}, f"issue {wanted!r}")
        return _answer(data["issue"])


class SearchIssues(Tool):
    """`linear.search`."""

    name = "linear.search"
    description = (
        "Finds Linear issues by words, or by a link attached to them (a Sentry issue, an alert, a dashboard); by default what belongs "
        "to this incident."
    )
    arguments: type[BaseModel] = SearchQuestion
    result: type[BaseModel] = SearchAnswer
    max_bytes = 32_000

    def __init__(self, settings: LinearSettings, clock: Clock | None = None) -> None:
        self._client = LinearClient(settings, clock)
        self.deadline_s = settings.deadline_s * 2

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> SearchAnswer:
        assert isinstance(arguments, SearchQuestion)  # noqa: S101 - the caller validated against `arguments`
        url, words = arguments.url.strip(), " ".join(arguments.text.split())
        own = not url and not words
        urls = (url,) if url else tuple(dict.fromkeys(link.url for link in context.incident.links))[:MOST_URLS] * own
        issues: dict[str, FoundIssue] = {}
        for each in urls:
            data = await _ask(self._client, documents.ISSUES_FOR_URL, {"url": each}, f"issues with {each!r} attached")
            for node in data["attachmentsForURL"]["nodes"]:
                issue = node["issue"]
                issues.setdefault(issue["id"], _found(issue, each))
        if own and not issues:
            words = " ".join(context.incident.title.split())[:200]
        if words:
            variables = {"term": words, "first": arguments.limit}
            data = await _ask(self._client, documents.SEARCH_ISSUES, variables, f"issues that say {words!r}")
            for issue in data["searchIssues"]["nodes"]:
                issues.setdefault(issue["id"], _found(issue, ""))
        return SearchAnswer(asked=(*urls, *([words] if words else [])), issues=tuple(issues.values()))


async def _ask(client: LinearClient, document: str, variables: Mapping[str, Any], what: str) -> dict[str, Any]:
    try:
        return await client.read(document, variables)
    except (TryLater, Rejected) as error:
        raise ToolFailed(f"asked Linear for {what}: {error}") from error


def _answer(issue: Mapping[str, Any]) -> IssueAnswer:
    return IssueAnswer(
        found=True,
        identifier=issue["identifier"],
        title=issue["title"],
        url=issue["url"],
        description=issue["description"],
        state=issue["state"]["name"],
        state_type=issue["state"]["type"],
        priority=issue["priorityLabel"],
        team=issue["team"]["key"],
        assignee=issue["assignee"]["name"] if issue["assignee"] else None,
        labels=tuple(node["name"] for node in issue["labels"]["nodes"]),
        created_at=issue["createdAt"],
        updated_at=issue["updatedAt"],
        comments=tuple(
            IssueComment(author=node["user"]["name"] if node["user"] else None, at=node["createdAt"], body=node["body"])
            for node in issue["comments"]["nodes"]
        ),
        attachments=tuple(node["url"] for node in issue["attachments"]["nodes"]),
    )


def _found(issue: Mapping[str, Any], url: str) -> FoundIssue:
    return FoundIssue(
        identifier=issue["identifier"],
        title=issue["title"],
        url=issue["url"],
        state=issue["state"]["name"],
        state_type=issue["state"]["type"],
        updated_at=issue["updatedAt"],
        attached=url,
    )
