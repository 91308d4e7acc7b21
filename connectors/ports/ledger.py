"""The ledger: the record of what was observed and decided, in which a change shows."""

from collections.abc import Sequence
from typing import Protocol

from connectors.ports.journal import Entry


class Ledger(Protocol):
    """One chain, one writer. It carries its own position in each stream, so that a crash repeats nothing and loses nothing."""

    def position(self, stream: str) -> int:
        """The offset of the last entry of `stream` that is durably in the ledger, 0 at first."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Add entries in order and return when they are durable. An entry at or below its stream's position is left out (it is
        there already). Raises OSError when the disk refuses; nothing is half written then (a torn tail is cut at the next start)."""

    async def seal(self) -> None:
        """Close the active segment, project it to Parquet and begin the next; does nothing when it is empty."""

    async def close(self) -> None:
        """Flush and let go."""
