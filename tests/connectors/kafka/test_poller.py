"""Reading a real Kafka: the position follows what was made durable, whatever fails in between."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from connectors.journal.sqlite import open_journal
from connectors.kafka import poller
from connectors.kafka.poller import KafkaPoller
from connectors.kafka.settings import KafkaSettings
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, Unavailable
from connectors.ports.source import Received
from processors.ingest import Ingest, Redactor
from schemas import Decision, Signal
from tests.support.kafka_server import fresh_topic, kafka_server, make_topic
from tests.support.server import Server

WITHIN_S = 30.0
Sent = tuple[bytes, bytes | None, Sequence[tuple[str, bytes]]]


def settings(kafka: Server, *topics: str, **more: Any) -> KafkaSettings:
    group = more.pop("group", f"g-{topics[0]}")
    return KafkaSettings.model_validate({"brokers": [kafka.address], "topics": topics, "group": group, **more})


async def send(kafka: Server, topic: str, *values: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.address, acks="all", enable_idempotence=True) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, headers=list(headers))


def titled(*titles: str) -> list[bytes]:
    return [b'{"title": "%b"}' % title.encode() for title in titles]


async def committed(kafka: Server, chosen: KafkaSettings, partitions: int = 1) -> int:
    """How many messages lie before the group's position."""
    async with AIOKafkaConsumer(
        group_id=chosen.group, bootstrap_servers=kafka.address, enable_auto_commit=False
    ) as asking:
        places = [TopicPartition(topic, number) for topic in chosen.topics for number in range(partitions)]
        return sum([await asking.committed(place) or 0 for place in places])


class Durable:
    """Where admitted things go in these tests; `refuse` is raised so many times before anything is taken."""

    def __init__(self, refusals: Iterable[Exception] = ()) -> None:
        self.received: list[Received] = []
        self.attempts = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self._refusals = list(refusals)
        self._more = asyncio.Condition()

    async def admit(self, received: Received, *, received_at: int, content: bytes) -> None:
        self.attempts += 1
        self.asked.set()
        await self.gate.wait()
        if self._refusals:
            raise self._refusals.pop(0)
        async with self._more:
            self.received.append(received)
            self._more.notify_all()

    @property
    def signals(self) -> list[Signal]:
        return [signal for received in self.received for signal in received.signals]

    @property
    def titles(self) -> list[str]:
        return [signal.title for signal in self.signals]

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S), self._more:
            await self._more.wait_for(enough)


@asynccontextmanager
async def reading(chosen: KafkaSettings, durable: Durable) -> AsyncIterator[None]:
    task = asyncio.create_task(KafkaPoller(chosen, "default").run(durable.admit))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def eventually(look: Callable[[], Any], wanted: object) -> None:
    async with asyncio.timeout(WITHIN_S):
        while (found := await look()) != wanted:
            await asyncio.sleep(0.02)
    assert found == wanted


def test_the_position_moves_only_after_everything_before_it_is_durable(kafka: Server) -> None:
    chosen = settings(kafka, fresh_topic(kafka, prefix="in"))

    async def story() -> None:
        durable = Durable()
        durable.gate.clear()
        async with reading(chosen, durable):
            await send(kafka, chosen.topics[0], *titled("a", "b"))
            await asyncio.wait_for(durable.asked.wait(), WITHIN_S)
            assert await committed(kafka, chosen) == 0
            durable.gate.set()
            await durable.until(lambda: durable.titles == ["a", "b"])
            await eventually(lambda: committed(kafka, chosen), 2)
        again = Durable()
        async with reading(chosen, again):
            await send(kafka, chosen.topics[0], *titled("c"))
            await again.until(lambda: bool(again.titles))
        assert again.titles == ["c"]

    asyncio.run(story())


def test_what_was_durable_when_the_process_ended_before_the_position_moved_is_read_again_as_the_same_signals(
    kafka: Server,
) -> None:
    chosen = settings(kafka, fresh_topic(kafka, prefix="in"))

    async def story() -> None:
        await send(kafka, chosen.topics[0], *titled("a", "b"))
        first, second = Durable(), Durable()

        async def admit_and_end(received: Received, *, received_at: int, content: bytes) -> None:
            await first.admit(received, received_at=received_at, content=content)
            await asyncio.Event().wait()

        task = asyncio.create_task(KafkaPoller(chosen, "default").run(admit_and_end))
        await first.until(lambda: bool(first.titles))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert await committed(kafka, chosen) == 0
        async with reading(chosen, second):
            await second.until(lambda: len(second.titles) >= 2)
        assert {signal.id for signal in first.signals} <= {signal.id for signal in second.signals}
        assert len({signal.id for signal in second.signals}) == 2

    asyncio.run(story())


