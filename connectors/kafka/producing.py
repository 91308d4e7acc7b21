"""One event written so that it stays, or a clear word that it may not."""

import logging

from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
)
from faststream.kafka import KafkaBroker

from connectors.kafka.link import CLIENT, REQUEST_TIMEOUT_MS, OutOfReach, partitions, security_of
from connectors.kafka.publish import Event
from connectors.kafka.settings import KafkaSettings
from connectors.ports.action import OutcomeUnknown, Rejected, TryLater

_REFUSED = (InvalidTopicError, MessageSizeTooLargeError, RecordTooLargeError, TopicAuthorizationFailedError)
_log = logging.getLogger(__name__)


async def write(settings: KafkaSettings, event: Event) -> tuple[int, int]:
    """The partition and offset it has now. Raises TryLater (not sent), Rejected, OutcomeUnknown."""
    try:
        await partitions(settings, [event.topic])
        broker = producer_of(settings)
        await broker.connect()
    except (OutOfReach, KafkaError, OSError) as error:
        raise TryLater(str(error)) from error
    try:
        return await send(broker, event)
    finally:
        await broker.stop()


async def send(broker: KafkaBroker, event: Event) -> tuple[int, int]:
    """As `write`, over a connected broker."""
    try:
        written = await broker.publish(
            event.value,
            event.topic,
            key=event.key or None,
            headers=event.headers,
            correlation_id=event.headers["ce_id"],
        )
    except _REFUSED as error:
        raise Rejected(f"Kafka does not take the event for {event.topic!r}: {error}") from error
    except (KafkaError, OSError) as error:
        raise OutcomeUnknown(f"no acknowledgement for the event for {event.topic!r}: {error!r}") from error
    return written.partition, written.offset


def producer_of(settings: KafkaSettings) -> KafkaBroker:
    """A broker, not connected, whose writes are acknowledged by all replicas in sync. Raises OutOfReach.

    Not idempotent on purpose: such a producer may not give up a message, and a write (and closing it) would wait for ever for a broker
    that went away. Readers drop repeats by `ce_id` anyway.
    """
    return KafkaBroker(
        list(settings.brokers),
        client_id=CLIENT,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        security=security_of(settings),
        acks="all",
        apply_types=False,
        logger=_log,
        log_level=logging.DEBUG,
    )
