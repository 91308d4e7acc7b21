"""A poller: an outside system that we read from, at a position that moves only behind what is durable."""

from typing import Protocol

from connectors.ports.source import Received
from schemas.time import Micros


class Origin(Protocol):
    """Where something came from: a Source, or a Poller."""

    name: str
    """The connector's name."""
    instance: str


class Admit(Protocol):
    """The way in for what a poller read."""

    async def __call__(self, received: Received, *, received_at: Micros, content: bytes) -> None:
        """Returns once all of it is durable, poison in quarantine. `content` is what was read, kept when a signal of it cannot be written.

        Raises connectors.ports.journal.JournalError (Busy and Unavailable say after how long to come again): nothing was kept.
        """


class Poller(Origin, Protocol):
    """One configured instance of an outside system that we read from."""

    async def run(self, admit: Admit) -> None:
        """Read until cancelled; returns never. The position moves only after `admit` returned for everything before it, so what was
        read and not admitted is read again, and what was admitted may be read again: signals carry the identity that tells.

        Nothing it meets outside ends it: it logs what is wrong (once per state, not per attempt) and tries again. Poison does not
        hold up what comes behind it; an `admit` that raises does, until it succeeds.
        """
