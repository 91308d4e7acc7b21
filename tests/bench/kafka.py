"""How fast the journal on Kafka and PostgreSQL is, beside raw aiokafka with the same commit policy in the same run:
`python tests/bench/kafka.py [--json]`. Starts a broker and a database of its own; all share the machine's cores.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from connectors.journal.kafka import KafkaJournal, open_kafka_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import NewRecord
from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import postgres_server
from tocsin.garbage import spare_what_stays

BYTES = 855
"""The size of the messages in the measurements the goals were taken from."""
COUNT = 30_000
BATCH = 500
SENDERS = 512
PAYLOADS = [os.urandom(BYTES // 2).hex().encode()[:BYTES] for _ in range(997)]
PAYLOAD = PAYLOADS[0]
Measure = Callable[[], Awaitable[float]]


class Pair:
    """One journal, and the raw clients beside it on topics of the same settings."""

    def __init__(self, journal: KafkaJournal, bootstrap: str) -> None:
        self.journal, self.bootstrap = journal, bootstrap
        self.keys = [f"group-{n}" for n in range(200)]

    async def raw_topic(self) -> str:
        """A new topic, made as the journal makes them."""
        stream = f"raw{uuid.uuid4().hex[:8]}"
        await self.journal._topics.ensure(stream)
        return self.journal._topics.partition(stream).topic

    async def raw_published(self) -> float:
        """Keyed sends of raw aiokafka with the settings that suit it (128 KiB, linger 2): fire all, then wait for all."""
        topic = await self.raw_topic()
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=128 << 10,
            linger_ms=2,
            compression_type="lz4",
        ) as producer:
            await producer.send_and_wait(topic, PAYLOAD, b"warm")
            started = time.perf_counter()
            futures = [
                await producer.send(topic, PAYLOADS[n % len(PAYLOADS)], self.keys[n % len(self.keys)].encode())
                for n in range(COUNT)
            ]
            await asyncio.gather(*futures)
            return COUNT / (time.perf_counter() - started)

    async def published(self) -> float:
        """The journal's appends of ten records, keyed, by many tasks that each wait for the acknowledgement."""
        stream = f"ours{uuid.uuid4().hex[:8]}"
        records = [NewRecord("signal", PAYLOADS[n], self.keys[n % len(self.keys)]) for n in range(10)]
        await self.journal.append(stream, records)
        return await self._by_many(lambda: self.journal.append(stream, records), 10)

    async def published_singly(self) -> float:
        """The same, one record at a time."""
        stream = f"ours{uuid.uuid4().hex[:8]}"
        record = [NewRecord("signal", PAYLOAD, self.keys[0])]
        await self.journal.append(stream, record)
        return await self._by_many(lambda: self.journal.append(stream, record), 1)

    async def raw_published_singly(self) -> float:
        """Raw aiokafka by as many tasks, each waiting for its own acknowledgement."""
        topic = await self.raw_topic()
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=128 << 10,
            linger_ms=2,
            compression_type="lz4",
        ) as producer:
            await producer.send_and_wait(topic, PAYLOAD, b"warm")
            return await self._by_many(lambda: producer.send_and_wait(topic, PAYLOAD, self.keys[0].encode()), 1)

    async def _by_many(self, act: Callable[[], Awaitable[object]], records: int) -> float:
        turns = max(1, COUNT // records // SENDERS)

        async def send() -> None:
            for _ in range(turns):
                await act()

        started = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(SENDERS)))
        return SENDERS * turns * records / (time.perf_counter() - started)

    async def filled(self, count: int) -> str:
        stream = f"read{uuid.uuid4().hex[:8]}"
        for turn in range(count // 100):
            await self.journal.append(
                stream,
                [NewRecord("signal", PAYLOADS[(turn * 100 + n) % len(PAYLOADS)], self.keys[n]) for n in range(100)],
            )
        return stream

    async def raw_consumed(self, stream: str) -> float:
        """getmany of 500 at a time; nothing is committed to Kafka, as the journal commits nothing there."""
        partition = self.journal._topics.partition(stream)
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False) as consumer:
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            started = time.perf_counter()
            read = 0
            while read < COUNT:
                for messages in (await consumer.getmany(timeout_ms=1_000, max_records=BATCH)).values():
                    read += len(messages)
            return read / (time.perf_counter() - started)

    async def followed(self, stream: str, other: KafkaJournal) -> float:
        """The tail, from a FastStream subscriber to entries in memory, of a process that begins with the stream; connected already,
        as the raw consumer is."""
        tail = await other.streams.tail(stream)
        assert tail is not None
        started, before = time.perf_counter(), tail.reckoning.next
        await other.streams.caught_up(tail, COUNT)
        return (COUNT - before) / (time.perf_counter() - started)

    async def read_back(self, stream: str, other: KafkaJournal) -> float:
        """`read` of 500 at a time of what is not in memory."""
        await other.streams.cursors.read(stream, 0, 1)
        started = time.perf_counter()
        at = 1
        while at < COUNT:
            at = (await other.streams.cursors.read(stream, at, BATCH))[-1].offset
        return COUNT / (time.perf_counter() - started)

    async def raw_committed(self, stream: str) -> float:
        """getmany of 500, a commit to Kafka after each."""
        partition = self.journal._topics.partition(stream)
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, enable_auto_commit=False, group_id=f"g{uuid.uuid4().hex[:8]}"
        ) as consumer:
            consumer.assign([TopicPartition(partition.topic, 0)])
            await consumer.seek_to_beginning(partition)
            started = time.perf_counter()
            read = 0
            while read < COUNT:
                for messages in (await consumer.getmany(timeout_ms=1_000, max_records=BATCH)).values():
                    read += len(messages)
                await consumer.commit()
            return read / (time.perf_counter() - started)

    async def worked_off(self, stream: str) -> float:
        """`read` of 500, the position moved in a unit of work after each: durable in PostgreSQL."""
        started = time.perf_counter()
        at = 0
        while at < COUNT:
            last = (await self.journal.read(stream, after=at, limit=BATCH))[-1].offset
            async with self.journal.unit() as unit:
                unit.move("bench", stream, old=at, new=last)
            at = last
        return COUNT / (time.perf_counter() - started)

    async def units(self, workers: int, seconds: float) -> float:
        """Units/s: each moves a position, writes a row and appends a decision."""
        done = 0
        started = time.perf_counter()

        async def work(name: str) -> None:
            nonlocal done
            at = 0
            while time.perf_counter() - started < seconds:
                async with self.journal.unit() as unit:
                    unit.move(name, "elsewhere", old=at, new=at + 1)
                    unit.put("incidents", f"{name}-{at % 100}", PAYLOAD)
                    unit.append("decisions", NewRecord("decision", PAYLOAD, name))
                at += 1
                done += 1

        await asyncio.gather(*(work(f"{uuid.uuid4().hex}-{n}") for n in range(workers)))
        return done / (time.perf_counter() - started)

    async def seen(self, other: KafkaJournal, turns: int) -> list[float]:
        """Milliseconds from the beginning of a unit in one process until another process has read its decision."""
        took: list[float] = []
        for _ in range(turns):
            at = await other.head("decisions")
            started = time.perf_counter()
            waiting = asyncio.ensure_future(other.wait("decisions", after=at))
            async with self.journal.unit() as unit:
                unit.append("decisions", NewRecord("decision", PAYLOAD, "k"))
            await waiting
            took.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.01)
        return sorted(took)


