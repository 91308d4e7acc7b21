"""Git: the history of local clones, read only."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import Field

from connectors.git.blame import GitBlame
from connectors.git.command import answers
from connectors.git.diff import GitDiff
from connectors.git.log import GitLog
from connectors.git.recent_changes import GitRecentChanges
from connectors.git.recent_diffs import GitRecentDiffs
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector, Settings
from connectors.ports.tool import Tool


class GitSettings(Settings):
    """Which clone belongs to which service."""

    repositories: dict[str, Path] = Field(
        default_factory=dict,
        description="Service name, or the path prefix its stack traces begin with, to the folder of a local clone. "
        "Keeping the clone fresh (`git fetch` and a checkout) is left to whoever owns it",
    )


def tools(settings: GitSettings, _instance: str) -> Sequence[Tool]:
    """The history tools, where there is a clone to ask."""
    kinds = (GitRecentChanges, GitRecentDiffs, GitLog, GitDiff, GitBlame) if settings.repositories else ()
    return tuple(kind(settings.repositories) for kind in kinds)


def checkups(settings: GitSettings, _instance: str) -> Sequence[Checkup]:
    """Whether each clone is there."""
    return [
        Checkup(f"git {name}", partial(answers, clone.resolve()), f"clone it, or correct git.repositories.{name}")
        for name, clone in settings.repositories.items()
    ]


connector = Connector(
    name="git",
    summary="Commits before an incident, from local clones",
    settings=GitSettings,
    tools=tools,
    checkups=checkups,
)
