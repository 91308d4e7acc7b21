"""Topics and database that do not belong together any more are refused, saying what was found: nothing is lost without a word."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from connectors.journal.kafka import KafkaJournal
from connectors.ports.journal import JournalError, NewRecord, Unavailable
from tests.support.kafka_server import make_topic
from tests.support.postgres_server import Postgres, binaries
from tests.support.server import Server, absent

Opens = Callable[..., Any]
SETTINGS = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": str(9 << 20)}


def record(text: str) -> NewRecord:
    return NewRecord("decision", text.encode())


async def decide(journal: KafkaJournal, *texts: str) -> None:
    for text in texts:
        async with journal.unit() as unit:
            unit.append("decisions", record(text))


async def texts(journal: KafkaJournal, count: int) -> list[bytes]:
    async with asyncio.timeout(30):
        while not await journal.wait("decisions", after=count - 1, timeout_s=1.0):
            pass
    return [entry.payload for entry in await journal.read("decisions", after=0)]


async def makes_anew(kafka: Server, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        async with asyncio.timeout(30):
            while topic in await admin.list_topics():
                await asyncio.sleep(0.05)
    finally:
        await admin.close()
    await make_topic(kafka, topic, config=SETTINGS)


async def faulty(journal: KafkaJournal) -> str:
    async with asyncio.timeout(30):
        while journal.fault is None:
            await asyncio.sleep(0.05)
    return journal.fault


def dump(postgres: Postgres, schema: str) -> str:
    """As docs/backup.md says to, of one tenant."""
    tool = (binaries() or Path()) / "pg_dump"
    if not tool.exists():
        absent("pg_dump")
    done = subprocess.run([tool, "--schema", schema, postgres.url()], capture_output=True, text=True, check=True)
    return done.stdout


def restore(postgres: Postgres, schema: str, dumped: str, folder: Path) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")  # type: ignore[arg-type]
    file = folder / "dump.sql"
    file.write_text(dumped)
    tool = (binaries() or Path()) / "psql"
    given = [tool, "--set", "ON_ERROR_STOP=1", "--quiet", "--file", file, postgres.url()]
    subprocess.run(given, check=True, capture_output=True, env={**os.environ})


def test_an_older_dump_under_a_newer_topic_is_refused_at_the_opening(
    opens: Opens, postgres: Postgres, tmp_path: Path
) -> None:
    async def main() -> None:
        async with opens() as journal:
            schema = journal.database.schema
            await decide(journal, "a", "b")
            await texts(journal, 2)
            dumped = await asyncio.to_thread(dump, postgres, schema)
            await decide(journal, "c", "d", "e")
            assert len(await texts(journal, 5)) == 5
        newest = await asyncio.to_thread(dump, postgres, schema)
        restore(postgres, schema, dumped, tmp_path)
        with pytest.raises(
            JournalError, match=r"given numbers up to 2, and 5 stands in the topic.*older dump"
        ) as refusal:
            async with opens():
                pass
        assert not isinstance(refusal.value, Unavailable), "it is not waited for: somebody has to do something"
        restore(postgres, schema, newest, tmp_path)
        async with opens() as journal:
            await decide(journal, "f")
            assert await texts(journal, 6) == [b"a", b"b", b"c", b"d", b"e", b"f"]

    asyncio.run(main())


def test_an_older_dump_that_is_restored_under_a_running_process_stops_it_from_deciding(
    opens: Opens, postgres: Postgres, tmp_path: Path
) -> None:
    async def main() -> None:
        async with opens() as journal, opens() as other:
            schema = journal.database.schema
            await decide(journal, "a", "b")
            await texts(journal, 2)
            dumped = await asyncio.to_thread(dump, postgres, schema)
            await decide(journal, "c", "d", "e")
            await texts(journal, 5)
            await texts(other, 5)
            newest = await asyncio.to_thread(dump, postgres, schema)
            await asyncio.to_thread(restore, postgres, schema, dumped, tmp_path)
            for each in (journal, other):
                with pytest.raises(JournalError, match="PostgreSQL is older than the topic"):
                    await decide(each, "lost")
                assert "PostgreSQL is older" in (each.fault or "")
            with psycopg.connect(postgres.url()) as connection:
                waiting = connection.execute(f"SELECT count(*) FROM {schema}.outbox").fetchone()  # type: ignore[arg-type]
                assert waiting == (0,)
            await asyncio.to_thread(restore, postgres, schema, newest, tmp_path)
            await decide(journal, "f")
            assert (await texts(journal, 6))[-1] == b"f"
            assert journal.fault is None

    asyncio.run(main())


def test_the_relay_takes_nothing_for_published_when_the_database_is_older(
    opens: Opens, postgres: Postgres, tmp_path: Path
) -> None:
    """Decided by a process that knows nothing of the topic's end, as one did that had just begun: it waits in the outbox."""

    async def main() -> None:
        async with opens() as journal:
            schema = journal.database.schema
            await decide(journal, "a", "b", "c")
            await texts(journal, 3)
            with psycopg.connect(postgres.url()) as connection:
                connection.execute(f"UPDATE {schema}.streams SET number = 1 WHERE name = 'decisions'")  # type: ignore[arg-type]
                connection.execute(
                    f"INSERT INTO {schema}.outbox VALUES ('decisions', 2, 1, 'decision', '', 'x')"  # type: ignore[arg-type]
                )
            journal.relay.wake()
            assert "PostgreSQL is older than the topic" in await faulty(journal)
            assert await journal.relay.depth() == 1
            assert len(await texts(journal, 3)) == 3

    asyncio.run(main())


def test_a_topic_that_was_deleted_and_made_anew_is_neither_read_nor_written(opens: Opens, kafka: Server) -> None:
    async def main() -> None:
        async with opens() as journal:
            for n in range(3):
                await journal.append("inputs", [record(str(n))])
            assert await journal.head("inputs") == 3
            topic = journal._topics.partition("inputs").topic
            await makes_anew(kafka, topic)
            # Whatever is told to have arrived stands there for those who read; so nothing is.
            with pytest.raises(Unavailable):
                async with asyncio.timeout(30):
                    while True:
                        assert await journal.append("inputs", [record("x")]) > 3
            assert "made anew" in await faulty(journal)
            with pytest.raises(Unavailable, match="made anew"):
                await journal.read("inputs", after=0)
            await decide(journal, "goes on")
            assert await texts(journal, 1) == [b"goes on"]
        with pytest.raises(
            JournalError, match=r"has the id '.*', this journal began in '.*': it was deleted and made anew"
        ):
            async with opens():
                pass

    asyncio.run(main())


def test_a_topic_that_somebody_says_was_restored_is_believed(opens: Opens, kafka: Server, postgres: Postgres) -> None:
    async def main() -> None:
        async with opens() as journal:
            await journal.append("inputs", [record("0"), record("1")])
            topic, schema = journal._topics.partition("inputs").topic, journal.database.schema
        await makes_anew(kafka, topic)
        with psycopg.connect(postgres.url()) as connection:
            connection.execute(f"UPDATE {schema}.streams SET topic_id = '' WHERE name = 'inputs'")  # type: ignore[arg-type]
        async with opens() as journal:
            assert await journal.append("inputs", [record("2")]) == 1

    asyncio.run(main())


def test_a_topic_made_before_the_first_start_is_taken(opens: Opens, kafka: Server) -> None:
    async def main() -> None:
        async with opens(tenant="beforehand") as journal:
            assert await journal.append("inputs", [record("0")]) == 1

    asyncio.run(make_topic(kafka, "tocsin.beforehand.inputs", config=SETTINGS))
    asyncio.run(main())
