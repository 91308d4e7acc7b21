"""What the journal does when its servers are away: it says so, loses nothing it acknowledged, does nothing twice, and goes on by itself."""

import asyncio
import gc
import os
import secrets
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from connectors.journal.kafka import KafkaJournal, appender, database, open_kafka_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import Busy, JournalError, NewRecord, Unavailable
from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import Postgres, postgres_server
from tests.support.server import Server
from tests.support.servers import free_port

Opens = Callable[..., Any]
HANDS = ThreadPoolExecutor(1)
"""One thread for all: a server ends with the thread that started it."""
CHILD = Path(__file__).parent / "paused_child.py"


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[Server]:
    with kafka_server() as server:
        yield server


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """A producer of aiokafka that is stopped while it connects to a broker that was killed forgets that connection."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def opens(own_kafka: Server, own_postgres: Postgres, opening: Callable[[Server, Postgres], Opens]) -> Opens:
    return opening(own_kafka, own_postgres)


def record(text: str) -> NewRecord:
    return NewRecord("signal", text.encode())


async def by_hand(act: Callable[[], None]) -> None:
    await asyncio.get_running_loop().run_in_executor(HANDS, act)


async def healed(journal: KafkaJournal) -> None:
    async with asyncio.timeout(40):
        while journal.fault is not None:
            await asyncio.sleep(0.05)


async def in_the_end(journal: KafkaJournal, stream: str, records: list[NewRecord]) -> int:
    """Append as a processor does: again, until it is taken."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await journal.append(stream, records)
            except (Busy, Unavailable):
                await asyncio.sleep(0.1)


async def texts(journal: KafkaJournal, stream: str, count: int) -> list[bytes]:
    async with asyncio.timeout(30):
        while not await journal.wait(stream, after=count - 1, timeout_s=1.0):
            pass
    return [entry.payload for entry in await journal.read(stream, after=0, limit=100_000)]


def test_a_broker_or_database_that_is_away_at_the_start_is_named(own_kafka: Server, own_postgres: Postgres) -> None:
    async def main() -> None:
        nobody = f"127.0.0.1:{free_port()}"
        with pytest.raises(Unavailable, match=f"Kafka at '{nobody}' cannot be used.*check that a broker runs there"):
            await open_kafka_journal(nobody, own_postgres.url(), clock=SystemClock(), tenant="away")
        with pytest.raises(Unavailable, match=r"PostgreSQL cannot be used.*check that it runs"):
            await open_kafka_journal(own_kafka.address, f"postgresql://tocsin@{nobody}/x", clock=SystemClock())
        with pytest.raises(ValueError, match="'No such'"):
            await open_kafka_journal(nobody, own_postgres.url(), clock=SystemClock(), tenant="No such")

    asyncio.run(main())


def test_a_broker_that_is_killed_and_comes_back_has_everything_that_was_acknowledged(
    opens: Opens, own_kafka: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appender, "ACK_S", 2.0)

    async def main() -> None:
        async with opens() as journal:
            acked: dict[int, bytes] = {}
            done = asyncio.Event()

            async def write(name: int) -> None:
                n = 0
                while not done.is_set():
                    text = f"{name}-{n}"
                    acked[await in_the_end(journal, "inputs", [record(text)])] = text.encode()
                    n += 1

            async def work() -> None:
                for n in range(30):
                    async with journal.unit() as unit:
                        unit.append("decisions", record(str(n)))
                        unit.put("rows", str(n), b"")

            assert await journal.append("inputs", [record("first")]) == 1
            writers = [asyncio.ensure_future(write(n)) for n in range(8)]
            await asyncio.sleep(0.3)
            await by_hand(own_kafka.control.kill)
            with pytest.raises(Unavailable, match="Kafka at"):
                async with asyncio.timeout(30):
                    while True:
                        await journal.append("inputs", [record("lost or not")])
            assert "does not take records" in (journal.fault or "")
            # State and decisions go on without the broker.
            await work()
            assert len(await journal.scan("rows")) == 30
            assert await journal.relay.depth() == 30
            await by_hand(own_kafka.control.start)
            await healed(journal)
            before = len(acked)
            while len(acked) < before + 50:
                await asyncio.sleep(0.05)
            done.set()
            await asyncio.gather(*writers)
            assert await texts(journal, "decisions", 30) == [str(n).encode() for n in range(30)]
            async with asyncio.timeout(20):
                entries = await journal.read("inputs", after=0, limit=100_000)
            assert [e.offset for e in entries] == list(range(1, len(entries) + 1))
            stored = {e.offset: e.payload for e in entries}
            assert {offset: stored.get(offset) for offset in acked} == acked
            assert journal.fault is None

    asyncio.run(main())


