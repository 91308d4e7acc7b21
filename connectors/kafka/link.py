"""The way to the brokers: addresses and credentials in the forms the two client libraries take."""

from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faststream.security import BaseSecurity

from connectors.kafka.settings import KafkaSettings
from connectors.ports.brokers import Brokers, CertificatesUnreadable
from connectors.ports.tool import ToolFailed

REQUEST_TIMEOUT_MS = 10_000
CLIENT = "tocsin"
UNKNOWN_TOPIC = 3
"""The protocol's error code for a topic that is not there."""


class OutOfReach(Exception):
    """No broker could be asked, or the topics are not as needed; the message says which, and what to do."""


def security_of(settings: KafkaSettings) -> BaseSecurity | None:
    """In FastStream's form. Raises OutOfReach when the file of certificates cannot be read."""
    try:
        return brokers_of(settings).faststream()
    except CertificatesUnreadable as error:
        raise OutOfReach(str(error)) from error


def brokers_of(settings: KafkaSettings) -> Brokers:
    """Which Kafka these settings mean."""
    return Brokers(settings.brokers, settings.security)


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """In aiokafka's form. Raises OutOfReach."""
    try:
        options = brokers_of(settings).options()
    except CertificatesUnreadable as error:
        raise OutOfReach(str(error)) from error
    return {**options, "client_id": CLIENT, "request_timeout_ms": REQUEST_TIMEOUT_MS}


async def answers(settings: KafkaSettings) -> str:
    """That the topics that are read can be. Raises ToolFailed."""
    try:
        found = await partitions(settings, [*settings.topics])
    except OutOfReach as error:
        raise ToolFailed(str(error)) from error
    return f"{', '.join(settings.brokers)} answers; {len(found)} topics, {sum(map(len, found.values()))} partitions"


async def partitions(settings: KafkaSettings, topics: Sequence[str]) -> dict[str, list[int]]:
    """The partitions of each topic. Raises OutOfReach when no broker answers or a topic is not there."""
    where = ", ".join(settings.brokers)
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        described = await admin.describe_topics(list(topics))
    except (KafkaError, OSError) as error:
        raise OutOfReach(f"no answer from Kafka at {where}: {error!r}; check brokers and security") from error
    finally:
        await admin.close()
    faults = {each["topic"]: each["error_code"] for each in described if each["error_code"] != 0}
    if missing := sorted(name for name, code in faults.items() if code == UNKNOWN_TOPIC):
        raise OutOfReach(f"Kafka at {where} has no topic {', '.join(map(repr, missing))}; make it, or correct the name")
    if faults:
        raise OutOfReach(f"Kafka at {where} does not show the topics {faults!r} (topic: error code); check permissions")
    return {each["topic"]: sorted(one["partition"] for one in each["partitions"]) for each in described}
