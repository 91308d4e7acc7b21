"""The journal on Kafka and PostgreSQL holds the port's contract, on a real broker and a real database."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from connectors.journal.kafka import KafkaJournal, open_kafka_journal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import Journal
from tests.contracts.journal import JournalContract
from tests.support.postgres_server import Postgres
from tests.support.server import Server


class TestKafkaJournal(JournalContract):
    tail_bytes = 1 << 20

    @pytest.fixture(autouse=True)
    def _servers(self, kafka: Server, postgres: Postgres) -> None:
        self.kafka, self.postgres = kafka, postgres

    def open(self, clock: ManualClock) -> AbstractAsyncContextManager[Journal]:
        return self._open(clock, 10_000)

    def open_tight(self, clock: ManualClock) -> AbstractAsyncContextManager[Journal]:
        return self._open(clock, 10)

    def poke(self, journal: Journal) -> None:
        assert isinstance(journal, KafkaJournal)
        journal.poke()

    @asynccontextmanager
    async def _open(self, clock: ManualClock, most: int) -> AsyncIterator[Journal]:
        journal = await open_kafka_journal(
            self.kafka.address,
            self.postgres.url(),
            clock=clock,
            tenant=f"t{uuid.uuid4().hex[:12]}",
            queued_most=most,
            tail_bytes=self.tail_bytes,
            shared_clock=False,
        )
        try:
            yield journal
        finally:
            await journal.close()


class TestKafkaJournalWithoutTail(TestKafkaJournal):
    """Every read goes to the broker."""

    tail_bytes = 0
