"""A checkup: one cheap question to a remote that shows whether it can be asked at all, and what to look at when it cannot."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from connectors.ports.inquiry import Remote

LOOK_S = 5.0
"""How long one question may take."""


class Doubtful(Exception):
    """It answers, and something about it is likely not as wanted: the message says what, `fix` what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Checkup:
    """`look` says in a few words what answered; it changes nothing and costs nothing there. Raises ToolFailed, then `fix` says what to look
    at; Doubtful."""

    about: str
    look: Callable[[], Awaitable[str]]
    fix: str


def quick(remote: Remote) -> Remote:
    """The same remote, with no more patience than a checkup has."""
    return replace(remote, deadline_s=min(remote.deadline_s, LOOK_S))