def test_refusals_and_errors_lose_nothing_skip_nothing_and_do_not_spin(kafka: Server) -> None:
    chosen = settings(kafka, fresh_topic(kafka, prefix="in"), max_records=1)

    async def story() -> None:
        durable = Durable([Unavailable("no space", 0.3), RuntimeError("a fault of ours"), Unavailable("no space", 0.3)])
        async with reading(chosen, durable):
            await send(kafka, chosen.topics[0], *titled("a", "b", "c"))
            await durable.until(lambda: len(durable.titles) == 3)
            await eventually(lambda: committed(kafka, chosen), 3)
        assert durable.titles == ["a", "b", "c"]
        assert durable.attempts == 6

    asyncio.run(story())


def test_every_position_names_what_was_admitted_and_no_more_over_all_partitions(kafka: Server) -> None:
    chosen = settings(kafka, fresh_topic(kafka, partitions=3, prefix="in"), max_records=4)

    async def story() -> None:
        await send(kafka, chosen.topics[0], *titled(*map(str, range(40))))
        durable = Durable()
        behind: list[tuple[int, int]] = []

        async def admit(received: Received, *, received_at: int, content: bytes) -> None:
            behind.append((await committed(kafka, chosen, 3), len(durable.titles)))
            await durable.admit(received, received_at=received_at, content=content)

        task = asyncio.create_task(KafkaPoller(chosen, "default").run(admit))
        await durable.until(lambda: len(durable.titles) == 40)
        await eventually(lambda: committed(kafka, chosen, 3), 40)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert len(behind) >= 10
        assert [position for position, _ in behind] == [admitted for _, admitted in behind]

    asyncio.run(story())


def test_poison_and_headers_made_to_confuse_hold_up_nothing_and_nobody_is_answered(kafka: Server) -> None:
    topic, bait = fresh_topic(kafka, prefix="in"), fresh_topic(kafka, prefix="bait")
    chosen = settings(kafka, topic)

    async def story() -> None:
        durable = Durable()
        async with reading(chosen, durable):
            await send(kafka, topic, *titled("before"))
            await send(kafka, topic, b"\xff\xfe no JSON")
            await send(kafka, topic, *titled("odd header"), headers=[("x", b"\xff\xfe\x00")])
            await send(kafka, topic, *titled("asks for an answer"), headers=[("reply_to", bait.encode())])
            await send(kafka, topic, *titled("after"))
            await durable.until(lambda: len(durable.titles) == 4)
            await eventually(lambda: committed(kafka, chosen), 5)
        assert durable.titles == ["before", "odd header", "asks for an answer", "after"]
        [poison] = [poison for received in durable.received for poison in received.poison]
        assert poison.content == b"\xff\xfe no JSON"
        assert poison.reason.startswith(f"{topic}/0/1: ")
        async with AIOKafkaConsumer(bootstrap_servers=kafka.address) as asking:
            assert await asking.end_offsets([TopicPartition(bait, 0)]) == {TopicPartition(bait, 0): 0}

    asyncio.run(story())


def test_two_members_share_the_partitions_and_one_takes_over_from_the_other(kafka: Server) -> None:
    chosen = settings(kafka, fresh_topic(kafka, partitions=4, prefix="in"))

    async def story() -> None:
        staying, leaving = Durable(), Durable()
        async with reading(chosen, staying):
            async with reading(chosen, leaving):
                sent = 0
                async with asyncio.timeout(WITHIN_S):
                    while not (staying.titles and leaving.titles):
                        await send(kafka, chosen.topics[0], *titled(*(f"m{sent + n}" for n in range(8))))
                        sent += 8
            await send(kafka, chosen.topics[0], *titled(*(f"m{sent + n}" for n in range(8))))
            wanted = {f"m{n}" for n in range(sent + 8)}
            await staying.until(lambda: {*staying.titles, *leaving.titles} >= wanted)
        signals = [*staying.signals, *leaving.signals]
        assert len({signal.id for signal in signals}) == len(wanted)

    asyncio.run(story())


def test_latest_begins_at_the_end_of_the_first_start_and_skips_nothing_after_it(kafka: Server) -> None:
    chosen = settings(kafka, fresh_topic(kafka, partitions=2, prefix="in"), start="latest")

    async def story() -> None:
        await send(kafka, chosen.topics[0], *titled("old", "older", "oldest"))
        stopped, going_on = Durable(), Durable()
        async with reading(chosen, stopped):
            await eventually(lambda: committed(kafka, chosen, 2), 3)
        await send(kafka, chosen.topics[0], *titled("between"))
        async with reading(chosen, going_on):
            await going_on.until(lambda: bool(going_on.titles))
        assert (stopped.titles, going_on.titles) == ([], ["between"])

    asyncio.run(story())


