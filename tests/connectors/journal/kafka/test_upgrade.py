"""Programs of two releases on the same tables: side by side where the newer one left them fit for the older, refused otherwise."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import pytest

from connectors.journal.kafka import KafkaJournal, examine_servers, migrations
from connectors.ports.brokers import Brokers
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, JournalError, NewRecord
from tests.support.newer import STEP
from tests.support.postgres_server import Postgres
from tests.support.server import Server

Opens = Callable[..., AbstractAsyncContextManager[KafkaJournal]]


@contextmanager
def next_release(monkeypatch: pytest.MonkeyPatch, *, fit: bool) -> Iterator[None]:
    """Journals that are opened meanwhile are those of a release with one step more, fit for ours or not."""
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, STEP))
        if not fit:
            patched.setattr(migrations, "OLDEST", len(migrations.MIGRATIONS))
        yield


async def decide(journal: KafkaJournal, text: str) -> None:
    async with journal.unit() as unit:
        unit.append(DECISIONS, NewRecord("decision", text.encode()))
        unit.put("rows", text, b"x")
        unit.enqueue("queue", text, b"")


async def texts(journal: KafkaJournal, count: int) -> set[bytes]:
    async with asyncio.timeout(30):
        while not await journal.wait(DECISIONS, after=count - 1, timeout_s=1.0):
            pass
    return {entry.payload for entry in await journal.read(DECISIONS, after=0)}


def grade_of_tables(kafka: Server, postgres: Postgres, tenant: str) -> tuple[str, str]:
    async def look() -> tuple[str, str]:
        looking = examine_servers(
            Brokers.at(kafka.address), postgres.url(), clock=SystemClock(), tenant=tenant, replicas=1
        )
        looks = [look async for look in looking]
        return next((each.grade, each.found) for each in looks if each.about == "tables")

    return asyncio.run(look())


def test_an_older_process_works_on_and_starts_again_beside_a_newer_one(
    opens: Opens, kafka: Server, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants: list[str] = []

    async def main() -> None:
        async with opens() as older:
            tenants.append(older.database.schema.removeprefix("tocsin_"))
            await decide(older, "before")
            with next_release(monkeypatch, fit=True):
                # Two that start at once: one makes the step, the other finds it done.
                newer, twin = opens(), opens()
                both = await asyncio.gather(newer.__aenter__(), twin.__aenter__())
            try:
                for journal, text in ((both[0], "newer"), (older, "older"), (both[1], "twin")):
                    await decide(journal, text)
                async with opens() as again:
                    await decide(again, "again")
                    for journal in (older, again, *both):
                        assert await texts(journal, 5) == {b"before", b"newer", b"older", b"twin", b"again"}
                        job = await journal.claim("queue", owner="w", ttl_s=30, timeout_s=0)
                        assert job is not None
                        async with journal.unit(lease=job.lease) as unit:
                            unit.finish(job)
            finally:
                await asyncio.gather(newer.__aexit__(None, None, None), twin.__aexit__(None, None, None))

    asyncio.run(main())
    grade, found = grade_of_tables(kafka, postgres, tenants[0])
    assert grade == "note" and "can work beside the newer one" in found


def test_tables_that_a_newer_release_did_not_leave_fit_for_this_one_are_refused(
    opens: Opens, kafka: Server, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants: list[str] = []

    async def main() -> None:
        with next_release(monkeypatch, fit=False):
            async with opens() as newer:
                tenants.append(newer.database.schema.removeprefix("tocsin_"))
        with pytest.raises(JournalError, match="use the newer Tocsin that made it"):
            async with opens():
                pass

    asyncio.run(main())
    assert grade_of_tables(kafka, postgres, tenants[0])[0] == "fault"


def test_the_step_that_was_released_last_leaves_the_release_before_at_work() -> None:
    assert len(migrations.MIGRATIONS) - 1 <= migrations.OLDEST <= len(migrations.MIGRATIONS)
