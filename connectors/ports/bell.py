"""The bell: a small record of pages that went out while nothing else could be written."""

from collections.abc import Sequence
from typing import Protocol


class Rung(Protocol):
    """A note about a page. `key` is unique among the notes that are not settled."""

    @property
    def kind(self) -> str:
        """What was noted."""

    @property
    def key(self) -> str:
        """About which page."""

    @property
    def payload(self) -> bytes:
        """JSON."""


class Bell(Protocol):
    """Preallocated, so that it works on a full disk; synchronous and short. A note is small: at most 1 KiB of payload."""

    def record(self, kind: str, key: str, payload: bytes) -> bool:
        """Note it durably. False when a note with this key stands there already: somebody is at it or has done it. Raises
        when it cannot be noted (no slot is left, the disk is gone); a page goes out even so."""

    def pending(self) -> Sequence[Rung]:
        """Notes not settled yet, oldest first."""

    def settle(self, key: str) -> None:
        """The journal knows now: free the note. A key that is not there is no error. Raises OSError."""
