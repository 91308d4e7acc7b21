"""Three brokers, of which the one that leads is killed, or a broker that comes back as a leader of another epoch: nothing acknowledged is lost."""

import asyncio
import gc
import uuid
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from connectors.journal.kafka import appender, open_kafka_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import Busy, NewRecord, Unavailable
from tests.support.kafka_server import kafka_cluster
from tests.support.postgres_server import Postgres
from tests.support.server import Server

HANDS = ThreadPoolExecutor(1)
"""One thread for all: a server ends with the thread that started it."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sequence[Server]]:
    made = kafka_cluster(3)
    yield HANDS.submit(made.__enter__).result()
    HANDS.submit(made.__exit__, None, None, None).result()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # clients forget connections they were making to a killed broker
        gc.collect()


async def leader_of(topic: str, cluster: Sequence[Server]) -> Server:
    admin = AIOKafkaAdminClient(bootstrap_servers=[each.address for each in cluster])
    await admin.start()
    try:
        async with asyncio.timeout(30):
            while True:
                [found] = await admin.describe_topics([topic])
                leader = found["partitions"][0]["leader"]
                if leader > 0:
                    return cluster[leader - 1]
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


@pytest.mark.timeout(300)
def test_a_leader_that_is_killed_costs_nothing_that_was_acknowledged(
    cluster: Sequence[Server], postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appender, "ACK_S", 5.0)

    async def main() -> None:
        bootstrap = ",".join(each.address for each in cluster)
        tenant = f"t{uuid.uuid4().hex[:12]}"
        journal = await open_kafka_journal(bootstrap, postgres.url(), clock=SystemClock(), tenant=tenant, replicas=3)
        acked: dict[int, bytes] = {}
        decided: list[bytes] = []
        done = asyncio.Event()

        async def write(name: int) -> None:
            n = 0
            while not done.is_set():
                text = f"{name}-{n}".encode()
                n += 1
                try:
                    acked[await journal.append("inputs", [NewRecord("signal", text)])] = text
                except (Busy, Unavailable):
                    await asyncio.sleep(0.1)

        async def decide() -> None:
            while not done.is_set():
                text = b"%d" % len(decided)
                async with journal.unit() as unit:
                    unit.append("decisions", NewRecord("decision", text))
                decided.append(text)
                await asyncio.sleep(0.01)

        async def more(by: int) -> None:
            before = len(acked), len(decided)
            async with asyncio.timeout(90):
                while len(acked) < before[0] + by or len(decided) < before[1] + by // 10:
                    await asyncio.sleep(0.05)

        work = [*(asyncio.ensure_future(write(n)) for n in range(4)), asyncio.ensure_future(decide())]
        loop = asyncio.get_running_loop()
        try:
            await more(100)
            for stream in ("inputs", "decisions"):
                leader = await leader_of(journal._topics.partition(stream).topic, cluster)
                await loop.run_in_executor(HANDS, leader.control.kill)
                # Two of three are enough; with the next one gone they would not be.
                await more(100)
                await loop.run_in_executor(HANDS, leader.control.start)
                await more(50)
            done.set()
            async with asyncio.timeout(60):
                await asyncio.gather(*work)
            end = await journal.head("inputs")
            entries = await journal.read("inputs", after=0, limit=end)
            assert [each.offset for each in entries] == list(range(1, end + 1))
            stood = {each.offset: each.payload for each in entries}
            assert {offset: stood.get(offset) for offset in acked} == acked
            async with asyncio.timeout(60):
                while not await journal.wait("decisions", after=len(decided) - 1, timeout_s=1.0):
                    pass
            said = await journal.read("decisions", after=0, limit=100_000)
            assert [each.payload for each in said if each.kind == "decision"] == decided
            assert journal.fault is None
        finally:
            done.set()
            await asyncio.gather(*work, return_exceptions=True)
            await journal.close()

    asyncio.run(main())
