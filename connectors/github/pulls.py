"""Pull requests: those merged around the start, and one in full."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.github.repository import REPOSITORY, REVISION, FileChanged, Repository, files_changed, login
from connectors.github.settings import GithubSettings
from connectors.ports.asking import Answer, Question
from connectors.ports.inquiry import Parameters, segment
from connectors.ports.reading import line, mapping, sequence, text, web_url
from connectors.ports.tool import Tool, ToolContext, ToolFailed


class PullSeen(Answer):
    """A pull request. `before_start_s` counts from its merge, negative after the start; null while it is not merged."""

    number: int
    title: str
    state: str = Field(description="open, closed or merged")
    author: str
    merged_at: str | None
    before_start_s: float | None
    merged_by: str = ""
    commit: str | None = Field(default=None, description="The merge commit")
    base: str = ""
    labels: tuple[str, ...] = ()
    url: str | None = None


class PullsQuestion(Question):
    """Which ones."""

    repository: str = Field(default="", description=REPOSITORY)
    commit: str = Field(default="", pattern=REVISION, description="Only those this commit came by")
    days: float = Field(default=7, gt=0, le=365, description="Merged so many days before the start of the incident")
    after_h: float = Field(default=24, ge=0, le=24 * 365, description="or hours after it")
    open: bool = Field(default=False, description="Also those that are still open")
    limit: int = Field(default=30, ge=1, le=100)


class Pulls(Answer):
    """Pull requests, the latest merge first. `complete` False: the window may hold more than the 100 that were looked at."""

    repository: str
    pulls: tuple[PullSeen, ...]
    complete: bool = True


class GithubPullRequests(Tool):
    """Merges around the start."""

    name = "github.pull_requests"
    description = (
        "Pull requests merged around the start of this incident in a service's GitHub repository, latest first; or those one commit "
        "came by."
    )
    arguments: type[BaseModel] = PullsQuestion
    result: type[BaseModel] = Pulls
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Pulls:
        assert isinstance(arguments, PullsQuestion)  # noqa: S101 - the caller validated against `arguments`
        repository = Repository(self._settings, arguments.repository, context)
        if arguments.commit:
            listed = await repository.get(f"/commits/{segment(arguments.commit)}/pulls")
            found = [_pull(mapping(each), repository) for each in sequence(listed)]
            return Pulls(repository=repository.name, pulls=tuple(found[: arguments.limit]))
        state = "all" if arguments.open else "closed"
        latest: Parameters = {"state": state, "sort": "updated", "direction": "desc", "per_page": 100}
        listed = sequence(await repository.get("/pulls", latest))
        every = [_pull(mapping(each), repository) for each in listed]
        first, last = arguments.days * 86_400, -arguments.after_h * 3600
        wanted = [
            each
            for each in every
            if (each.before_start_s is not None and last <= each.before_start_s <= first)
            or (arguments.open and each.state == "open")
        ]
        wanted.sort(key=lambda each: (each.before_start_s is None, each.before_start_s or 0.0))
        # Whatever was updated before the window began was merged before it.
        oldest = repository.before_start_s(mapping(listed[-1]).get("updated_at")) if len(listed) == 100 else None
        return Pulls(
            repository=repository.name,
            pulls=tuple(wanted[: arguments.limit]),
            complete=oldest is None or oldest > first,
        )


class PullQuestion(Question):
    """Which one."""

    repository: str = Field(default="", description=REPOSITORY)
    number: int = Field(default=0, ge=0, description="0: the last one merged before the start of this incident")


class PullRequest(PullSeen):
    """One in full, with patches as far as 24,000 characters go."""

    repository: str
    body: str
    files: tuple[FileChanged, ...]
    files_total: int
    reviewers: tuple[str, ...] = ()


class GithubPullRequest(Tool):
    """One pull request."""

    name = "github.pull_request"
    description = "One pull request of a service's GitHub repository in full: description, files, patches."
    arguments: type[BaseModel] = PullQuestion
    result: type[BaseModel] = PullRequest
    deadline_s = 25.0
    max_bytes = 100_000

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> PullRequest:
        assert isinstance(arguments, PullQuestion)  # noqa: S101 - the caller validated against `arguments`
        repository = Repository(self._settings, arguments.repository, context)
        number = arguments.number
        if not number:
            asked = PullsQuestion(repository=arguments.repository, days=30, after_h=0)
            merged = (await GithubPullRequests(self._settings).call(asked, context)).pulls
            if not merged:
                raise ToolFailed(
                    f"{repository.name} has no pull request merged in the 30 days before the start; give a `number`"
                )
            number = merged[0].number
        found = mapping(await repository.get(f"/pulls/{number}"))
        files = sequence(await repository.get(f"/pulls/{number}/files", {"per_page": 100}))
        return PullRequest(
            **dict(_pull(found, repository)),
            repository=repository.name,
            body=text(found.get("body"), 4000),
            files=files_changed(files),
            files_total=found["changed_files"] if isinstance(found.get("changed_files"), int) else len(files),
            reviewers=tuple(login(each) for each in sequence(found.get("requested_reviewers")))[:10],
        )


def _pull(each: Mapping[str, Any], repository: Repository) -> PullSeen:
    merged = line(each.get("merged_at"), 40) or None
    number = each.get("number")
    return PullSeen(
        number=number if isinstance(number, int) else 0,
        title=line(each.get("title"), 200),
        state="merged" if merged else line(each.get("state"), 20),
        author=login(each.get("user")),
        merged_at=merged,
        before_start_s=repository.before_start_s(merged) if merged else None,
        merged_by=login(each.get("merged_by")),
        commit=line(each.get("merge_commit_sha"), 64) or None,
        base=line(mapping(each.get("base")).get("ref"), 100),
        labels=tuple(line(mapping(label).get("name"), 60) for label in sequence(each.get("labels")))[:10],
        url=web_url(each.get("html_url")),
    )