def test_a_topic_that_is_deleted_is_missed_and_not_made_anew(
    opens: Opens, own_kafka: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appender, "ACK_S", 2.0)

    async def main() -> None:
        async with opens() as journal:
            for n in range(5):
                await journal.append("inputs", [record(str(n))])
            assert await journal.head("inputs") == 5
            topic = journal._topics.partition("inputs").topic
            admin = AIOKafkaAdminClient(bootstrap_servers=own_kafka.address)
            await admin.start()
            await admin.delete_topics([topic])
            with pytest.raises(Unavailable):
                async with asyncio.timeout(30):
                    while True:
                        await journal.append("inputs", [record("x")])
            async with asyncio.timeout(30):
                while "is gone from Kafka" not in (journal.fault or ""):
                    await asyncio.sleep(0.05)
            with pytest.raises(Unavailable, match="is gone from Kafka, with what it held"):
                async with opens():
                    pass
            assert topic not in await admin.list_topics()
            await admin.close()
            async with journal.unit() as unit:
                unit.append("decisions", record("goes on"))
            assert await texts(journal, "decisions", 1) == [b"goes on"]

    asyncio.run(main())


def test_a_limit_that_was_lowered_holds_back_what_is_too_large_until_it_is_raised(
    opens: Opens, own_kafka: Server
) -> None:
    async def main() -> None:
        async with opens() as journal:
            admin = AIOKafkaAdminClient(bootstrap_servers=own_kafka.address)
            await admin.start()

            async def limit(stream: str, size: int) -> None:
                name = journal._topics.partition(stream).topic
                # Of what is set, whatever is not named falls back to the broker's default.
                settings = {"max.message.bytes": f"{size}", "retention.ms": "-1", "retention.bytes": "-1"}
                await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, settings)])

            for stream in ("inputs", "decisions"):
                await limit(stream, 2_000)
            large = "".join(secrets.token_hex(16) for _ in range(1_000))
            with pytest.raises(JournalError, match=r"takes no message of 32000 bytes: set its max\.message\.bytes"):
                async with asyncio.timeout(20):
                    while True:  # the broker takes a moment to know
                        await journal.append("inputs", [record(large)])
            assert await in_the_end(journal, "inputs", [record("small")]) > 0
            async with journal.unit() as unit:
                unit.append("decisions", record(large))
            async with asyncio.timeout(20):
                while "takes no message of 32000 bytes" not in (journal.fault or ""):
                    await asyncio.sleep(0.05)
            await limit("decisions", 9 << 20)
            assert await texts(journal, "decisions", 1) == [large.encode()]
            await healed(journal)
            await admin.close()

    asyncio.run(main())


def test_a_unit_says_the_truth_about_its_commit_when_the_database_is_killed(
    opens: Opens, own_postgres: Postgres
) -> None:
    async def main() -> None:
        async with opens() as journal:
            told: dict[str, bool] = {}
            done = asyncio.Event()

            async def work(name: int) -> None:
                n = 0
                while not done.is_set():
                    key = f"{name}-{n}"
                    n += 1
                    try:
                        async with journal.unit() as unit:
                            unit.create("rows", key, b"")
                            unit.append("decisions", record(key))
                    except (Unavailable, Busy):
                        told[key] = False
                        await asyncio.sleep(0.02)
                    else:
                        told[key] = True

            workers = [asyncio.ensure_future(work(n)) for n in range(16)]
            for _ in range(3):
                at = sum(told.values())
                while sum(told.values()) < at + 100:
                    await asyncio.sleep(0.01)
                await by_hand(own_postgres.control.kill)
                while journal.database.fault is None:
                    await asyncio.sleep(0.01)
                await by_hand(own_postgres.control.start)
                await healed(journal)
            done.set()
            await asyncio.gather(*workers)
            committed = {key for key, happened in told.items() if happened}
            assert {key for key, _ in await journal.scan("rows")} == committed
            decided = await texts(journal, "decisions", len(committed))
            assert len(decided) == len(committed)
            assert {text.decode() for text in decided} == committed

    asyncio.run(main())