def test_a_topic_that_is_not_there_is_named_once_and_read_when_it_is_made(
    kafka: Server, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(kafka, "not-made-yet")

    async def story() -> None:
        durable = Durable()
        async with reading(chosen, durable):
            async with asyncio.timeout(WITHIN_S):
                while not told(caplog):
                    await asyncio.sleep(0.02)
            await make_topic(kafka, "not-made-yet")
            await send(kafka, "not-made-yet", *titled("there"))
            await durable.until(lambda: durable.titles == ["there"])

    asyncio.run(story())
    [said] = told(caplog)
    assert "has no topic 'not-made-yet'; make it, or correct the name" in said


def test_a_broker_that_is_away_at_the_start_or_goes_away_is_told_and_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "WATCH_S", 0.2)
    with kafka_server() as own:
        chosen = settings(own, fresh_topic(own, prefix="in"))
        own.control.kill()

        async def story() -> None:
            durable = Durable()
            async with reading(chosen, durable):
                async with asyncio.timeout(WITHIN_S):
                    while not told(caplog):
                        await asyncio.sleep(0.02)
                await asyncio.to_thread(own.control.start)
                await send(own, chosen.topics[0], *titled("after the start"))
                await durable.until(lambda: durable.titles == ["after the start"])
                await eventually(lambda: committed(own, chosen), 1)
                own.control.kill()
                async with asyncio.timeout(WITHIN_S):
                    while len(told(caplog)) < 2:
                        await asyncio.sleep(0.02)
                await asyncio.to_thread(own.control.start)
                await send(own, chosen.topics[0], *titled("after the loss"))
                await durable.until(lambda: durable.titles == ["after the start", "after the loss"])

        asyncio.run(story())
        assert all(f"no answer from Kafka at {own.address}" in said for said in told(caplog))


def test_what_is_read_stands_in_a_real_journal_before_the_position_moves(kafka: Server, tmp_path: Path) -> None:
    chosen = settings(kafka, fresh_topic(kafka, prefix="in"))
    clock = SystemClock()

    async def story() -> None:
        journal = open_journal(tmp_path / "journal.db", clock=clock)
        ingest = Ingest(journal, redactor=Redactor(b"k" * 32), clock=clock)
        reads = KafkaPoller(chosen, "default")
        await send(kafka, chosen.topics[0], b'{"title": "a", "password": "hunter2hunter2"}', b"no JSON", *titled("b"))
        task = asyncio.create_task(reads.run(partial(ingest.admit, reads)))
        await eventually(lambda: committed(kafka, chosen), 3)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        entries = await journal.read(INPUTS, after=0, limit=10)
        signals = [Signal.from_json(entry.payload) for entry in entries]
        assert [signal.title for signal in signals] == ["a", "b"]
        assert all(signal.trace for signal in signals)
        assert b"hunter2hunter2" not in entries[0].payload
        [quarantined] = await journal.read(DECISIONS, after=0, limit=10)
        decision = Decision.from_json(quarantined.payload)
        assert decision.kind == "signal.quarantined"
        assert f"{chosen.topics[0]}/0/1: the body is not JSON" in decision.because
        await journal.close()

    asyncio.run(story())


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the poller said about being unable to read."""
    records = [record for record in caplog.records if record.name == "connectors.kafka.poller"]
    return [getattr(record, "error", "") for record in records if record.levelno == logging.ERROR]


@pytest.mark.parametrize(("member", "kept"), [("reader-1", True), ("", False)])
def test_a_member_with_a_name_of_its_own_keeps_its_partitions_over_a_restart(
    kafka: Server, member: str, kept: bool
) -> None:
    chosen = settings(kafka, fresh_topic(kafka, prefix="in"), member=member)

    async def members() -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
        await admin.start()
        try:
            [answer] = await admin.describe_consumer_groups([chosen.group])
            return [found[0] for found in answer.groups[0][5]]
        finally:
            await admin.close()

    async def story() -> tuple[list[str], list[str]]:
        durable = Durable()
        async with reading(chosen, durable):
            await send(kafka, chosen.topics[0], *titled("one"))
            await durable.until(lambda: durable.titles == ["one"])
            before = await members()
        stopped = await members()
        async with reading(chosen, durable):
            await send(kafka, chosen.topics[0], *titled("two"))
            await durable.until(lambda: "two" in durable.titles)
        return before, stopped

    before, stopped = asyncio.run(story())
    assert len(before) == 1 and (stopped == before) is kept
