"""Which ids were seen, and for how long they are remembered."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from rules.shortened import Short, short
from schemas.time import SECOND

PREFIX = "sig_"
"""Nearly all are ids of signals."""


class _Shelf:
    """The ids remembered for one span, oldest first, each with the moment up to which it is; and the rows in which they are stored."""

    __slots__ = ("added", "chunks", "dropped", "fresh", "ids", "number", "until")

    def __init__(self) -> None:
        # Side by side: a pair for each of a million would be as much again.
        self.ids: deque[Short] = deque()
        self.until: deque[int] = deque()
        self.fresh: list[list[Any]] = []
        self.chunks: deque[tuple[int, str]] = deque()
        self.added = self.dropped = self.number = 0


class Seen:
    """Ids with the moment up to which a repeat is recognised. Ids of one span expire in the order in which they came.

    They are stored as rows of many, one for each taking of changes, so that remembering costs no row for each signal.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: dict[Short, int] = {}
        self._shelves: dict[int, _Shelf] = {}
        self._gone: list[str] = []
        self._asked: tuple[str, Short] = ("", "")
        """The id asked for last, which is mostly the one remembered next."""
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._until)

    def knows(self, name: str, now: int) -> bool:
        kept = short(name, PREFIX)
        self._asked = name, kept
        until = self._until.get(kept)
        return until is not None and until > now

    def remember(self, name: str, *, remember_s: int, now: int) -> None:
        shelf = self._shelves.get(remember_s)
        if shelf is None:
            shelf = self._shelves[remember_s] = _Shelf()
        until = now + remember_s * SECOND
        asked, kept = self._asked
        if asked != name:
            kept = short(name, PREFIX)
        self._until[kept] = until
        shelf.ids.append(kept)
        shelf.until.append(until)
        shelf.fresh.append([until, name])
        shelf.added += 1
        while shelf.until[0] <= now:
            self._drop(shelf)
        if len(shelf.ids) > self._most:
            self.evicted += 1
            self._drop(shelf)

    def take(self) -> tuple[dict[str, Any], list[str]]:
        """Rows to write and keys to delete since the last taking."""
        rows: dict[str, Any] = {}
        for span, shelf in self._shelves.items():
            if not shelf.fresh:
                continue
            # What came and went between two takings is not worth a row.
            first = max(0, len(shelf.fresh) - len(shelf.ids))
            shelf.number += 1
            if kept := shelf.fresh[first:]:
                key = f"seen/{span}/{shelf.number:012d}"
                rows[key] = {"ids": kept}
                shelf.chunks.append((shelf.added, key))
            shelf.fresh = []
        gone, self._gone = self._gone, []
        return rows, gone

    def restore(self, rows: Iterable[tuple[str, Any]]) -> None:
        """From rows in the order of their keys."""
        for key, row in rows:
            _, span, number = key.split("/")
            shelf = self._shelves.setdefault(int(span), _Shelf())
            for until, name in row["ids"]:
                kept = short(name, PREFIX)
                shelf.ids.append(kept)
                shelf.until.append(until)
                self._until[kept] = until
            shelf.added += len(row["ids"])
            shelf.number = int(number)
            shelf.chunks.append((shelf.added, key))
        for shelf in self._shelves.values():
            while len(shelf.ids) > self._most:
                self._drop(shelf)

    def copy_of(self, names: Iterable[str]) -> "Seen":
        """Another memory with those of the names alone that are in this one."""
        copy = Seen(self._most)
        kept = [short(name, PREFIX) for name in names]
        copy._until = {name: self._until[name] for name in kept if name in self._until}
        return copy

    def _drop(self, shelf: _Shelf) -> None:
        until, name = shelf.until.popleft(), shelf.ids.popleft()
        if self._until.get(name) == until:
            del self._until[name]
        shelf.dropped += 1
        while shelf.chunks and shelf.chunks[0][0] <= shelf.dropped:
            self._gone.append(shelf.chunks.popleft()[1])
