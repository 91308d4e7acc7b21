"""Who last changed the lines where it went wrong."""

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


class BlameQuestion(Question):
    """Which lines."""

    repository: str = Field(
        default="", description="Name of a configured clone; empty: the one of this incident's service"
    )
    file: str = Field(
        default="",
        max_length=500,
        description="As the clone or the stack trace names it; empty: where this incident's trace ends",
    )
    line: int = Field(default=0, ge=0, le=10_000_000, description="The line in question; 0: the trace's own")
    around: int = Field(default=5, ge=0, le=50, description="Lines before and after it")
    revision: str = Field(
        default="", pattern=REVISION, description="As of this one; empty: the last commit before the start"
    )


class LineBlamed(Answer):
    """A line and the commit that last changed it; `before_start_s` is negative for one after the start."""

    line: int
    text: str
    commit: str
    at: str
    before_start_s: float
    author: str
    title: str


class Blame(Answer):
    """Lines of a file, `line` the one in question. `latest` is the commit among them that is nearest to the start."""

    repository: str
    revision: str
    file: str
    line: int
    lines: tuple[LineBlamed, ...]
    latest: str | None


class GitBlame(Tool):
    """Last changes of some lines."""

    name = "git.blame"
    description = (
        "For lines of a file in a service's clone (by default those where this incident's stack trace ends): who last changed each, "
        "when and why."
    )
    arguments: type[BaseModel] = BlameQuestion
    result: type[BaseModel] = Blame
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self._clones = Clones(repositories)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Blame:
        assert isinstance(arguments, BlameQuestion)  # noqa: S101 - the caller validated against `arguments`
        name, clone = self._clones.chosen(arguments.repository, context)
        start = context.incident.first_seen
        revision = arguments.revision or await history.head_before(clone, start)
        if revision is None:
            raise ToolFailed(f"the clone of {name!r} has no commit before {to_rfc3339(start)}; name a `revision`")
        revision = await patches.resolve(clone, revision)
        paths = await history.tracked(clone, revision)
        file, line = _place(arguments, context, paths, name)
        first = max(1, line - arguments.around)
        rows = await patches.blame_lines(clone, revision, file, first, line + arguments.around)
        if not rows:
            raise ToolFailed(f"{file!r} of {name!r} as of {revision[:12]} has no line {line}")
        return Blame(
            repository=name,
            revision=revision,
            file=file,
            line=line,
            lines=tuple(
                LineBlamed(
                    line=number,
                    text=clipped(each.text.rstrip(), 200),
                    commit=each.commit.sha,
                    at=to_rfc3339(each.commit.at),
                    before_start_s=round((start - each.commit.at) / SECOND, 1),
                    author=each.commit.author[:100],
                    title=each.commit.subject[:200],
                )
                for number, each in rows
            ),
            latest=max((each.commit for _, each in rows), key=lambda commit: commit.at).sha,
        )


def _place(asked: BlameQuestion, context: ToolContext, paths: list[str], name: str) -> tuple[str, int]:
    """The tracked file and the line. Raises ToolFailed when neither question nor stack trace says one."""
    if asked.file:
        found = asked.file if asked.file in paths else history.match(asked.file, paths)
        if found is None:
            raise ToolFailed(
                f"{asked.file!r} is no file of the clone of {name!r}, or the end of several; give more of its path"
            )
        traced = (frame.line for frame in app_frames(raised(context.signals)) if history.match(frame.path, [found]))
        line = asked.line or next((each for each in traced if each is not None), 1)
        return found, line
    for frame in app_frames(raised(context.signals)):
        found = history.match(frame.path, paths) or history.match(frame.file, paths)
        if found is not None and frame.line is not None:
            return found, asked.line or frame.line
    raise ToolFailed(
        f"no frame of this incident's stack trace stands in the clone of {name!r}; name a `file` and a `line`"
    )
