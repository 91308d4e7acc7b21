"""Commits of a clone by time, path, words and author."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.git import history
from connectors.git.clones import Clones
from connectors.git.seen import CommitSeen, commit_seen
from connectors.ports.asking import Answer, Question
from connectors.ports.tool import Tool, ToolContext
from schemas.time import SECOND

REVISION = r"^([0-9A-Za-z][\w./@^~+-]{0,199})?$"
"""Branches, tags, hashes; nothing git could take for an option."""


class LogQuestion(Question):
    """Which commits."""

    repository: str = Field(
        default="", description="Name of a configured clone; empty: the one of this incident's service"
    )
    revision: str = Field(
        default="", pattern=REVISION, description="Branch, tag or hash to start from; empty: what is checked out"
    )
    path: str = Field(default="", max_length=500, description="Only commits touching this file or folder")
    words: str = Field(
        default="", max_length=200, description="Only commits whose message holds this, literally, in any case"
    )
    author: str = Field(
        default="", max_length=200, description="Only commits by authors whose name or address holds this"
    )
    days: float = Field(default=14, gt=0, le=3650, description="Before the start of the incident")
    after_h: float = Field(default=24, ge=0, le=24 * 365, description="Hours past the start; a fix comes after it")
    limit: int = Field(default=30, ge=1, le=100)


class Log(Answer):
    """Commits, latest first, merges left out."""

    repository: str
    revision: str
    commits: tuple[CommitSeen, ...]


class GitLog(Tool):
    """History by time, path, words and author."""

    name = "git.log"
    description = (
        "Commits of a service's clone around the start of this incident, latest first, narrowed by path, words in the message and "
        "author; each with its distance from the start and the files it touches."
    )
    arguments: type[BaseModel] = LogQuestion
    result: type[BaseModel] = Log
    deadline_s = 15.0
    max_bytes = 64_000

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self._clones = Clones(repositories)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Log:
        assert isinstance(arguments, LogQuestion)  # noqa: S101 - the caller validated against `arguments`
        name, clone = self._clones.chosen(arguments.repository, context)
        start = context.incident.first_seen
        found = await history.commits(
            clone,
            arguments.revision or "HEAD",
            since=max(0, start - round(arguments.days * 86_400) * SECOND),
            until=start + round(arguments.after_h * 3600) * SECOND,
            limit=arguments.limit,
            files=(arguments.path,) if arguments.path else (),
            words=arguments.words,
            author=arguments.author,
        )
        return Log(
            repository=name,
            revision=arguments.revision or "HEAD",
            commits=tuple(commit_seen(each, start) for each in found),
        )
