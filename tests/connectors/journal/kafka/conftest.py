"""Opening journals on real servers."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from connectors.journal.kafka import KafkaJournal, open_kafka_journal
from connectors.ports.clock import Clock, SystemClock
from tests.support.postgres_server import Postgres
from tests.support.server import Server

Opens = Callable[..., AbstractAsyncContextManager[KafkaJournal]]


def opening(kafka: Server, postgres: Postgres) -> Opens:
    """Opens journals of one tenant of its own."""
    name = f"t{uuid.uuid4().hex[:12]}"

    @asynccontextmanager
    async def opened(clock: Clock | None = None, **settings: Any) -> AsyncIterator[KafkaJournal]:
        settings = {"tenant": name, **settings}
        journal = await open_kafka_journal(kafka.address, postgres.url(), clock=clock or SystemClock(), **settings)
        try:
            yield journal
        finally:
            await journal.close()

    return opened


@pytest.fixture
def opens(kafka: Server, postgres: Postgres) -> Opens:
    """`async with opens() as journal`, as often as one likes: all are the same tenant's."""
    return opening(kafka, postgres)


@pytest.fixture(name="opening")
def opening_fixture() -> Callable[[Server, Postgres], Opens]:
    return opening