async def measure(bootstrap: str, postgres: str, rounds: int) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}

    def note(name: str, value: float) -> float:
        values.setdefault(name, []).append(value)
        return value

    async def opened(**settings: object) -> KafkaJournal:
        return await open_kafka_journal(bootstrap, postgres, clock=SystemClock(), tenant="bench", **settings)  # type: ignore[arg-type]

    journal = await opened()
    spare_what_stays()
    pair = Pair(journal, bootstrap)
    await pair.published()
    for _ in range(rounds):
        other = await opened()
        raw = note("kafka: raw keyed publication", await pair.raw_published())
        ours = note("kafka: keyed publication, tens", await pair.published())
        note("kafka: publication: ratio to raw aiokafka", ours / raw)
        raw = note("kafka: raw publication, 512 waiting", await pair.raw_published_singly())
        ours = note("kafka: publication singly, 512 waiting", await pair.published_singly())
        note("kafka: publication singly: ratio to raw aiokafka", ours / raw)
        stream = await pair.filled(COUNT)
        raw = note("kafka: raw consumption", await pair.raw_consumed(stream))
        followed = note("kafka: consumption, the tail", await pair.followed(stream, other))
        note("kafka: consumption: ratio to raw, nothing committed", followed / raw)
        back = note("kafka: consumption, older than memory", await pair.read_back(stream, other))
        note("kafka: consumption, older: ratio to raw, nothing committed", back / raw)
        raw = note("kafka: raw consumption, commit each 500", await pair.raw_committed(stream))
        ours = note("kafka: consumption, position each 500", await pair.worked_off(stream))
        note("kafka: consumption: ratio to raw with a commit each 500", ours / raw)
        note("kafka: units, 1 worker", await pair.units(1, 1.0))
        note("kafka: units, 64 workers", await pair.units(64, 1.0))
        await other.head("decisions")
        took = await pair.seen(other, 60)
        note("kafka: unit to reader in another process: p50 ms", took[30])
        note("kafka: unit to reader in another process: p99 ms", took[-1])
        await other.close()
    await journal.close()
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with (
        kafka_server() as kafka,
        postgres_server() as postgres,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        values = runner.run(measure(kafka.address, postgres.url(), chosen.rounds))
    rows = [
        {
            "name": name,
            "median": statistics.median(found),
            "least": min(found),
            "most": max(found),
            "unit": "ratio" if ": ratio" in name else "ms" if name.endswith(" ms") else "1/s",
        }
        for name, found in values.items()
    ]
    if chosen.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, records of {BYTES} bytes, {chosen.rounds} rounds"
    )
    print(f"{'':60} {'median':>10} {'least':>10} {'most':>10}")
    for row in rows:
        digits = 0 if row["unit"] == "1/s" else 2
        figures = (f"{row[which]:>10,.{digits}f}" for which in ("median", "least", "most"))
        print(f"{row['name']!s:60}", *figures, row["unit"])


if __name__ == "__main__":
    main()
