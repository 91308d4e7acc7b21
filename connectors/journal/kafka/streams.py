"""Reading the streams: the newest entries from memory, older ones from Kafka, what this process wrote always among them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from aiokafka import ConsumerRecord

from connectors.journal.kafka import marks
from connectors.journal.kafka.belonging import expected, known_end, refuse_anew
from connectors.journal.kafka.committer import Committer
from connectors.journal.kafka.cursors import Cursors, refuse_gone
from connectors.journal.kafka.database import Database
from connectors.journal.kafka.subscriptions import Subscriptions
from connectors.journal.kafka.tail import Discontinued, Tail
from connectors.journal.kafka.time import JournalTime
from connectors.journal.kafka.topics import Topics, gone
from connectors.journal.kafka.waiters import Waiters, stream_topic
from connectors.journal.kafka.whole import whole
from connectors.ports.journal import Busy, Entry, Unavailable

OWN_S = 10.0
"""How long a reader waits for what this process has written to appear; when the outbox's owner is paused it takes longer."""
LOOK_S = 2.0
"""How often the ends of the followed streams are looked at."""
_log = logging.getLogger(__name__)


class Streams:
    """`written` holds the offset of the last record this process appended itself, per stream; `identities` the id of the topic that a
    stream began in, where it is known; `faults` why a stream can be neither read nor written."""

    def __init__(
        self,
        topics: Topics,
        cursors: Cursors,
        subscriptions: Subscriptions,
        database: Database,
        time: JournalTime,
        waiters: Waiters,
        committer: Committer,
        *,
        tail_bytes: int,
    ) -> None:
        self.cursors = cursors
        self.tails: dict[str, Tail] = {}
        self.written: dict[str, int] = {}
        self.faults: dict[str, Unavailable] = {}
        self.ends: dict[str, int] = {}
        self.identities: dict[str, str] = {}
        self._topics, self._subscriptions, self._database = topics, subscriptions, database
        self._time, self._waiters, self._committer, self._tail_bytes = time, waiters, committer, tail_bytes
        self._closed = False
        self._lock = asyncio.Lock()
        self._seeks: dict[str, Callable[[int], None]] = {}
        self._watch = asyncio.create_task(self._look(), name="journal-watch")

    async def tail(self, stream: str) -> Tail | None:
        """The tail of a stream, followed from now on; None when there is no such stream."""
        self.refuse(stream)
        found = self.tails.get(stream)
        if found is not None:
            return found
        if stream in self._committer.numbers or stream in self.written:
            await self._topics.ensure(stream)
        elif not await self._topics.exists(stream):
            return None
        return await whole(self._follow(stream))

    async def own(self, tail: Tail) -> None:
        """Wait until what this process has written can be read, as long as that may take in good times."""
        stream = tail.stream

        def there() -> bool:
            return (
                tail.warm
                and tail.reckoning.next >= self.written.get(stream, 0)
                and tail.reckoning.number >= self._committer.numbers.get(stream, 0)
            )

        loop = asyncio.get_running_loop()
        deadline = loop.time() + OWN_S
        while not there():
            with self._waiters.listen(stream_topic(stream)) as news:
                if there():
                    return
                self.refuse(stream)
                left = deadline - loop.time()
                if left <= 0:
                    _log.warning("%s: what was written is not to be seen yet", stream)
                    return
                await asyncio.wait((news,), timeout=min(left, LOOK_S))

    async def caught_up(self, tail: Tail, end: int) -> None:
        """Wait until the tail has seen all below Kafka's `end`. Raises Unavailable when the stream is gone."""
        while tail.reckoning.next < end:
            with self._waiters.listen(stream_topic(tail.stream)) as news:
                self.refuse(tail.stream)
                if tail.reckoning.next < end:
                    await asyncio.wait((news,), timeout=LOOK_S)

    def least(self, stream: str) -> int:
        """What is written from now on gets no lower offset (Kafka's). Raises Unavailable when the stream cannot be written."""
        self.refuse(stream)
        read = self.tails[stream].reckoning.next if stream in self.tails else 0
        return max(self.written.get(stream, 0), self.ends.get(stream, 0), read)

    def wrote(self, stream: str, first: int, count: int, *, least: int) -> None:
        """So many records stand at Kafka's `first`. Raises Unavailable when others stood there before: it is another topic."""
        if first < least:
            self._fault(stream, refuse_gone(self._topics.partition(stream).topic, first, least))
            self.refuse(stream)
        self.written[stream] = max(self.written.get(stream, 0), first + count)

    async def read(self, stream: str, after: int, limit: int) -> Sequence[Entry]:
        tail = await self.tail(stream)
        if tail is None or limit <= 0:
            return []
        if after + 1 >= tail.head or not tail.warm:
            await self.own(tail)
        found = tail.read(after, limit)
        if found is None:
            return await self.cursors.read(stream, after, limit)
        if len(found) < limit and tail.reckoning.next < self.written.get(stream, 0):
            await self.own(tail)
            found = tail.read(after, limit) or []
        return found

    async def head(self, stream: str) -> int:
        tail = await self.tail(stream)
        if tail is None:
            return 0
        await self.own(tail)
        return max(tail.head, await self.cursors.end(stream))

    async def between(self, stream: str, since: int, until: int, limit: int) -> Sequence[Entry]:
        tail = await self.tail(stream)
        if tail is None or limit <= 0:
            return []
        await self.own(tail)
        end = await self.cursors.end(stream)
        first = (await marks.before_moment(self._database, stream, since)).next
        last = await self.mark_after(stream, until)
        after = max(first, (last or end) - marks.EVERY - limit, 0)
        found: deque[Entry] = deque(maxlen=limit)
        while after < end:
            entries = await self.read(stream, after, 1_000)
            if not entries:
                break
            found.extend(entry for entry in entries if since <= entry.accepted_at <= until)
            if entries[-1].accepted_at > until:
                break
            after = entries[-1].offset
        return list(found)

    async def close(self) -> None:
        async with self._lock:
            # What is being followed just now is followed first: a client that is stopped half made leaves connections open.
            self._closed = True
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        await self._subscriptions.close()
        await self.cursors.close()

    async def _follow(self, stream: str) -> Tail:
        async with self._lock:
            if self._closed:
                raise Unavailable("the journal is closed: open it again")
            if (found := self.tails.get(stream)) is not None:
                return found
            # Asked first: others read on meanwhile, and the end only grows.
            known = await known_end(self._database, stream)
            end = await self.cursors.end(stream)
            if known > end:
                self.faults[stream] = refuse_gone(self._topics.partition(stream).topic, end, known)
                raise self.faults[stream]
            reckoning = await self.cursors.begin(stream, end)
            made = Tail(
                stream,
                reckoning,
                goal=end,
                most_bytes=self._tail_bytes,
                time=self._time,
                waiters=self._waiters,
                database=self._database,
            )

            async def handle(messages: Sequence[ConsumerRecord]) -> None:
                await self._take(made, messages)

            name = self._topics.partition(stream).topic
            self._seeks[stream] = await self._subscriptions.follow(name, reckoning.next, handle)
            self.tails[stream] = made
            return made

    async def mark_after(self, stream: str, moment: int) -> int | None:
        """Kafka's offset of the first mark behind which everything was accepted after `moment`."""
        rows = await self._database.rows(
            'SELECT "offset" FROM marks WHERE stream = %s AND floor > %s ORDER BY floor, "offset" LIMIT 1',
            (stream, moment),
        )
        return rows[0][0] if rows else None

    async def _take(self, tail: Tail, messages: Sequence[ConsumerRecord]) -> None:
        """FastStream swallows what a handler raises, and goes on behind it: so this one raises nothing."""
        try:
            tail.extend(messages)
            self._committer.saw(tail.stream, tail.reckoning.number)
        except Discontinued as broken:
            _log.warning("%s: %s", tail.stream, broken)
            try:
                low = await self.cursors.start(tail.stream)
            except Unavailable as error:
                _log.warning("%s: %s", tail.stream, error)
                low = 0
            if low > tail.reckoning.next:
                tail.skip_to(low)
            self._seeks[tail.stream](tail.reckoning.next)
        except Exception:  # noqa: BLE001 - raised to FastStream it would be lost, and the batch with it
            _log.exception("%s: a batch could not be taken in; it is fetched again", tail.stream)
            self._seeks[tail.stream](tail.reckoning.next)

    async def _look(self) -> None:
        """Whether each topic is still the one it was, and still holds what was read from it."""
        while True:
            await asyncio.sleep(LOOK_S)
            for stream in {*self.tails, *self.identities}:
                try:
                    fault = await self._fault_of(stream)
                except (Unavailable, Busy) as error:
                    _log.debug("%s: %s", stream, error)
                    continue
                if fault is None:
                    self.faults.pop(stream, None)
                else:
                    self._fault(stream, fault)

    async def _fault_of(self, stream: str) -> Unavailable | None:
        name, known = self._topics.partition(stream).topic, self.identities.get(stream)
        if known:
            found = await self._topics.identity(stream)
            if found is None:
                return Unavailable(gone(name), retry_after_s=10.0)
            if found != known and known == await expected(self._database, stream):
                return Unavailable(refuse_anew(name, found, known, self._database.schema, stream), retry_after_s=10.0)
            self.identities[stream] = found
        read = self.tails[stream].reckoning.next if stream in self.tails else 0
        end = await self.cursors.end(stream)
        if end < max(read, self.ends.get(stream, 0)):
            return refuse_gone(name, end, max(read, self.ends.get(stream, 0)))
        self.ends[stream] = end
        return None

    def _fault(self, stream: str, fault: Unavailable) -> None:
        if stream not in self.faults:
            _log.critical("%s", fault)
        self.faults[stream] = fault
        self._waiters.news((stream_topic(stream),))

    def refuse(self, stream: str) -> None:
        """Raises Unavailable when the stream can be neither read nor written."""
        if (fault := self.faults.get(stream)) is not None:
            raise Unavailable(str(fault), fault.retry_after_s)
