"""Releases Sentry knows of, with what was new in them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.inquiry import segment
from connectors.ports.reading import line, mapping, moment, number, sequence
from connectors.ports.tool import Tool, ToolContext
from connectors.sentry.asking.organization import Organization
from connectors.sentry.settings import SentrySettings
from schemas.time import SECOND


class ReleasesQuestion(Question):
    """Which ones."""

    query: str = Field(default="", max_length=200, description="Text in the version")
    version: str = Field(default="", max_length=200, description="One release alone, with its commits")
    limit: int = Field(default=15, ge=1, le=100)


class ReleaseCommit(Answer):
    """A commit of a release."""

    commit: str
    at: str
    author: str
    title: str


class ReleaseSeen(Answer):
    """A release. `before_start_s` counts from its last deploy, else from when it was released or made; negative after the start."""

    version: str
    at: str
    before_start_s: float | None
    released_at: str | None
    last_deploy_at: str | None
    environment: str = Field(default="", description="Of the last deploy")
    new_issues: int
    commits: int
    deploys: int
    projects: tuple[str, ...] = ()
    listed_commits: tuple[ReleaseCommit, ...] = ()


class Releases(Answer):
    """Releases, the latest first."""

    releases: tuple[ReleaseSeen, ...]


class SentryReleases(Tool):
    """Releases."""

    name = "sentry.releases"
    description = "Releases Sentry knows of, latest first: when made and deployed relative to the start of this incident, new issues, commits."
    arguments: type[BaseModel] = ReleasesQuestion
    result: type[BaseModel] = Releases
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: SentrySettings) -> None:
        self._organization = Organization(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Releases:
        assert isinstance(arguments, ReleasesQuestion)  # noqa: S101 - the caller validated against `arguments`
        if arguments.version:
            path = f"/releases/{segment(arguments.version)}/"
            found = mapping(await self._organization.get(path))
            commits = sequence(await self._organization.get(f"{path}commits/"))
            listed = tuple(_commit(mapping(each)) for each in commits[:50])
            return Releases(releases=(_release(found, context).model_copy(update={"listed_commits": listed}),))
        every = sequence(
            await self._organization.get("/releases/", {"query": arguments.query, "per_page": arguments.limit})
        )
        return Releases(releases=tuple(_release(mapping(each), context) for each in every[: arguments.limit]))


def _release(release: Mapping[str, Any], context: ToolContext) -> ReleaseSeen:
    deploy = mapping(release.get("lastDeploy"))
    deployed = deploy.get("dateFinished")
    written = deployed or release.get("dateReleased") or release.get("dateCreated")
    at = moment(written)
    return ReleaseSeen(
        version=line(release.get("version"), 200),
        at=line(written, 40),
        before_start_s=None if at is None else round((context.incident.first_seen - at) / SECOND, 1),
        released_at=line(release.get("dateReleased"), 40) or None,
        last_deploy_at=line(deployed, 40) or None,
        environment=line(deploy.get("environment"), 100),
        new_issues=_whole(release.get("newGroups")),
        commits=_whole(release.get("commitCount")),
        deploys=_whole(release.get("deployCount")),
        projects=tuple(line(mapping(each).get("slug"), 100) for each in sequence(release.get("projects")))[:10],
    )


def _commit(commit: Mapping[str, Any]) -> ReleaseCommit:
    author = mapping(commit.get("author"))
    return ReleaseCommit(
        commit=line(commit.get("id"), 64),
        at=line(commit.get("dateCreated"), 40),
        author=line(author.get("name") or author.get("email"), 100),
        title=line(str(commit.get("message") or "").split("\n", 1)[0], 200),
    )


def _whole(value: Any) -> int:
    found = number(value)
    return round(found) if found is not None else 0
