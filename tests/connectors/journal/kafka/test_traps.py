"""The traps of the Kafka client and of FastStream that were measured or read in their source, each shown not to catch us."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from connectors.journal.kafka import KafkaJournal
from connectors.journal.kafka.tail import Tail
from connectors.journal.kafka.wire import UNREADABLE
from connectors.ports.journal import JournalError, NewRecord
from tests.support.kafka_server import make_topic
from tests.support.server import Server

Opens = Callable[..., Any]


def signal(text: str, key: str = "") -> NewRecord:
    return NewRecord("signal", text.encode(), key)


def topic_of(journal: KafkaJournal, stream: str) -> str:
    return journal._topics.partition(stream).topic


async def groups(kafka: Server) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        return [name for name, *_ in await admin.list_consumer_groups()]
    finally:
        await admin.close()


def test_one_what_was_read_and_not_done_with_is_read_again_after_a_restart(opens: Opens, kafka: Server) -> None:
    """The default acknowledgement commits before the work: at most once. Here nothing is acknowledged to Kafka; the position moves
    with the work."""

    async def main() -> None:
        async with opens() as journal:
            for n in range(10):
                await journal.append("inputs", [signal(str(n))])
            entries = await journal.read("inputs", after=0)
            async with journal.unit() as unit:
                unit.move("triage", "inputs", old=0, new=entries[3].offset)
        async with opens() as journal:
            at = await journal.position("triage", "inputs")
            assert [e.payload for e in await journal.read("inputs", after=at)] == [
                str(n).encode() for n in range(4, 10)
            ]
        assert not [name for name in await groups(kafka) if "tocsin" in name]

    asyncio.run(main())


def test_two_a_batch_that_could_not_be_taken_in_is_fetched_again_and_not_in_a_spin(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastStream swallows what a handler raises: acknowledging it loses the batch, refusing it spins."""
    tries: list[int] = []
    extend = Tail.extend

    def failing(tail: Tail, messages: Any) -> None:
        tries.append(len(messages))
        if len(tries) <= 3:
            raise RuntimeError("a fault of ours")
        extend(tail, messages)

    async def main() -> None:
        async with opens() as journal:
            assert await journal.head("inputs") == 0
            monkeypatch.setattr(Tail, "extend", failing)
            await journal.append("inputs", [signal("kept"), signal("too")])
            async with asyncio.timeout(10):
                await journal.wait("inputs", after=1)
            assert [e.payload for e in await journal.read("inputs", after=0)] == [b"kept", b"too"]
            assert len(tries) == 4

    asyncio.run(main())


def test_three_a_position_covers_its_own_stream_alone(opens: Opens) -> None:
    """`ack()` commits the position of all partitions the consumer has. Ours is a row per consumer and stream."""

    async def main() -> None:
        async with opens() as journal:
            for stream in ("inputs", "decisions"):
                await journal.append(stream, [signal("a"), signal("b")])
                assert len(await journal.read(stream, after=0)) == 2
            async with journal.unit() as unit:
                unit.move("act", "inputs", old=0, new=1)
            assert await journal.position("act", "inputs") == 1
            assert await journal.position("act", "decisions") == 0

    asyncio.run(main())


def test_four_keys_go_with_their_records_and_what_overflows_a_batch_goes_into_the_next(
    opens: Opens, kafka: Server
) -> None:
    """`publish_batch` raises when a batch overflows, and knows one set of headers for all of it."""

    async def main() -> None:
        async with opens() as journal:
            big = "b" * 300_000
            records = [signal(f"{n}{big}", key=f"k{n}") for n in range(7)]
            assert await journal.append("inputs", records) == 1
            assert [e.offset for e in await journal.read("inputs", after=0)] == list(range(1, 8))
            async with AIOKafkaConsumer(bootstrap_servers=kafka.address) as consumer:
                partition = TopicPartition(topic_of(journal, "inputs"), 0)
                consumer.assign([partition])
                await consumer.seek_to_beginning()
                found = [await consumer.getone() for _ in range(7)]
            assert [message.key for message in found] == [f"k{n}".encode() for n in range(7)]
            assert [message.value for message in found] == [record.payload for record in records]
            assert {dict(message.headers)["kind"] for message in found} == {b"signal"}

    asyncio.run(main())