def test_an_idle_journal_does_not_notice_that_the_database_was_restarted(opens: Opens, own_postgres: Postgres) -> None:
    async def main() -> None:
        async with opens() as journal:
            async with journal.unit() as unit:
                unit.put("rows", "a", b"1")
            await by_hand(own_postgres.control.stop)
            await by_hand(own_postgres.control.start)
            assert await journal.get("rows", "a") == b"1"
            waiting = asyncio.ensure_future(journal.claim("q", owner="w", ttl_s=10))
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"")
            async with asyncio.timeout(10):
                assert await waiting is not None

    asyncio.run(main())


def test_connections_that_are_all_in_use_push_back(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.3)

    @asynccontextmanager
    async def hold(journal: KafkaJournal) -> AsyncIterator[None]:
        async with journal.database.connection(), journal.database.connection():
            yield

    async def main() -> None:
        async with opens(connections=2) as journal:
            async with hold(journal):
                with pytest.raises(Busy, match="all 2 connections"):
                    await journal.get("rows", "a")
            assert await journal.get("rows", "a") is None

    asyncio.run(main())


def test_a_process_that_is_paused_is_replaced_and_does_nothing_when_it_wakes(
    opens: Opens, own_kafka: Server, own_postgres: Postgres
) -> None:
    async def main() -> None:
        async with opens() as journal:
            await journal.append("inputs", [record("to be passed")] * 5_000)
            await journal.relay.close()  # the child is to publish
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                str(CHILD),
                own_kafka.address,
                own_postgres.url(),
                journal.database.schema.removeprefix("tocsin_"),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(CHILD.parents[4])},
            )
            assert child.stdout is not None
            assert (await asyncio.wait_for(child.stdout.readline(), 30)).strip() == b"working"
            while await journal.position("child", "inputs") < 5:
                await asyncio.sleep(0.05)
            child.send_signal(signal.SIGSTOP)
            try:
                async with opens() as other:
                    async with asyncio.timeout(15):
                        while (lease := await other.acquire("child", owner="other", ttl_s=60)) is None:
                            await asyncio.sleep(0.1)
                    at = await other.position("child", "inputs")
                    async with asyncio.timeout(15):
                        async with other.unit(lease=lease) as unit:
                            unit.move("child", "inputs", old=at, new=at + 1)
                            unit.append("decisions", record(f"other {at}"))
                        decided = await texts(other, "decisions", at + 1)
                    child.send_signal(signal.SIGCONT)
                    told = await asyncio.wait_for(child.stdout.readline(), 30)
                    assert told.startswith(b"LeaseLost")
                    async with other.unit(lease=lease) as unit:
                        unit.append("decisions", record("still"))
                    decided = await texts(other, "decisions", at + 2)
                    assert decided == [*(f"child {n}".encode() for n in range(at)), f"other {at}".encode(), b"still"]
                    assert await other.position("child", "inputs") == at + 1
            finally:
                if child.returncode is None:
                    child.kill()
                await child.wait()

    asyncio.run(main())


def test_errors_are_the_ports_own(opens: Opens, own_postgres: Postgres) -> None:
    async def main() -> None:
        async with opens() as journal:
            await by_hand(own_postgres.control.stop)
            calls: list[Callable[[], Any]] = [
                lambda: journal.get("a", "b"),
                lambda: journal.acquire("l", owner="a", ttl_s=1),
                lambda: journal.claim("q", owner="w", ttl_s=1, timeout_s=0),
                lambda: journal.position("c", "inputs"),
                lambda: journal.retain("inputs", before=1),
            ]
            try:
                for call in calls:
                    with pytest.raises(JournalError):
                        await call()
            finally:
                await by_hand(own_postgres.control.start)
            assert await journal.get("a", "b") is None

    asyncio.run(main())
