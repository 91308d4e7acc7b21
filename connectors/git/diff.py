"""What one commit changed, or what lies between two."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.git import history
from connectors.git import patch as patches
from connectors.git.clones import Clones
from connectors.git.log import REVISION
from connectors.ports.asking import Answer, Question
from connectors.ports.stack import app_frames, raised
from connectors.ports.texts import clipped
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from schemas import to_rfc3339
from schemas.time import SECOND

PATCH = 24_000
"""Characters of a patch that are shown."""


class DiffQuestion(Question):
    """Which change, and which of its files."""

    repository: str = Field(
        default="", description="Name of a configured clone; empty: the one of this incident's service"
    )
    commit: str = Field(
        default="",
        pattern=REVISION,
        description="Hash, tag or branch; empty: the last commit before the start that touches the stack trace, else the last one",
    )
    base: str = Field(default="", pattern=REVISION, description="Compare with this one instead of the commit's parent")
    path: str = Field(default="", max_length=500, description="Only this file or folder")


class FileTouched(Answer):
    """A changed file; null lines for one that is not text."""

    path: str
    added: int | None
    removed: int | None
    moved_from: str | None = None
    in_trace: bool = Field(default=False, description="It stands in this incident's stack trace")


class Diff(Answer):
    """The change. With `patch_complete` False the patch was cut behind a whole line: ask again with one `path`."""

    repository: str
    commit: str
    base: str | None = None
    at: str
    before_start_s: float
    author: str
    title: str
    message: str = ""
    files: tuple[FileTouched, ...]
    more_files: int = 0
    patch: str
    patch_complete: bool = True


class GitDiff(Tool):
    """One change in full."""

    name = "git.diff"
    description = (
        "The message, files and patch of one commit (or between two) in a service's clone; by default of the last commit before the "
        "start of this incident that touches its stack trace."
    )
    arguments: type[BaseModel] = DiffQuestion
    result: type[BaseModel] = Diff
    deadline_s = 20.0
    max_bytes = 100_000

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self._clones = Clones(repositories)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Diff:
        assert isinstance(arguments, DiffQuestion)  # noqa: S101 - the caller validated against `arguments`
        name, clone = self._clones.chosen(arguments.repository, context)
        start = context.incident.first_seen
        traced = await _traced(clone, context)
        sha = (
            await patches.resolve(clone, arguments.commit) if arguments.commit else await _suspect(clone, start, traced)
        )
        base = await patches.resolve(clone, arguments.base) if arguments.base else None
        paths = (arguments.path,) if arguments.path else ()
        commit, message = await patches.described(clone, sha)
        files = await patches.touched(clone, sha, base, paths)
        whole = await patches.patch(clone, sha, base, paths)
        shown = whole if len(whole) <= PATCH else _cut(whole)
        return Diff(
            repository=name,
            commit=sha,
            base=base,
            at=to_rfc3339(commit.at),
            before_start_s=round((start - commit.at) / SECOND, 1),
            author=commit.author[:100],
            title=commit.subject[:200],
            message=clipped(message, 2000),
            files=tuple(
                FileTouched(
                    path=each.path[:300],
                    added=each.added,
                    removed=each.removed,
                    moved_from=each.old,
                    in_trace=each.path in traced,
                )
                for each in sorted(files, key=lambda each: each.path not in traced)[:100]
            ),
            more_files=max(0, len(files) - 100),
            patch=shown,
            patch_complete=shown is whole,
        )


async def _traced(clone: Path, context: ToolContext) -> frozenset[str]:
    """Files of the clone that stand in the stack trace."""
    frames = app_frames(raised(context.signals))[:8]
    if not frames:
        return frozenset()
    paths = await history.tracked(clone, "HEAD")
    found = (history.match(frame.path, paths) or history.match(frame.file, paths) for frame in frames)
    return frozenset(path for path in found if path is not None)


async def _suspect(clone: Path, start: int, traced: frozenset[str]) -> str:
    head = await history.head_before(clone, start)
    if head is None:
        raise ToolFailed(f"the clone has no commit before {to_rfc3339(start)}; name a `commit`")
    for files in (sorted(traced), []):
        if (files or not traced) and (found := await history.commits(clone, head, since=0, limit=1, files=files)):
            return found[0].sha
    return head


def _cut(whole: str) -> str:
    """As many whole lines as fit."""
    return whole[: whole.rfind("\n", 0, PATCH) + 1]