def test_five_a_quiet_stream_is_followed_by_a_subscriber_that_sleeps_ten_milliseconds(opens: Opens) -> None:
    """After an empty fetch the batch subscriber sleeps for its timeout once more: with the default a lone record waits up to 400 ms."""

    async def main() -> None:
        async with opens() as one, opens() as two:
            await one.append("inputs", [signal("first")])
            await two.wait("inputs", after=0)
            for n in range(1, 6):
                waiting = asyncio.ensure_future(two.wait("inputs", after=n))
                await one.append("inputs", [signal("next")])
                async with asyncio.timeout(20):
                    assert await waiting
            following = two.streams._subscriptions._broker.subscribers
            assert [getattr(each, "batch_timeout_ms", None) for each in following] == [10]

    asyncio.run(main())


def test_six_every_in_sync_replica_acknowledges_and_the_producer_is_idempotent(opens: Opens) -> None:
    """Neither is a default."""

    async def main() -> None:
        async with opens() as journal:
            await journal.append("inputs", [signal("x")])
            producer = journal._appender._producer
            assert producer is not None
            assert producer._sender._acks == -1
            assert producer._txn_manager is not None and producer._txn_manager.transactional_id is None
            assert producer._txn_manager.has_pid()

    asyncio.run(main())


def test_seven_nothing_runs_twice_when_a_second_process_joins(opens: Opens) -> None:
    """A rebalance gives a long handler's message to another member too; there is no group here, and long work is a leased job."""

    async def main() -> None:
        async with opens() as one:
            async with one.unit() as unit:
                unit.enqueue("investigate", "inv_1", b"long")
            job = await one.claim("investigate", owner="one", ttl_s=60, timeout_s=0)
            assert job is not None
            async with opens() as two:
                assert await two.claim("investigate", owner="two", ttl_s=60, timeout_s=0.2) is None
                async with one.unit(lease=job.lease) as unit:
                    unit.finish(job)
                assert await two.claim("investigate", owner="two", ttl_s=60, timeout_s=0) is None

    asyncio.run(main())


def test_a_message_that_is_no_record_of_ours_is_shown_and_costs_no_other(opens: Opens, kafka: Server) -> None:
    async def main() -> None:
        async with opens() as journal:
            await journal.append("inputs", [signal("before")])
            async with AIOKafkaProducer(bootstrap_servers=kafka.address) as stranger:
                topic = topic_of(journal, "inputs")
                odd = [("kind", b"\xff\xfe"), ("at", b"1")]
                await stranger.send_and_wait(topic, b"\x00poison", b"\xff", partition=0, headers=odd)
                await stranger.send_and_wait(topic, None, b"k", partition=0)
                await stranger.send_and_wait(topic, b"x", partition=0, headers=[("kind", b"signal"), ("at", b"soon")])
            await journal.append("inputs", [signal("after")])
            async with asyncio.timeout(10):
                await journal.wait("inputs", after=4)
            entries = await journal.read("inputs", after=0)
            assert [(e.offset, e.kind, e.payload) for e in entries] == [
                (1, "signal", b"before"), (2, UNREADABLE, b"\x00poison"), (3, UNREADABLE, b""), (4, UNREADABLE, b"x"),
                (5, "signal", b"after"),
            ]  # fmt: skip
            assert journal.streams.tails["inputs"].unreadable == 3

    asyncio.run(main())


def test_a_record_that_no_topic_takes_is_refused_before_anything_happens(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as journal:
            large = NewRecord("signal", b"x" * (9 << 20))
            with pytest.raises(JournalError, match="8388608 at most"):
                await journal.append("inputs", [large])
            with pytest.raises(JournalError, match="at most"):
                async with journal.unit() as unit:
                    unit.put("rows", "a", b"")
                    unit.append("decisions", large)
            assert await journal.get("rows", "a") is None
            nearly = NewRecord("signal", b"x" * ((8 << 20) - 200))
            assert await journal.append("inputs", [nearly]) == 1
            [entry] = await journal.read("inputs", after=0)
            assert len(entry.payload) == len(nearly.payload)

    asyncio.run(main())


def test_a_topic_that_is_set_up_wrongly_is_refused_saying_what_and_how_to_mend_it(opens: Opens, kafka: Server) -> None:
    async def main() -> None:
        await make_topic(kafka, "tocsin.many.inputs", partitions=3)
        with pytest.raises(JournalError, match=r"'tocsin.many.inputs' has 3 partitions, expected 1"):
            async with opens(tenant="many"):
                pass
        await make_topic(kafka, "tocsin.short.inputs", config={"retention.ms": "60000", "cleanup.policy": "compact"})
        with pytest.raises(JournalError, match=r"retention.ms is '60000', needed '-1'.*kafka-configs.sh") as refusal:
            async with opens(tenant="short"):
                pass
        assert "cleanup.policy is 'compact', needed 'delete'" in str(refusal.value)

    asyncio.run(main())
