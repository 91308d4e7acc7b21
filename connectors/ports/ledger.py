"""The ledger: the record of what was observed and decided, in which a change shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.ports.journal import Entry


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the last record's number and line hash (64 hexadecimal characters). `seq` 0: nothing is recorded yet.

    Kept outside the ledger, it makes a cut tail show.
    """

    seq: int
    hash: str


class LedgerDamaged(Exception):
    """What is on disk is not what was written. Nothing is appended to it; a person has to look (`tocsin ledger verify`)."""


class LedgerHeld(Exception):
    """Another writer has this ledger open; there is one at a time."""


class Ledger(Protocol):
    """One chain, one writer. It carries its own position in each stream, so that a crash repeats nothing and loses nothing."""

    def position(self, stream: str) -> int:
        """The offset of the last entry of `stream` that is durably in the ledger, 0 at first."""

    def head(self) -> Head:
        """The last durable record."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Add entries in order and return when they are durable. An entry at or below its stream's position is left out (it is
        there already). Raises OSError when the disk refuses; nothing is half written then (a torn tail is cut at the next start).
        Raises LedgerDamaged when what is on disk turns out to be something else than what was written."""

    async def seal(self) -> None:
        """Close the active segment, project it to Parquet and begin the next; does nothing when it is empty."""

    async def close(self) -> None:
        """Flush and let go."""
