"""Commits as the tools show them."""

from pydantic import BaseModel

from connectors.git.history import Commit
from schemas import to_rfc3339
from schemas.time import SECOND

FILES = 10


class CommitSeen(BaseModel):
    """One commit. `touches` are the files of it that stand in the stack trace. `before_start_s` is negative for one after the start."""

    commit: str
    at: str
    before_start_s: float
    author: str
    title: str
    files: tuple[str, ...] = ()
    more_files: int = 0
    touches: tuple[str, ...] = ()


def commit_seen(commit: Commit, start: int, files: tuple[str, ...] = ()) -> CommitSeen:
    """A commit beside the incident's start and the files of its stack trace."""
    return CommitSeen(
        commit=commit.sha,
        at=to_rfc3339(commit.at),
        before_start_s=round((start - commit.at) / SECOND, 1),
        author=commit.author[:100],
        title=commit.subject[:200],
        files=tuple(each[:200] for each in commit.files[:FILES]),
        more_files=max(0, len(commit.files) - FILES),
        touches=tuple(each for each in commit.files if each in files)[:FILES],
    )
