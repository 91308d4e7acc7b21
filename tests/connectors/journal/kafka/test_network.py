"""What the journal does when the network is cut, held up or mended between it and its servers."""

import asyncio
import gc
import random
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from connectors.journal.kafka import KafkaJournal, appender, database, open_kafka_journal
from connectors.journal.kafka.whole import stopped
from connectors.ports.clock import SystemClock
from connectors.ports.journal import Busy, LeaseLost, NewRecord, Unavailable
from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import Postgres
from tests.support.server import Server
from tests.support.servers import free_port
from tests.support.wire import Wire


@pytest.fixture(scope="module")
def to_kafka() -> Iterator[Wire]:
    with Wire(free_port()) as wire:
        yield wire


@pytest.fixture(scope="module")
def own_kafka(to_kafka: Wire) -> Iterator[Server]:
    with kafka_server(wire=to_kafka) as server:
        yield server


@pytest.fixture
def to_postgres(postgres: Postgres) -> Iterator[Wire]:
    with Wire(postgres.port) as wire:
        yield wire


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch, to_kafka: Wire) -> Iterator[None]:
    monkeypatch.setattr(appender, "ACK_S", 2.0)
    monkeypatch.setattr(database, "PATIENCE_S", 1.5)
    yield
    to_kafka.mend()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # clients that were cut off forget connections they were making
        gc.collect()


class Ways:
    """Journals of one tenant: `far` ones reach both servers by the wires, `near` ones directly."""

    def __init__(self, kafka: Server, postgres: Postgres, to_kafka: Wire, to_postgres: Wire) -> None:
        self._url = postgres.fresh_database()
        self._kafka, self._wires = kafka, (to_kafka, to_postgres)
        self._port = postgres.port
        self._tenant = f"t{uuid.uuid4().hex[:12]}"

    def near(self) -> Any:
        return self._opened(self._kafka.address, self._url)

    def far(self) -> Any:
        to_kafka, to_postgres = self._wires
        return self._opened(to_kafka.address, self._url.replace(f":{self._port}/", f":{to_postgres.port}/"))

    @asynccontextmanager
    async def _opened(self, kafka: str, postgres: str) -> AsyncIterator[KafkaJournal]:
        journal = await open_kafka_journal(kafka, postgres, clock=SystemClock(), tenant=self._tenant)
        try:
            yield journal
        finally:
            for wire in self._wires:
                wire.mend()
            await journal.close()


@pytest.fixture
def ways(own_kafka: Server, postgres: Postgres, to_kafka: Wire, to_postgres: Wire) -> Ways:
    return Ways(own_kafka, postgres, to_kafka, to_postgres)


def record(text: str) -> NewRecord:
    return NewRecord("signal", text.encode())


async def healed(journal: KafkaJournal) -> None:
    async with asyncio.timeout(40):
        while journal.fault is not None:
            await asyncio.sleep(0.05)


async def texts(journal: KafkaJournal, stream: str, count: int) -> list[bytes]:
    async with asyncio.timeout(40):
        while not await journal.wait(stream, after=count - 1, timeout_s=1.0):
            pass
    return [entry.payload for entry in await journal.read(stream, after=0, limit=100_000)]


@pytest.mark.parametrize("how", ["stall", "cut"])
def test_records_wait_and_are_taken_again_when_the_way_to_the_broker_is_mended(
    ways: Ways, to_kafka: Wire, how: str
) -> None:
    async def main() -> None:
        async with ways.far() as far:
            assert await far.append("inputs", [record("first")]) == 1
            getattr(to_kafka, how)()
            with pytest.raises(Unavailable, match="does not take records"):
                async with asyncio.timeout(30):
                    await far.append("inputs", [record("lost or not")])
            assert "Kafka at" in (far.fault or "")
            # State goes on, and what was decided is published later.
            async with far.unit() as unit:
                unit.append("decisions", record("decided"))
            to_kafka.mend()
            await healed(far)
            last = await far.append("inputs", [record("last")])
            found = await texts(far, "inputs", last)
            assert found[0] == b"first" and found[-1] == b"last" and found.count(b"lost or not") <= 1
            assert await texts(far, "decisions", 1) == [b"decided"]

    asyncio.run(main())


