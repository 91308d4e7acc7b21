"""The FastStream broker: batch subscribers that hand on raw messages, one for each stream that somebody reads.

No consumer group takes part: what is done with a record is kept with the state (positions in PostgreSQL), ownership is a lease, and so
no rebalance runs anything twice and no acknowledgement can lose anything. Handlers take microseconds; they never raise.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka import TopicPartition as AIOTopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, TopicPartition
from faststream.kafka.message import KafkaMessage
from faststream.message import StreamMessage
from faststream.middlewares import AckPolicy

from connectors.journal.kafka.topics import unreachable
from connectors.journal.kafka.whole import stopped
from connectors.ports.brokers import Brokers

BATCH_MOST = 1_000
BATCH_TIMEOUT_MS = 10
"""After a fetch that brought nothing the subscriber sleeps so long once more: it is the latency of a quiet stream."""
_log = logging.getLogger(__name__)

Handle = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]


class RawCodec:
    """Hands messages on as they came, undecoded."""

    async def decode(self, msg: StreamMessage[Any]) -> Any:
        return msg.raw_message

    async def encode(self, msg: Any, serializer: object = None) -> tuple[bytes, str | None]:  # noqa: ARG002 - the protocol's
        return bytes(msg), None

    async def decode_batch(self, msg: StreamMessage[Any]) -> list[ConsumerRecord]:
        return list(msg.raw_message)

    async def encode_batch(self, msgs: Sequence[Any], serializer: object = None) -> list[tuple[bytes, str | None]]:  # noqa: ARG002 - the protocol's
        return [(bytes(each), None) for each in msgs]


async def parse(messages: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """Without looking into headers: one that is no text would cost the whole batch."""
    return KafkaMessage(body=b"", raw_message=messages, consumer=None)  # type: ignore[arg-type]


class Subscriptions:
    """Makes subscribers on demand; `close` ends them."""

    def __init__(self, brokers: Brokers, *, client_id: str) -> None:
        self._brokers = brokers
        self._broker = KafkaBroker(
            list(brokers.addresses),
            security=brokers.faststream(),
            client_id=client_id,
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=None,
            ack_policy=AckPolicy.MANUAL,
            graceful_timeout=5.0,
        )
        self._started = False

    async def follow(self, topic: str, offset: int, handle: Handle) -> Callable[[int], None]:
        """Hand on what stands in the topic's only partition from `offset` on, in order; returns how to seek. Messages below
        `offset` may come too at first. Raises Unavailable when no broker answers."""
        subscriber = self._broker.subscriber(
            partitions=[TopicPartition(topic, 0)],
            batch=True,
            codec=RawCodec(),
            parser=parse,
            max_records=BATCH_MOST,
            batch_timeout_ms=BATCH_TIMEOUT_MS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        subscriber(handle)
        partition = AIOTopicPartition(topic, 0)
        try:
            if not self._started:
                await self._broker.connect()
                self._started = True
            await subscriber.start()
        except (KafkaError, OSError) as error:
            await subscriber.stop()
            raise unreachable(self._brokers, error) from error

        def seek(to: int) -> None:
            # A subscriber that was stopped has none any more.
            if subscriber.consumer is not None:
                subscriber.consumer.seek(partition, to)

        seek(offset)
        if subscriber.consumer is not None:
            # Its connections are made by this; a client that is stopped while it makes one leaves it open.
            await subscriber.consumer.end_offsets([partition])
        return seek

    async def close(self) -> None:
        for subscriber in self._broker.subscribers:
            consumer = getattr(subscriber, "consumer", None)
            if consumer is not None:
                await stopped(consumer)
        await self._broker.stop()
