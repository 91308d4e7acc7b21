"""What the last commits before an incident changed, each in short, so that nobody has to ask for one after the other."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.git import history
from connectors.git import patch as patches
from connectors.git.clones import Clones
from connectors.git.history import Commit
from connectors.ports.asking import Answer, Question
from connectors.ports.stack import app_frames, raised
from connectors.ports.texts import clipped
from connectors.ports.tool import Tool, ToolContext
from schemas import to_rfc3339
from schemas.time import SECOND

_AT_ONCE = 4


class RecentDiffsQuestion(Question):
    """How far back, how many, how much of each."""

    repository: str = Field(
        default="", description="Name of a configured clone; empty: the one of this incident's service"
    )
    days: float = Field(default=2, gt=0, le=90, description="Before the start of the incident")
    limit: int = Field(default=8, ge=1, le=30)
    characters: int = Field(default=5000, ge=200, le=20_000, description="Of each patch")


class ShortDiff(Answer):
    """A commit and the beginning of its patch. `touches` are its files that stand in the stack trace."""

    commit: str
    at: str
    before_start_s: float
    author: str
    title: str
    message: str = ""
    files: tuple[str, ...]
    added: int
    removed: int
    touches: tuple[str, ...] = ()
    patch: str
    patch_complete: bool


class RecentDiffs(Answer):
    """Commits before the start: those touching the stack trace first, then the latest."""

    repository: str
    head: str | None
    start: str
    diffs: tuple[ShortDiff, ...]


class GitRecentDiffs(Tool):
    """Patches of the last commits."""

    name = "git.recent_diffs"
    description = (
        "The messages and patches of the last commits before the start of this incident in the clone of its service, those touching "
        "its stack trace first."
    )
    arguments: type[BaseModel] = RecentDiffsQuestion
    result: type[BaseModel] = RecentDiffs
    deadline_s = 25.0
    max_bytes = 100_000

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self._clones = Clones(repositories)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> RecentDiffs:
        assert isinstance(arguments, RecentDiffsQuestion)  # noqa: S101 - the caller validated against `arguments`
        name, clone = self._clones.chosen(arguments.repository, context)
        start = context.incident.first_seen
        head = await history.head_before(clone, start)
        if head is None:
            return RecentDiffs(repository=name, head=None, start=to_rfc3339(start), diffs=())
        since = max(0, start - round(arguments.days * 86_400) * SECOND)
        paths = await history.tracked(clone, head)
        frames = app_frames(raised(context.signals))[:8]
        traced = {
            path for each in frames if (path := history.match(each.path, paths) or history.match(each.file, paths))
        }
        recent = await history.commits(clone, head, since=since, limit=100)
        recent.sort(key=lambda commit: not traced & set(commit.files))
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(commit: Commit) -> ShortDiff:
            async with gate:
                return await _short(clone, commit, start, traced, arguments.characters)

        # Within what may be answered as a whole: fewer in full are worth more than all in rags.
        room = self.max_bytes * 3 // 4
        diffs: list[ShortDiff] = []
        for made in await asyncio.gather(*(one(commit) for commit in recent[: arguments.limit])):
            room -= len(made.model_dump_json().encode())
            if room < 0:
                break
            diffs.append(made)
        return RecentDiffs(repository=name, head=head, start=to_rfc3339(start), diffs=tuple(diffs))


async def _short(clone: Path, commit: Commit, start: int, traced: set[str], characters: int) -> ShortDiff:
    _, message = await patches.described(clone, commit.sha)
    files = await patches.touched(clone, commit.sha, None, ())
    whole = await patches.patch(clone, commit.sha, None, ())
    return ShortDiff(
        commit=commit.sha,
        at=to_rfc3339(commit.at),
        before_start_s=round((start - commit.at) / SECOND, 1),
        author=commit.author[:100],
        title=commit.subject[:200],
        message=clipped(message, 1000),
        files=tuple(each.path[:300] for each in files[:30]),
        added=sum(each.added or 0 for each in files),
        removed=sum(each.removed or 0 for each in files),
        touches=tuple(sorted(traced & {each.path for each in files}))[:10],
        patch=whole if len(whole) <= characters else whole[: whole.rfind("\n", 0, characters) + 1],
        patch_complete=len(whole) <= characters,
    )
