"""The newest entries kept in memory, so that a consumer that keeps up never touches the file."""

import threading
from collections import deque
from collections.abc import Sequence

from connectors.journal.sqlite.framing import stamp
from connectors.journal.sqlite.state import Appended
from connectors.ports.journal import Entry


class _Chunk:
    """What one commit added to one stream; entries are made once, when first asked for."""

    __slots__ = ("_entries", "added", "last")

    def __init__(self, added: Appended) -> None:
        self.added = added
        self.last = added.first + len(added.records) - 1
        self._entries: list[Entry] | None = None

    def entries(self) -> list[Entry]:
        if self._entries is None:
            added = self.added
            self._entries = stamp(added.stream, added.first, added.accepted_at, added.records)
        return self._entries


class Tail:
    """Bounded by bytes over all streams; the oldest commit goes first."""

    def __init__(self, most_bytes: int) -> None:
        self.bytes = 0
        self.hits = 0
        self.misses = 0
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._chunks: dict[str, deque[_Chunk]] = {}
        self._order: deque[_Chunk] = deque()

    def extend(self, commit: Sequence[Appended]) -> None:
        """In order of offsets, each stream without a gap."""
        with self._lock:
            for added in commit:
                chunk = _Chunk(added)
                self._chunks.setdefault(added.stream, deque()).append(chunk)
                self._order.append(chunk)
                self.bytes += added.size
            while self.bytes > self._most_bytes:
                oldest = self._order.popleft()
                self.bytes -= oldest.added.size
                of_stream = self._chunks[oldest.added.stream]
                # What retention dropped has left its stream's queue already.
                if of_stream and of_stream[0] is oldest:
                    of_stream.popleft()

    def read(self, stream: str, after: int, limit: int) -> list[Entry] | None:
        """As the port's `read`; None when it began before what is kept."""
        with self._lock:
            chunks = self._chunks.get(stream)
            if not chunks or chunks[0].added.first > after + 1:
                self.misses += 1
                return None
            self.hits += 1
            wanted: list[_Chunk] = []
            for chunk in reversed(chunks):
                if chunk.last <= after:
                    break
                wanted.append(chunk)
        found: list[Entry] = []
        for chunk in reversed(wanted):
            skip = max(0, after + 1 - chunk.added.first)
            found += chunk.entries()[skip : skip + limit - len(found)]
            if len(found) >= limit:
                break
        return found

    def drop(self, stream: str, upto: int) -> None:
        """Forget what retention dropped; a commit that was dropped in part is forgotten whole and read from the file."""
        with self._lock:
            chunks = self._chunks.get(stream, deque())
            while chunks and chunks[0].added.first <= upto:
                chunks.popleft()

    def clear(self) -> None:
        """Forget everything: what the file holds is not known any more."""
        with self._lock:
            self.bytes = 0
            self._chunks.clear()
            self._order.clear()
