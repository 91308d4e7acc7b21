"""Reading what is too old to be in memory: a few consumers that stay where they stopped, so that going on costs no seek."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from connectors.journal.kafka import marks
from connectors.journal.kafka.database import Database
from connectors.journal.kafka.topics import Topics, unreachable
from connectors.journal.kafka.whole import stopped, whole
from connectors.journal.kafka.wire import Reckoning
from connectors.ports.brokers import Brokers
from connectors.ports.journal import Entry, Unavailable

MOST = 4
"""Consumers at most; the one that was idle longest is moved."""
PAGE = 500
FETCH_S = 5.0
"""How long one fetch may stay without an answer."""


class _Cursor:
    def __init__(self, stream: str, consumer: AIOKafkaConsumer) -> None:
        self.stream = stream
        self.consumer = consumer
        self.reckoning = Reckoning()
        self.lock = asyncio.Lock()


class Cursors:
    """All methods raise Unavailable when no broker answers. Marks that are passed are kept, unless `looking` only."""

    def __init__(
        self, brokers: Brokers, topics: Topics, database: Database, *, client_id: str, looking: bool = False
    ) -> None:
        self._looking = looking
        self._brokers, self._topics, self._database, self._client_id = brokers, topics, database, client_id
        self._cursors: list[_Cursor] = []
        self._asking: AIOKafkaConsumer | None = None
        self._ends: dict[str, int] = {}
        self._lock = asyncio.Lock()

    async def end(self, stream: str) -> int:
        """Kafka's offset after the last message."""
        partition = self._topics.partition(stream)
        try:
            async with asyncio.timeout(2 * FETCH_S):
                asking = await self._asker()
                return int((await asking.end_offsets([partition]))[partition])
        except (KafkaError, OSError, TimeoutError) as error:
            await self._drop_asker()
            raise unreachable(self._brokers, error) from error

    async def start(self, stream: str) -> int:
        """Kafka's offset of the first message there is."""
        partition = self._topics.partition(stream)
        try:
            async with asyncio.timeout(2 * FETCH_S):
                asking = await self._asker()
                return int((await asking.beginning_offsets([partition]))[partition])
        except (KafkaError, OSError, TimeoutError) as error:
            await self._drop_asker()
            raise unreachable(self._brokers, error) from error

    async def begin(self, stream: str, offset: int) -> Reckoning:
        """From where to read, to know what stands at Kafka's `offset`."""
        low = await self.start(stream)
        reckoning = await marks.at_or_before(self._database, stream, max(offset, low))
        if reckoning.next < low:
            reckoning.next = low
        return reckoning

    async def read(self, stream: str, after: int, limit: int) -> list[Entry]:
        """As the port's `read`."""
        end = self._ends.get(stream, 0)
        if after + limit > end:
            # It only grows: who is far behind need not ask again each time.
            self._ends[stream] = end = await self.end(stream)
        if after >= end or limit <= 0:
            return []
        found: list[Entry] = []
        async with self._moved(stream, after) as cursor:
            while cursor.reckoning.next < end and len(found) < limit:
                found += await self._fetch(cursor, limit - len(found))
        return found

    async def reckoned(self, stream: str, offset: int) -> Reckoning:
        """The reckoning of everything below Kafka's `offset`, which there must be."""
        async with self._moved(stream, offset) as cursor:
            return replace(cursor.reckoning)

    async def leave(self, stream: str, offset: int) -> None:
        """What is below Kafka's `offset` has been dropped: give up who stands there, as they may have fetched some of it already."""
        for cursor in list(self._cursors):
            if cursor.stream == stream and cursor.reckoning.next < offset and not cursor.lock.locked():
                await self._drop(cursor)

    async def close(self) -> None:
        await self._drop_asker()
        for cursor in list(self._cursors):
            await self._drop(cursor)

    @asynccontextmanager
    async def _moved(self, stream: str, offset: int) -> AsyncIterator[_Cursor]:
        """A cursor whose next message is the one at `offset` (or the first that is left above it), for the caller alone. It stays where
        the caller leaves it; after an error it is given up."""
        cursor = await self._at(stream, offset)
        try:
            while cursor.reckoning.next < offset:
                await self._fetch(cursor, min(PAGE, offset - cursor.reckoning.next))
            yield cursor
        except (KafkaError, OSError, TimeoutError) as error:
            await self._drop(cursor)
            raise unreachable(self._brokers, error) from error
        except BaseException:
            await self._drop(cursor)
            raise
        finally:
            cursor.lock.release()

    async def _fetch(self, cursor: _Cursor, most: int) -> Sequence[Entry]:
        """The next messages, some at least. Raises TimeoutError when none come."""
        entries: list[Entry] = []
        async with asyncio.timeout(FETCH_S):
            while not entries:
                fetched = await cursor.consumer.getmany(timeout_ms=200, max_records=most)
                for message in chain.from_iterable(fetched.values()):
                    # Right after a seek there may still be some of before.
                    if message.offset >= cursor.reckoning.next:
                        entries.append(cursor.reckoning.take(cursor.stream, message))
                        if cursor.reckoning.next % marks.EVERY == 0 and not self._looking:
                            await marks.keep(self._database, cursor.stream, cursor.reckoning)
        return entries

    async def _at(self, stream: str, after: int) -> _Cursor:
        """A cursor whose next entry is the one above `after`, or leads there; its lock is held."""
        async with self._lock:
            for cursor in self._cursors:
                if cursor.stream == stream and cursor.reckoning.next == after and not cursor.lock.locked():
                    self._cursors.remove(cursor)
                    self._cursors.append(cursor)
                    await cursor.lock.acquire()
                    return cursor
            cursor = await self._free(stream)
            await cursor.lock.acquire()
        try:
            cursor.reckoning = await self.begin(stream, after)
            cursor.consumer.seek(self._topics.partition(stream), cursor.reckoning.next)
        except BaseException:
            await self._drop(cursor)
            cursor.lock.release()
            raise
        return cursor

    async def _free(self, stream: str) -> _Cursor:
        """An idle one, its partition assigned; a new one if there may be more or all are busy."""
        if len(self._cursors) >= MOST:
            for cursor in self._cursors:
                if not cursor.lock.locked():
                    self._cursors.remove(cursor)
                    if cursor.stream != stream:
                        cursor.stream = stream
                        cursor.consumer.assign([self._topics.partition(stream)])
                    self._cursors.append(cursor)
                    return cursor
        cursor = _Cursor(stream, await whole(self._started(), stopped))
        cursor.consumer.assign([self._topics.partition(stream)])
        self._cursors.append(cursor)
        return cursor

    async def _started(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._brokers.options(),
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
            request_timeout_ms=round(FETCH_S * 1000),
        )
        try:
            await consumer.start()
        except BaseException as error:
            await stopped(consumer)
            if isinstance(error, KafkaError | OSError):
                raise unreachable(self._brokers, error) from error
            raise
        return consumer

    async def _asker(self) -> AIOKafkaConsumer:
        async with self._lock:
            if self._asking is None:
                self._asking = await whole(self._started(), stopped)
            return self._asking

    async def _drop_asker(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            await stopped(asking)

    async def _drop(self, cursor: _Cursor) -> None:
        if cursor in self._cursors:
            self._cursors.remove(cursor)
        await stopped(cursor.consumer)


def refuse_gone(topic: str, held: int, expected: int) -> Unavailable:
    """The topic holds less than it held."""
    return Unavailable(
        f"the topic {topic!r} ends at {held!r}, but {expected!r} records were there: it was deleted and made anew, or its broker lost"
        f" its disk. What is missing cannot be brought back by itself: restore the topic, or begin a new tenant from the ledger",
        retry_after_s=10.0,
    )
