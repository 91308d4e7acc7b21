"""Commits of a repository, one of them in full, and what lies between two."""

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.github.repository import REPOSITORY, REVISION, CommitSeen, FileChanged, Repository, files_changed
from connectors.github.settings import GithubSettings
from connectors.ports.asking import Answer, Question
from connectors.ports.inquiry import segment
from connectors.ports.reading import mapping, sequence, text
from connectors.ports.tool import Tool, ToolContext, ToolFailed


class CommitsQuestion(Question):
    """Which commits."""

    repository: str = Field(default="", description=REPOSITORY)
    branch: str = Field(default="", pattern=REVISION, description="Branch, tag or hash; empty: the default branch")
    path: str = Field(default="", max_length=500, description="Only commits touching this file or folder")
    days: float = Field(default=7, gt=0, le=3650, description="Before the start of the incident")
    after_h: float = Field(default=6, ge=0, le=24 * 365, description="Hours past the start")
    limit: int = Field(default=30, ge=1, le=100)


class Commits(Answer):
    """Commits, the latest first."""

    repository: str
    commits: tuple[CommitSeen, ...]


class GithubCommits(Tool):
    """Commits around the start."""

    name = "github.commits"
    description = "Commits of a service's GitHub repository around the start of this incident, latest first, with their distance from it."
    arguments: type[BaseModel] = CommitsQuestion
    result: type[BaseModel] = Commits
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Commits:
        assert isinstance(arguments, CommitsQuestion)  # noqa: S101 - the caller validated against `arguments`
        repository = Repository(self._settings, arguments.repository, context)
        since, until = repository.window(arguments.days, arguments.after_h)
        asked = {"since": since, "until": until, "path": arguments.path, "sha": arguments.branch}
        listed = await repository.get("/commits", {**asked, "per_page": arguments.limit})
        return Commits(repository=repository.name, commits=repository.commits(listed))


class CommitQuestion(Question):
    """Which one."""

    repository: str = Field(default="", description=REPOSITORY)
    commit: str = Field(
        default="",
        pattern=REVISION,
        description="Hash, tag or branch; empty: the last commit before the start of this incident",
    )
    base: str = Field(default="", pattern=REVISION, description="Compare with this one instead of the commit's parent")


class Compared(Answer):
    """A commit, or what lies between two (then `commits`). Patches as far as 24,000 characters go: see one file for more."""

    repository: str
    commit: str
    base: str | None = None
    message: str = ""
    commits: tuple[CommitSeen, ...]
    commits_total: int
    files: tuple[FileChanged, ...]
    files_total: int


class GithubCommit(Tool):
    """One change in full."""

    name = "github.commit"
    description = (
        "The message, files and patches of one commit of a service's GitHub repository, or of everything between two revisions such "
        "as the releases before and after."
    )
    arguments: type[BaseModel] = CommitQuestion
    result: type[BaseModel] = Compared
    deadline_s = 20.0
    max_bytes = 100_000

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Compared:
        assert isinstance(arguments, CommitQuestion)  # noqa: S101 - the caller validated against `arguments`
        repository = Repository(self._settings, arguments.repository, context)
        wanted = arguments.commit or await _latest(repository)
        if arguments.base:
            found = mapping(await repository.get(f"/compare/{segment(arguments.base)}...{segment(wanted)}"))
            commits, message = repository.commits(sequence(found.get("commits"))[-30:][::-1]), ""
            total = found.get("total_commits")
        else:
            found = mapping(await repository.get(f"/commits/{segment(wanted)}"))
            commits, total = repository.commits([found]), 1
            message = text(mapping(found.get("commit")).get("message"), 3000)
        listed = sequence(found.get("files"))
        return Compared(
            repository=repository.name,
            commit=wanted,
            base=arguments.base or None,
            message=message,
            commits=commits,
            commits_total=total if isinstance(total, int) else len(commits),
            files=files_changed(listed),
            files_total=len(listed),
        )


async def _latest(repository: Repository) -> str:
    since, until = repository.window(365, 0)
    found = repository.commits(await repository.get("/commits", {"since": since, "until": until, "per_page": 1}))
    if not found:
        raise ToolFailed(f"{repository.name} has no commit in the year before {until}; name a `commit`")
    return found[0].commit
