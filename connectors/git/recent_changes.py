"""Commits that may have caused it: those touching files of the stack trace, the last change of the culprit line, the latest overall."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from connectors.git import history
from connectors.git.clones import Clones
from connectors.git.seen import CommitSeen, commit_seen
from connectors.ports.stack import Frame, app_frames, raised
from connectors.ports.tool import Tool, ToolContext
from schemas import to_rfc3339
from schemas.time import SECOND


class RecentChangesQuestion(BaseModel):
    """How far back, how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: float = Field(default=14, gt=0, le=365, description="Before the start of the incident")
    limit: int = Field(default=15, ge=1, le=50, description="Commits per list")
    frames: int = Field(default=8, ge=1, le=30, description="Frames of the stack trace, nearest to the fault first")


class FrameSeen(BaseModel):
    """A frame of the trace found in the clone; `last_change` of its line, asked for the culprit alone."""

    file: str
    line: int | None
    function: str | None
    culprit: bool = False
    text: str | None = None
    last_change: CommitSeen | None = None


class RecentChanges(BaseModel):
    """`head` is the last commit before the start; nothing after it is looked at."""

    repository: str
    head: str | None
    start: str
    frames: tuple[FrameSeen, ...] = ()
    unmatched: tuple[str, ...] = Field(default=(), description="Files of the trace that are not in the clone")
    touching: tuple[CommitSeen, ...] = Field(
        default=(), description="Commits touching files of the trace, latest first"
    )
    recent: tuple[CommitSeen, ...] = Field(default=(), description="Commits whatever they touch, latest first")


class GitRecentChanges(Tool):
    """History of the clone that belongs to the incident's service."""

    name = "git.recent_changes"
    description = (
        "Commits before the start of this incident in the clone of its service: those touching files of the stack trace, the "
        "last change of the line that failed, and the latest overall."
    )
    arguments: type[BaseModel] = RecentChangesQuestion
    result: type[BaseModel] = RecentChanges
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self._clones = Clones(repositories)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> RecentChanges:
        assert isinstance(arguments, RecentChangesQuestion)  # noqa: S101 - the caller validated against `arguments`
        frames = app_frames(raised(context.signals))[: arguments.frames]
        name, clone = self._clones.chosen("", context, frames)
        start = context.incident.first_seen
        since = start - round(arguments.days * 86_400) * SECOND
        head = await history.head_before(clone, start)
        if head is None:
            return RecentChanges(repository=name, head=None, start=to_rfc3339(start))
        paths = await history.tracked(clone, head)
        found = {frame: history.match(frame.path, paths) or history.match(frame.file, paths) for frame in frames}
        files = tuple(dict.fromkeys(path for path in found.values() if path is not None))
        touching = await history.commits(clone, head, since=since, limit=arguments.limit, files=files) if files else []
        recent = await history.commits(clone, head, since=since, limit=arguments.limit)
        whole = {each.sha: each for each in recent}
        seen: list[FrameSeen] = []
        for frame, path in found.items():
            if path is not None:
                seen.append(await _frame(clone, head, frame, path, start, culprit=not seen))
        return RecentChanges(
            repository=name,
            head=head,
            start=to_rfc3339(start),
            frames=tuple(seen),
            unmatched=tuple(frame.file[:200] for frame, path in found.items() if path is None),
            touching=tuple(commit_seen(whole.get(each.sha, each), start, files) for each in touching),
            recent=tuple(commit_seen(each, start, files) for each in recent),
        )


async def _frame(clone: Path, head: str, frame: Frame, path: str, start: int, *, culprit: bool) -> FrameSeen:
    blamed = await history.blame(clone, head, path, frame.line) if culprit and frame.line is not None else None
    return FrameSeen(
        file=path,
        line=frame.line,
        function=frame.function or None,
        culprit=culprit,
        text=blamed.text.strip()[:200] if blamed is not None else None,
        last_change=commit_seen(blamed.commit, start, (path,)) if blamed is not None else None,
    )
