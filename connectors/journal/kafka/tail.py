"""The newest entries of a stream in memory, fed by a FastStream batch subscriber, so that whoever keeps up never waits for a fetch."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from connectors.journal.kafka import marks
from connectors.journal.kafka.database import Database
from connectors.journal.kafka.time import JournalTime
from connectors.journal.kafka.waiters import Waiters, stream_topic
from connectors.journal.kafka.wire import REPEAT, UNREADABLE, Reckoning
from connectors.ports.journal import Busy, Entry, Unavailable

OVERHEAD = 200
ODD = frozenset({REPEAT, UNREADABLE})
_log = logging.getLogger(__name__)


class Discontinued(Exception):
    """The next message is not the one that was expected; `expected` is Kafka's offset of that."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"expected offset {expected!r}, found {found!r}")
        self.expected = expected
        self.found = found


class Tail:
    """Bounded by bytes; the oldest go first. `reckoning` is how far it has come; `goal` is where it caught up with the stream."""

    def __init__(
        self,
        stream: str,
        reckoning: Reckoning,
        *,
        goal: int,
        most_bytes: int,
        time: JournalTime,
        waiters: Waiters,
        database: Database,
    ) -> None:
        self.stream = stream
        self.reckoning = reckoning
        self.goal = goal
        self.bytes = self.hits = self.misses = self.repeats = self.unreadable = 0
        self._first = reckoning.next
        self._entries: deque[Entry] = deque()
        self._most_bytes, self._time, self._waiters, self._database = most_bytes, time, waiters, database
        self._marking: set[asyncio.Task[None]] = set()

    @property
    def head(self) -> int:
        """The journal's offset of the last entry it has seen."""
        return self.reckoning.next

    @property
    def warm(self) -> bool:
        return self.reckoning.next >= self.goal

    def extend(self, messages: Sequence[ConsumerRecord]) -> None:
        """Take what was fetched. Messages it has seen are passed over. Raises Discontinued."""
        reckoning, add, take, stream = self.reckoning, self._entries.append, self.reckoning.take, self.stream
        expected, every = reckoning.next, marks.EVERY
        for message in messages:
            if message.offset != expected:
                if message.offset < expected:
                    continue
                raise Discontinued(expected, message.offset)
            entry = take(stream, message)
            expected += 1
            add(entry)
            self.bytes += len(entry.payload) + OVERHEAD
            if entry.kind in ODD:
                self._note(entry)
            if expected % every == 0:
                self._mark()
        self._time.saw(reckoning.floor)
        entries = self._entries
        while self.bytes > self._most_bytes and entries:
            self.bytes -= len(entries.popleft().payload) + OVERHEAD
            self._first += 1
        self._waiters.news((stream_topic(self.stream),))

    def read(self, after: int, limit: int) -> list[Entry] | None:
        """As the port's `read`; None when it began before what is kept."""
        skip = after - self._first
        if skip < 0:
            self.misses += 1
            return None
        self.hits += 1
        entries = self._entries
        return [entries[place] for place in range(skip, min(len(entries), skip + limit))]

    def drop(self, upto: int) -> None:
        """Forget what was dropped from the stream, up to the journal's offset `upto`."""
        while self._entries and self._first < upto:
            self.bytes -= len(self._entries.popleft().payload) + OVERHEAD
            self._first += 1

    def skip_to(self, offset: int) -> None:
        """What stands before Kafka's `offset` has been dropped from the stream."""
        self._entries.clear()
        self.bytes = 0
        self.reckoning.next = self._first = offset

    def _note(self, entry: Entry) -> None:
        if entry.kind == REPEAT:
            self.repeats += 1
            _log.warning(
                "%s %d says an earlier record again: its outbox had two owners for a moment", entry.stream, entry.offset
            )
        else:
            self.unreadable += 1
            _log.error("%s %d is no record of ours: somebody else writes to its topic", entry.stream, entry.offset)

    def _mark(self) -> None:
        reached = Reckoning(self.reckoning.next, self.reckoning.floor, self.reckoning.number)

        async def keep() -> None:
            try:
                await marks.keep(self._database, self.stream, reached)
            except (Busy, Unavailable) as error:
                _log.info("a mark is left to the next reader: %s", error)

        task = asyncio.create_task(keep())
        self._marking.add(task)
        task.add_done_callback(self._marking.discard)