@pytest.mark.parametrize("how", ["stall", "cut"])
def test_an_owner_that_is_cut_off_is_replaced_and_changes_nothing_when_it_is_back(
    ways: Ways, to_kafka: Wire, to_postgres: Wire, how: str
) -> None:
    async def main() -> None:
        async with ways.far() as far, ways.near() as near:
            old = await far.acquire("triage", owner="far", ttl_s=2)
            assert old is not None
            await near.append("inputs", [record(str(n)) for n in range(10)])
            async with far.unit(lease=old) as unit:
                unit.move("triage", "inputs", old=0, new=1)
                unit.append("decisions", record("1"))
            for wire in (to_kafka, to_postgres):
                getattr(wire, how)()

            async def late() -> None:
                async with far.unit(lease=old) as unit:
                    unit.move("triage", "inputs", old=1, new=2)
                    unit.append("decisions", record("2 by the old one"))

            trying = asyncio.ensure_future(late())
            async with asyncio.timeout(20):
                while (new := await near.acquire("triage", owner="near", ttl_s=60)) is None:
                    await asyncio.sleep(0.1)
            async with near.unit(lease=new) as unit:
                unit.move("triage", "inputs", old=1, new=2)
                unit.append("decisions", record("2 by the new one"))
            assert await texts(near, "decisions", 2) == [b"1", b"2 by the new one"]
            for wire in (to_kafka, to_postgres):
                wire.mend()
            with pytest.raises((LeaseLost, Unavailable)):
                async with asyncio.timeout(30):
                    await trying
            await healed(far)
            with pytest.raises(LeaseLost):
                await late()
            async with near.unit(lease=new) as unit:
                unit.append("decisions", record("3"))
            assert await texts(far, "decisions", 3) == [b"1", b"2 by the new one", b"3"]
            assert await near.position("triage", "inputs") == 2

    asyncio.run(main())


def test_whatever_happens_to_the_wires_what_was_told_is_true(ways: Ways, to_kafka: Wire, to_postgres: Wire) -> None:
    draw = random.Random(7)

    async def main() -> None:
        async with ways.far() as far, ways.near() as near:
            acked: list[bytes] = []
            committed: dict[str, bool] = {}
            done = asyncio.Event()

            async def tell(name: int) -> None:
                n = 0
                while not done.is_set():
                    text = f"{name}-{n}".encode()
                    n += 1
                    try:
                        await far.append("inputs", [NewRecord("signal", text)])
                        acked.append(text)
                    except (Busy, Unavailable):
                        await asyncio.sleep(0.1)

            async def decide(journal: KafkaJournal, name: str) -> None:
                n = 0
                while not done.is_set():
                    key = f"{name}-{n}"
                    n += 1
                    try:
                        async with journal.unit() as unit:
                            unit.create("rows", key, b"")
                            unit.append("decisions", record(key))
                        committed[key] = True
                    except (Busy, Unavailable):
                        committed[key] = False
                        await asyncio.sleep(0.1)
                    await asyncio.sleep(0.005)

            work = [
                *(asyncio.ensure_future(tell(n)) for n in range(4)),
                *(asyncio.ensure_future(decide(far, f"far{n}")) for n in range(4)),
                asyncio.ensure_future(decide(near, "near")),
            ]
            for _ in range(6):
                wire = draw.choice((to_kafka, to_postgres))
                draw.choice((wire.stall, wire.cut))()
                await asyncio.sleep(draw.uniform(0.2, 3.5))
                wire.mend()
                await asyncio.sleep(draw.uniform(0.2, 1.0))
            before = len(acked)
            await healed(far)
            async with asyncio.timeout(30):
                while len(acked) < before + 20:
                    await asyncio.sleep(0.05)
            done.set()
            async with asyncio.timeout(60):
                await asyncio.gather(*work)
            happened = {key for key, was in committed.items() if was}
            assert {key for key, _ in await near.scan("rows")} == happened
            decided = [text.decode() for text in await texts(near, "decisions", len(happened))]
            assert sorted(text for text in decided if text != "{}") == sorted(happened)
            stood = set(await texts(near, "inputs", await near.head("inputs")))
            assert set(acked) <= stood

    asyncio.run(main())


def test_a_reader_whose_fetch_gets_no_answer_is_stopped_all_the_same(own_kafka: Server, to_kafka: Wire) -> None:
    async def story() -> None:
        partition = TopicPartition(f"unanswered-{uuid.uuid4().hex[:8]}", 0)
        admin = AIOKafkaAdminClient(bootstrap_servers=own_kafka.address)
        await admin.start()
        await admin.create_topics([NewTopic(partition.topic, 1, 1)])
        await admin.close()
        # A fetch that failed waits before it tries again; it is that wait which is cancelled.
        reader = AIOKafkaConsumer(bootstrap_servers=to_kafka.address, request_timeout_ms=1000, retry_backoff_ms=60_000)
        await reader.start()
        reader.assign([partition])
        await reader.seek_to_beginning(partition)
        assert await reader.getmany(timeout_ms=100) == {}
        to_kafka.stall()
        assert await reader.getmany(timeout_ms=3000) == {}
        async with asyncio.timeout(10):
            await stopped(reader)
        assert not any(connection.connected() for connection in reader._client._conns.values())

    asyncio.run(story())
