"""Tenants share brokers and a database, and nothing else: each has its own order, rows, jobs, and owners."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from connectors.journal.kafka import KafkaJournal
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from tests.support.postgres_server import Postgres
from tests.support.server import Server

Opens = Callable[..., AbstractAsyncContextManager[KafkaJournal]]


def test_owners_of_two_tenants_work_at_once_and_see_nothing_of_each_other(
    opening: Callable[[Server, Postgres], Opens], kafka: Server, postgres: Postgres
) -> None:
    async def work(journal: KafkaJournal, name: str) -> None:
        lease = await journal.acquire("triage", owner=name, ttl_s=30)
        assert lease is not None, "each has its own owner"
        for number in range(20):
            text = f"{name} {number}".encode()
            assert await journal.append(INPUTS, [NewRecord("signal", text)]) == number + 1
            async with journal.unit(lease=lease) as unit:
                unit.create("rows", f"{number}", text)
                unit.append(DECISIONS, NewRecord("decision", text))
                unit.move("triage", INPUTS, old=number, new=number + 1)
                unit.enqueue("q", f"{number}", text)

    async def sees(journal: KafkaJournal, name: str) -> None:
        expected = [f"{name} {number}".encode() for number in range(20)]
        async with asyncio.timeout(30):
            while await journal.head(DECISIONS) < 20:
                await asyncio.sleep(0.02)
        for stream in (INPUTS, DECISIONS):
            assert [each.payload for each in await journal.read(stream, after=0)] == expected
        assert sorted(value for _, value in await journal.scan("rows")) == sorted(expected)
        assert await journal.position("triage", INPUTS) == await journal.pending("q") == 20
        job = await journal.claim("q", owner=name, ttl_s=30, timeout_s=0)
        assert job is not None and job.payload.startswith(name.encode())

    async def main() -> None:
        async with opening(kafka, postgres)() as one, opening(kafka, postgres)() as two:
            await asyncio.gather(work(one, "one"), work(two, "two"))
            await sees(one, "one")
            await sees(two, "two")

    asyncio.run(main())


def test_a_position_says_under_which_epoch_it_was_moved(opens: Opens) -> None:
    """The epoch is the token of the lease, which grows with each holder."""

    async def main() -> None:
        async with opens() as journal:
            for number in range(3):
                lease = await journal.acquire("triage", owner=f"owner {number}", ttl_s=30)
                assert lease is not None and lease.token == number + 1
                async with journal.unit(lease=lease) as unit:
                    unit.move("triage", INPUTS, old=number, new=number + 1)
                found = await journal.database.rows("SELECT \"offset\", epoch FROM positions WHERE consumer = 'triage'")
                assert found == [(number + 1, lease.token)]
                await journal.release(lease)

    asyncio.run(main())
