"""The topics: one of one partition for each stream of a tenant, made with the settings that the journal's promises rest on, or checked
for them.
"""

import asyncio
import logging
from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from connectors.journal.kafka.identity import topic_id
from connectors.journal.kafka.unit import RECORD_MOST
from connectors.journal.kafka.whole import stopped
from connectors.ports.brokers import Brokers
from connectors.ports.journal import JournalError, Unavailable

MESSAGE_MOST = RECORD_MOST + (64 << 10)
"""`max.message.bytes`: a record and what is around it."""
TOLD_S = 5.0
"""How long a broker may tell nothing of a topic that is there."""
SETTINGS: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(MESSAGE_MOST),
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
    "message.timestamp.before.max.ms": str(2**63 - 1),
    "compression.type": "producer",
    "unclean.leader.election.enable": "false",
}
"""Retention is the journal's own (`retain`): were it the broker's, it would pass a recorder that stands still."""
_log = logging.getLogger(__name__)


class Topics:
    """Makes, checks and looks for topics over one admin connection."""

    def __init__(self, brokers: Brokers, *, tenant: str, replicas: int, client_id: str) -> None:
        self._tenant, self._replicas = tenant, replicas
        self._brokers = brokers
        self._client_id = client_id
        self._admin: AIOKafkaAdminClient | None = None
        self._known: set[str] = set()
        self._lock = asyncio.Lock()

    def partition(self, stream: str) -> TopicPartition:
        return TopicPartition(f"tocsin.{self._tenant}.{stream}", 0)

    async def ensure(self, stream: str) -> None:
        """Make the stream's topic unless it is there; one that is there is checked once.

        Raises JournalError naming the settings that were found and are needed; Unavailable when no broker answers.
        """
        if stream in self._known:
            return
        async with self._lock:
            if stream in self._known:
                return
            name = self.partition(stream).topic
            settings = {**SETTINGS, "min.insync.replicas": str(max(1, self._replicas - 1))}
            try:
                admin = await self._started()
                if not await self._partitions(admin, name):
                    made = await admin.create_topics([NewTopic(name, 1, self._replicas, topic_configs=settings)])
                    for _, code, *said in made.topic_errors:
                        if code and for_code(code) is not TopicAlreadyExistsError:
                            raise JournalError(
                                f"the topic {name!r} could not be made: {said[0] if said else for_code(code).__name__}; make it"
                                f" yourself with one partition and {settings!r}, or give the user the right to"
                            )
                    await self._led(admin, name)
                await self._check(admin, name)
            except (KafkaError, OSError) as error:
                await self._stop()
                raise unreachable(self._brokers, error) from error
            self._known.add(stream)

    async def check(self, stream: str) -> None:
        """That the stream's topic, which is there, is set up as needed. Raises JournalError, Unavailable."""
        async with self._lock:
            try:
                await self._check(await self._started(), self.partition(stream).topic)
            except (KafkaError, OSError) as error:
                await self._stop()
                raise unreachable(self._brokers, error) from error

    async def exists(self, stream: str) -> bool:
        """Whether there is such a topic. Raises Unavailable."""
        if stream in self._known:
            return True
        async with self._lock:
            try:
                if await self._partitions(await self._started(), self.partition(stream).topic):
                    self._known.add(stream)
                    return True
            except (KafkaError, OSError) as error:
                await self._stop()
                raise unreachable(self._brokers, error) from error
        return False

    async def gone(self, stream: str) -> bool:
        """Whether the topic of a stream that was there is not there any more. Raises Unavailable."""
        self._known.discard(stream)
        return not await self.exists(stream)

    async def delete_before(self, stream: str, offset: int) -> None:
        """Let the broker drop what is below Kafka's `offset`. Raises Unavailable."""
        async with self._lock:
            try:
                admin = await self._started()
                await admin.delete_records({self.partition(stream): RecordsToDelete(before_offset=offset)})
            except (KafkaError, OSError) as error:
                await self._stop()
                raise unreachable(self._brokers, error) from error

    async def close(self) -> None:
        async with self._lock:
            await self._stop()

    async def _started(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._brokers.options(), client_id=self._client_id, request_timeout_ms=10_000)
            try:
                await admin.start()
            except BaseException:
                await stopped(admin)
                raise
            self._admin = admin
        return self._admin

    async def _stop(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await stopped(admin)

    async def identity(self, stream: str) -> str | None:
        """The id of the topic that the stream has now; None when there is none. Raises Unavailable."""
        async with self._lock:
            try:
                return await topic_id(await self._started(), self.partition(stream).topic)
            except (KafkaError, OSError) as error:
                await self._stop()
                raise unreachable(self._brokers, error) from error

    async def _partitions(self, admin: AIOKafkaAdminClient, name: str) -> int:
        """How many; 0 when there is no such topic, and only then."""
        [found] = await admin.describe_topics([name])
        if found["error_code"] == UnknownTopicOrPartitionError.errno:
            return 0
        if found["error_code"]:
            raise for_code(found["error_code"])(f"topic {name!r}")
        return len(found["partitions"])

    async def _led(self, admin: AIOKafkaAdminClient, name: str) -> None:
        """Wait until the partition has a leader, so that the first append does not meet a topic half made."""
        async with asyncio.timeout(10):
            while True:
                [found] = await admin.describe_topics([name])
                if not found["error_code"] and all(each["leader"] >= 0 for each in found["partitions"]):
                    return
                await asyncio.sleep(0.02)

    async def _settings(self, admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
        """As the broker tells them; one that is just starting, or has not heard of the topic yet, tells nothing."""
        try:
            async with asyncio.timeout(TOLD_S):
                while True:
                    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
                    if found := {entry[0]: entry[1] for resource in answer.resources for entry in resource[4]}:
                        return found
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            silent = TimeoutError(f"it does not tell how the topic {name!r} is set up")
            raise unreachable(self._brokers, silent) from error

    async def _check(self, admin: AIOKafkaAdminClient, name: str) -> None:
        if (partitions := await self._partitions(admin, name)) > 1:
            raise JournalError(
                f"the topic {name!r} has {partitions!r} partitions, expected 1: the order of a stream is that of its partition;"
                f" give this tenant another name, or make the topic anew"
            )
        found = await self._settings(admin, name)
        wrong = [
            f"{setting} is {found.get(setting)!r}, needed {needed!r}"
            for setting, needed in SETTINGS.items()
            if not _serves(setting, found.get(setting), needed)
        ]
        if wrong:
            raise JournalError(
                f"the topic {name!r} is not set up for a journal: {'; '.join(wrong)}. Set this with"
                f" `kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config NAME=VALUE`"
            )


def _serves(setting: str, found: str | None, needed: str) -> bool:
    """Settings that decide whether promises hold; of the others any value does."""
    match setting:
        case "cleanup.policy" | "retention.ms" | "retention.bytes" | "message.timestamp.type":
            return found == needed
        case "max.message.bytes":
            return found is not None and int(found) >= int(needed)
        case _:
            return True


def gone(topic: str) -> str:
    """It was deleted."""
    return f"the topic {topic!r} is gone from Kafka, with what it held: it is not made anew by itself; bring it back, or begin a new tenant"


def unreachable(brokers: Brokers, error: BaseException) -> Unavailable:
    """No broker does what is asked at present."""
    said = str(error).strip() or type(error).__name__
    return Unavailable(
        f"Kafka at {str(brokers)!r} cannot be used: {said}; check that a broker runs there, it is tried again by itself",
        retry_after_s=2.0,
    )
