"""A database that takes no more connections says so by us, and work goes on by itself once it takes them again."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack

import psycopg
import pytest

from connectors.journal.kafka import KafkaJournal, database
from connectors.ports.clock import SystemClock
from connectors.ports.journal import INPUTS, Busy, NewRecord, Unavailable
from tests.support.postgres_server import Postgres, postgres_server
from tests.support.server import Server

Opens = Callable[..., AbstractAsyncContextManager[KafkaJournal]]


def test_a_database_that_takes_no_more_connections_is_named_and_waited_for(
    opening: Callable[[Server, Postgres], Opens], kafka: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 2.0)

    async def main(postgres: Postgres) -> None:
        opens = opening(kafka, postgres)
        async with opens() as journal:
            await journal.append(INPUTS, [NewRecord("signal", b"before")])
            lease = await journal.acquire("triage", owner="one", ttl_s=600)
            with ExitStack() as others:
                while True:
                    try:
                        others.enter_context(psycopg.connect(postgres.url(), autocommit=True))
                    except psycopg.OperationalError:
                        break
                with pytest.raises(Unavailable, match=r"PostgreSQL cannot be used.*(too many clients|slots)"):
                    async with opens(SystemClock()):
                        pass
                # Its own connections are its own; what needs more than it has waits, and is told so.
                outcomes = await asyncio.gather(
                    *(journal.get("rows", f"{n}") for n in range(40)), return_exceptions=True
                )
                assert all(each is None or isinstance(each, Busy | Unavailable) for each in outcomes)
                # Signals need no database.
                await journal.append(INPUTS, [NewRecord("signal", b"meanwhile")])
            async with asyncio.timeout(60):
                while True:
                    try:
                        async with journal.unit(lease=lease) as unit:
                            unit.move("triage", INPUTS, old=0, new=2)
                        break
                    except (Busy, Unavailable):
                        await asyncio.sleep(0.1)
            assert [each.payload for each in await journal.read(INPUTS, after=0)] == [b"before", b"meanwhile"]
            async with opens() as another:
                assert await another.position("triage", INPUTS) == 2

    with postgres_server({"max_connections": "12"}) as small:
        asyncio.run(main(small))
