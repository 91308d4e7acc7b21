"""Publishing: whatever waits for a stream goes into one batch, which all in-sync replicas acknowledge before anybody is told.

Batches are made by hand and sent to the one partition (FastStream's `publish_batch` does the same, but knows one set of headers for a
whole batch, and raises where a batch overflows). The producer is idempotent and uses no transactions, whose markers would take
offsets of their own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from connectors.journal.kafka.time import JournalTime
from connectors.journal.kafka.topics import MESSAGE_MOST, Topics, gone
from connectors.journal.kafka.whole import whole
from connectors.journal.kafka.wire import headers_of
from connectors.ports.brokers import Brokers
from connectors.ports.journal import Busy, JournalError, NewRecord, Unavailable

BATCH_BYTES = 512 << 10
"""Of one batch, unless a single record is larger. From 128 KiB on it hardly matters."""
IN_FLIGHT = 2
"""Batches of one stream under way: the client sends one at a time, the next is made meanwhile."""
PACE_S = 0.005
"""Batches of one stream begin so far apart at least: one record alone waits for nothing, of a thousand a second a few
go together, and whole batches follow at once."""
ACK_S = 8.0
"""How long an acknowledgement is waited for."""
HEAL_S = 1.0
_log = logging.getLogger(__name__)


class Outgoing(NamedTuple):
    """A record to be published. `at` 0: stamped when its batch is made. `number` 0: not from the outbox."""

    kind: str
    key: bytes | None
    payload: bytes
    at: int = 0
    number: int = 0
    trace: bytes | None = None


class _Request(NamedTuple):
    messages: Sequence[Outgoing]
    size: int
    future: asyncio.Future[int]


class Appender:
    """At most `most` requests or `most_bytes` wait before Busy. `fault` says why nothing can be published at present."""

    def __init__(
        self, brokers: Brokers, topics: Topics, time: JournalTime, *, client_id: str, most: int, most_bytes: int
    ) -> None:
        self._away: str | None = None
        self._gone: dict[str, str] = {}
        self.records = self.batches = self.bytes = self.waiting = 0
        self._brokers, self._topics, self._time, self._client_id = brokers, topics, time, client_id
        self._most, self._most_bytes = most, most_bytes
        self._producer: AIOKafkaProducer | None = None
        self._queues: dict[str, deque[_Request]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._drains: dict[str, asyncio.Task[None]] = {}
        self._began: dict[str, float] = {}
        self._starting = asyncio.Lock()
        self._healing: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    @property
    def fault(self) -> str | None:
        return self._away or next(iter(self._gone.values()), None)

    def _fault_of(self, stream: str) -> str | None:
        """What keeps records from this stream; one whose topic is gone does not concern the others."""
        return self._away or self._gone.get(stream)

    async def append(self, stream: str, records: Sequence[NewRecord], trace: bytes | None) -> int:
        """As the port's. Raises UnicodeEncodeError for what is no text."""
        messages = [
            Outgoing(record.kind, record.key.encode() or None, record.payload, trace=trace) for record in records
        ]
        for message in messages:
            message.kind.encode()
        return await self.publish(stream, messages)

    async def publish(self, stream: str, messages: Sequence[Outgoing]) -> int:
        """Returns the offset (Kafka's) of the first once all are acknowledged. Raises Busy, Unavailable; JournalError when the
        broker takes nothing so large. After Unavailable they may be there all the same."""
        if self._closed:
            raise Unavailable("the journal is closed: open it again")
        if (fault := self._fault_of(stream)) is not None:
            raise Unavailable(fault, retry_after_s=2.0)
        size = sum(len(message.payload) + 128 for message in messages)
        if self.waiting >= self._most or (self.bytes + size > self._most_bytes and self.waiting):
            raise Busy(
                f"{self.waiting!r} requests of {self.bytes!r} bytes wait to be published,"
                f" at most {self._most!r} or {self._most_bytes!r} bytes may: come again later"
            )
        request = _Request(messages, size, asyncio.get_running_loop().create_future())
        self._queues.setdefault(stream, deque()).append(request)
        self.waiting += 1
        self.bytes += size
        if stream not in self._drains:
            self._drains[stream] = asyncio.create_task(self._drain(stream), name=f"journal-append-{stream}")
        return await request.future

    async def close(self) -> None:
        """Publish what waits."""
        self._closed = True
        for healing in self._healing.values():
            healing.cancel()
        await asyncio.gather(*self._healing.values(), return_exceptions=True)
        while pending := {*self._drains.values(), *self._tasks}:
            await asyncio.wait(pending)
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _drain(self, stream: str) -> None:
        """Until nothing waits any more."""
        under_way, loop = asyncio.Semaphore(IN_FLIGHT), asyncio.get_running_loop()
        try:
            while queue := self._queues[stream]:
                await under_way.acquire()
                early = self._began.get(stream, 0.0) + PACE_S - loop.time()
                if early > 0 and self.bytes < BATCH_BYTES:
                    await asyncio.sleep(early)
                self._began[stream] = loop.time()
                if (fault := self._fault_of(stream)) is not None:
                    self._refuse_all(stream, fault)
                    under_way.release()
                    return
                taken = [queue.popleft()]
                size = taken[0].size
                while queue and size + queue[0].size <= BATCH_BYTES:
                    size += queue[0].size
                    taken.append(queue.popleft())
                task = asyncio.create_task(self._settle(stream, taken, under_way))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            del self._drains[stream]

    async def _settle(self, stream: str, taken: Sequence[_Request], under_way: asyncio.Semaphore) -> None:
        """Send, and tell those who wait."""
        answer: list[int] | Exception
        try:
            answer = await self._send(stream, [message for request in taken for message in request.messages])
        except JournalError as error:
            answer = error
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait are told, and the next batch is tried
            answer = error
        finally:
            under_way.release()
        starts = accumulate((len(request.messages) for request in taken), initial=0)
        for request, start in zip(taken, starts, strict=False):
            self.waiting -= 1
            self.bytes -= request.size
            if request.future.done():
                continue
            if isinstance(answer, Exception):
                request.future.set_exception(answer)
            else:
                request.future.set_result(answer[start])

    async def _send(self, stream: str, messages: Sequence[Outgoing]) -> list[int]:
        """The offsets they got. Usually one batch; several when a request is larger than one."""
        await self._topics.ensure(stream)
        offsets: list[int] = []
        try:
            async with asyncio.timeout(ACK_S):
                while len(offsets) < len(messages):
                    count, base = await self._send_batch(stream, messages, len(offsets))
                    offsets += range(base, base + count)
        except MessageSizeTooLargeError as error:
            raise JournalError(
                f"the topic of {stream!r} takes no message of {max(len(m.payload) for m in messages)!r} bytes: set its"
                f" max.message.bytes to {MESSAGE_MOST!r}, and the brokers' replica.fetch.max.bytes"
            ) from error
        except (KafkaError, TimeoutError, OSError) as error:
            raise self._failed(stream, error) from error
        self.records += len(messages)
        return offsets

    async def _send_batch(self, stream: str, messages: Sequence[Outgoing], first: int) -> tuple[int, int]:
        producer = await self._started()
        batch = producer.create_batch()
        now = self._time.now()
        stamp = b"%d" % now
        count = 0
        for message in messages[first:]:
            at = message.at or now
            headers = headers_of(message.kind, b"%d" % at if message.at else stamp, message.number, message.trace)
            if batch.append(key=message.key, value=message.payload, timestamp=at // 1000, headers=headers) is None:
                break
            count += 1
        batch.close()
        partition = self._topics.partition(stream)
        future = await producer.send_batch(batch, partition.topic, partition=0)
        metadata = await future
        if metadata.offset < 0:
            # A repeat of something so old that the broker has forgotten where it stands.
            raise KafkaError("the broker has the records and does not say where")
        self.batches += 1
        return count, metadata.offset

    def _failed(self, stream: str, error: BaseException) -> Unavailable:
        """Nobody knows what became of the batch, nor whether the producer's numbering still holds: take a new producer."""
        said = str(error).strip() or f"no acknowledgement within {ACK_S} s"
        if self._away is None:
            self._away = f"Kafka at {str(self._brokers)!r} does not take records for {stream!r}: {said}"
            _log.error("%s", self._away)
            if not self._closed:
                self._healing[stream] = asyncio.create_task(self._heal(stream), name=f"journal-heal-{stream}")
        return Unavailable(self._away, retry_after_s=2.0)

    def _refuse_all(self, stream: str, fault: str) -> None:
        queue = self._queues[stream]
        while queue:
            request = queue.popleft()
            self.waiting -= 1
            self.bytes -= request.size
            if not request.future.done():
                request.future.set_exception(Unavailable(fault, retry_after_s=2.0))

    async def _heal(self, stream: str) -> None:
        """Until the stream's topic is found again; then a new producer may try."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, TimeoutError, OSError):
                async with asyncio.timeout(ACK_S):
                    await producer.stop()
        while True:
            try:
                missing = await self._topics.gone(stream)
                self._away = None
                if not missing:
                    self._gone.pop(stream, None)
                    _log.info("Kafka takes records for %r again", stream)
                    return
                name = self._topics.partition(stream).topic
                self._gone[stream] = gone(name)
            except (KafkaError, Unavailable, TimeoutError, OSError) as error:
                _log.debug("not yet: %s", error)
            await asyncio.sleep(HEAL_S)

    async def _started(self) -> AIOKafkaProducer:
        """Made when first needed: one that never sent anything leaves a connection behind when it is stopped too early."""
        async with self._starting:
            if self._producer is None:
                self._producer = await whole(self._opened())
            return self._producer

    async def _opened(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._brokers.options(),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=MESSAGE_MOST,
            compression_type="lz4",
            linger_ms=0,
            request_timeout_ms=round(ACK_S * 1000),
            retry_backoff_ms=50,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer
