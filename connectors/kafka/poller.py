"""A topic as a source: FastStream reads in batches, and the group's position follows what was made durable.

FastStream's defaults would lose messages (docs/connectors/kafka.md):
acknowledgement is manual and names the offsets of this batch alone, the handler never raises, and messages are
taken as they are, by a parser of our own, because the stock one fails on headers that are no UTF-8 and answers to `reply_to`.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber
from faststream.message import StreamMessage
from typing_extensions import override

from connectors.kafka.link import CLIENT, REQUEST_TIMEOUT_MS, OutOfReach, connection, partitions, security_of
from connectors.kafka.reading import Message, Reader
from connectors.kafka.settings import KafkaSettings
from connectors.ports.clock import Clock, SystemClock
from connectors.ports.journal import JournalError
from connectors.ports.poller import Admit, Poller

SESSION_MS = 10_000
STATIC_SESSION_MS = 45_000
"""How long a member that says nothing keeps its partitions; one with a name of its own may be restarting."""
BATCH_TIMEOUT_MS = 10
"""How long an empty poll waits; FastStream sleeps as long again, so this is the latency of a quiet topic."""
AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0)
WATCH_S = 10.0

_log = logging.getLogger(__name__)
_stock = logging.getLogger(f"{__name__}.faststream")
_stock.setLevel(logging.ERROR)  # it warns at every start that it makes no topics, as it was told

Records = Sequence["ConsumerRecord[bytes, bytes]"]


class KafkaPoller(Poller):
    """The topics of one configured instance."""

    name = "kafka"

    def __init__(self, settings: KafkaSettings, instance: str, clock: Clock | None = None) -> None:
        self.instance = instance
        self._settings = settings
        self._clock = clock or SystemClock()
        self._reader = Reader(settings, instance)
        self._said = ""

    @override
    async def run(self, admit: Admit) -> None:
        attempt = 0
        while True:
            try:
                await self._prepare()
                self._say("")
                attempt = 0
                await self._consume(admit)
            except (OutOfReach, KafkaError, OSError) as error:
                self._say(str(error))
                await asyncio.sleep(AGAIN_S[min(attempt, len(AGAIN_S) - 1)])
                attempt += 1

    def _say(self, error: str) -> None:
        """Log what is wrong when it changes; empty when all is well."""
        if error and error != self._said:
            _log.error("kafka cannot be read", extra={"instance": self.instance, "error": error})
        elif self._said and not error:
            _log.info("kafka can be read again", extra={"instance": self.instance})
        self._said = error

    async def _watch(self) -> None:
        """Look whether brokers and topics are still there: the client library heals by itself, and tells nobody."""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await partitions(self._settings, self._settings.topics)
            except OutOfReach as error:
                self._say(str(error))
            else:
                self._say("")

    async def _prepare(self) -> None:
        """See that the topics are there, and give a new group its first position. Raises OutOfReach, KafkaError."""
        found = await partitions(self._settings, self._settings.topics)
        if self._settings.start == "latest":
            await _begin_at_the_end(self._settings, [TopicPartition(name, n) for name, ns in found.items() for n in ns])

    async def _consume(self, admit: Admit) -> None:
        broker, subscriber = subscribed(self._settings)

        async def take(records: Records) -> None:
            consumer = subscriber.consumer
            if consumer is not None:
                await self._take(records, consumer, admit)

        subscriber(take)
        try:
            await broker.start()
            await self._watch()
        finally:
            await broker.stop()

    async def _take(self, records: Records, consumer: AIOKafkaConsumer, admit: Admit) -> None:
        """Admit a batch, then move the position. Raises nothing: an exception would be swallowed above, and the batch skipped."""
        behind = {
            TopicPartition(record.topic, record.partition): record.offset + 1 for record in records
        }  # the last of each partition stands, they come in order
        received_at = self._clock.now()
        received = self._reader.read(map(_message, records), received_at)
        content = b"\n".join(record.value for record in records if record.value is not None)
        attempt = 0
        while True:
            ours = behind.keys() & consumer.assignment()
            if not ours:
                _log.info("partitions passed to another while messages waited", extra={"instance": self.instance})
                return
            try:
                await admit(received, received_at=received_at, content=content)
                break
            except JournalError as error:
                wait_s = float(getattr(error, "retry_after_s", 1.0))
                _log.warning("messages wait", extra={"instance": self.instance, "error": str(error)})
            except Exception:  # noqa: BLE001 - the loop edge: what raises here is kept where it is, and tried again
                wait_s = AGAIN_S[min(attempt, len(AGAIN_S) - 1)]
                _log.exception("messages could not be admitted", extra={"instance": self.instance})
            await asyncio.sleep(wait_s)
            attempt += 1
        try:
            await consumer.commit({each: behind[each] for each in behind.keys() & consumer.assignment()})
        except (KafkaError, IllegalStateError) as error:
            # Another owner, or no coordinator: these messages are read again, and known by their identity.
            _log.warning("the position did not move", extra={"instance": self.instance, "error": repr(error)})


def subscribed(settings: KafkaSettings, title: str | None = None) -> tuple[KafkaBroker, BatchSubscriber]:
    """A broker, not started, with one batch subscriber that waits for its handler; `title` is for documents. Raises OutOfReach."""
    broker = KafkaBroker(
        list(settings.brokers),
        client_id=CLIENT,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        security=security_of(settings),
        consumer_only=True,
        apply_types=False,
        graceful_timeout=1.0,
        logger=_stock,
        log_level=logging.DEBUG,
    )
    subscriber = broker.subscriber(
        *settings.topics,
        batch=True,
        group_id=settings.group,
        group_instance_id=settings.member or None,
        session_timeout_ms=STATIC_SESSION_MS if settings.member else SESSION_MS,
        max_records=settings.max_records,
        batch_timeout_ms=BATCH_TIMEOUT_MS,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        no_reply=True,
        title=title,
        parser=_whole,
        decoder=_records,
    )
    return broker, subscriber


async def _whole(records: tuple["ConsumerRecord[bytes, bytes]", ...]) -> StreamMessage[Any]:
    """The batch as it came. Headers are read later, one message at a time, so that a bad one is poison and no more."""
    return StreamMessage(records, records, correlation_id="-")


async def _records(message: StreamMessage[Any]) -> Any:
    return message.raw_message


def _message(record: "ConsumerRecord[bytes, bytes]") -> Message:
    return Message(
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, record.headers
    )


async def _begin_at_the_end(settings: KafkaSettings, all_of_them: Sequence[TopicPartition]) -> None:
    """Store the end as the position where the group has none. To begin "at the end" anew at each start would skip what came
    between a first start and a crash."""
    consumer = AIOKafkaConsumer(group_id=settings.group, enable_auto_commit=False, **connection(settings))
    try:
        await consumer.start()
        consumer.assign(all_of_them)
        new = [each for each in all_of_them if await consumer.committed(each) is None]
        if new:
            await consumer.commit(await consumer.end_offsets(new))
    finally:
        await consumer.stop()
