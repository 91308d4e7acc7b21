"""Several processes on one broker and one database: one order, one owner at a time, everything once."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from aiokafka import AIOKafkaProducer
from typing_extensions import override

from connectors.journal.kafka import KafkaJournal
from connectors.journal.kafka.wire import REPEAT, headers_of
from connectors.ports.clock import ManualClock, SystemClock
from connectors.ports.journal import Conflict, Lease, LeaseLost, NewRecord
from tests.support.postgres_server import Postgres

Opens = Callable[..., Any]
T0 = 1_790_000_000_000_000


def decision(text: str, key: str = "") -> NewRecord:
    return NewRecord("decision", text.encode(), key)


async def payloads(journal: KafkaJournal, stream: str) -> list[bytes]:
    return [entry.payload for entry in await journal.read(stream, after=0, limit=100_000)]


async def reaches(journal: KafkaJournal, stream: str, offset: int) -> None:
    async with asyncio.timeout(20):
        await journal.wait(stream, after=offset - 1)


def test_all_processes_see_one_order_and_one_time(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as one, opens() as two:

            async def write(journal: KafkaJournal, name: str) -> None:
                for n in range(50):
                    await journal.append("inputs", [NewRecord("signal", f"{name}{n}".encode())])
                    async with journal.unit() as unit:
                        unit.append("inputs", NewRecord("command", f"{name}c{n}".encode()))
                        unit.append("decisions", decision(f"{name}d{n}"))

            await asyncio.gather(write(one, "a"), write(two, "b"))
            await asyncio.gather(reaches(one, "inputs", 200), reaches(two, "inputs", 200))
            seen = [list(await journal.read("inputs", after=0, limit=1000)) for journal in (one, two)]
            assert seen[0] == seen[1]
            assert [entry.offset for entry in seen[0]] == list(range(1, 201))
            times = [entry.accepted_at for entry in seen[0]]
            assert times == sorted(times)
            for name in ("a", "b"):
                mine = [e.payload for e in seen[0] if e.payload.startswith(name.encode()) and b"c" not in e.payload]
                assert mine == [f"{name}{n}".encode() for n in range(50)]
            await asyncio.gather(reaches(one, "decisions", 100), reaches(two, "decisions", 100))
            assert sorted(await payloads(one, "decisions")) == sorted(
                f"{name}d{n}".encode() for name in "ab" for n in range(50)
            )
            assert await payloads(one, "decisions") == await payloads(two, "decisions")

    asyncio.run(main())


def test_of_two_that_move_a_position_one_does_and_the_other_is_told(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as one, opens() as two:
            await one.append("inputs", [NewRecord("signal", b"x")] * 40)

            async def work(journal: KafkaJournal) -> int:
                done = 0
                while (at := await journal.position("c", "inputs")) < 40:
                    try:
                        async with journal.unit() as unit:
                            unit.move("c", "inputs", old=at, new=at + 1)
                            unit.create("done", str(at), b"")
                            unit.append("decisions", decision(str(at)))
                        done += 1
                    except Conflict:
                        continue
                return done

            assert sum(await asyncio.gather(work(one), work(one), work(two), work(two))) == 40
            await reaches(two, "decisions", 40)
            assert await payloads(two, "decisions") == [str(n).encode() for n in range(40)]

    asyncio.run(main())


def test_a_row_that_two_make_at_once_is_made_by_one(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as one, opens() as two:

            async def make(journal: KafkaJournal, key: str) -> bool:
                try:
                    async with journal.unit() as unit:
                        unit.create("rows", key, b"")
                        unit.append("decisions", decision(key))
                except Conflict:
                    return False
                return True

            for n in range(20):
                made = await asyncio.gather(*(make(journal, f"{n}") for journal in (one, two) for _ in range(3)))
                assert made.count(True) == 1
            assert len(await one.scan("rows")) == 20
            await reaches(one, "decisions", 20)
            assert await one.head("decisions") == 20

    asyncio.run(main())


def test_units_that_lock_the_same_rows_in_opposite_order_both_happen(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as one, opens() as two:

            async def write(journal: KafkaJournal, keys: list[str]) -> None:
                for n in range(30):
                    async with journal.unit() as unit:
                        for key in keys:
                            unit.put("rows", key, str(n).encode())

            keys = [str(n) for n in range(20)]
            await asyncio.gather(write(one, keys), write(two, keys[::-1]))
            assert {value for _, value in await one.scan("rows")} == {b"29"}

    asyncio.run(main())


def test_jobs_are_shared_and_a_claim_in_another_process_is_woken(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as one, opens() as two:
            waiting = asyncio.ensure_future(two.claim("q", owner="two", ttl_s=30))
            await asyncio.sleep(0)
            async with one.unit() as unit:
                unit.enqueue("q", "first", b"")
            async with asyncio.timeout(5):
                first = await waiting
            assert first is not None and first.id == "first"
            async with one.unit() as unit:
                for n in range(30):
                    unit.enqueue("q", f"j{n}", b"")
            jobs = await asyncio.gather(
                *(journal.claim("q", owner="w", ttl_s=30, timeout_s=1) for journal in (one, two) for _ in range(15))
            )
            assert sorted(job.id for job in jobs if job) == sorted(f"j{n}" for n in range(30))

    asyncio.run(main())


def test_a_holder_that_slept_is_refused_after_another_took_over(opens: Opens) -> None:
    async def main() -> None:
        clock = ManualClock(T0)
        async with opens(clock, shared_clock=False) as one, opens(clock, shared_clock=False) as two:
            old = await one.acquire("triage", owner="one", ttl_s=10)
            assert isinstance(old, Lease)
            clock.advance(seconds=11)
            new = await two.acquire("triage", owner="two", ttl_s=10)
            assert isinstance(new, Lease) and new.token > old.token
            with pytest.raises(LeaseLost):
                async with one.unit(lease=old) as unit:
                    unit.move("triage", "inputs", old=0, new=1)
                    unit.append("decisions", decision("by the old one"))
            async with two.unit(lease=new) as unit:
                unit.move("triage", "inputs", old=0, new=1)
                unit.append("decisions", decision("by the new one"))
            assert await payloads(two, "decisions") == [b"by the new one"]

    asyncio.run(main())


def test_the_outbox_goes_on_in_another_process_when_its_owner_is_gone(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as two:
            async with opens() as one:
                for n in range(20):
                    async with one.unit() as unit:
                        unit.append("decisions", decision(f"a{n}"))
                await reaches(one, "decisions", 20)
            for n in range(20):
                async with two.unit() as unit:
                    unit.append("decisions", decision(f"b{n}"))
            await reaches(two, "decisions", 40)
            entries = await two.read("decisions", after=0)
            assert [e.payload for e in entries] == [f"{name}{n}".encode() for name in "ab" for n in range(20)]
            assert {e.kind for e in entries} == {"decision"}
            async with asyncio.timeout(10):
                # It is emptied after the acknowledgement, which the reader does not wait for.
                while await two.relay.depth():
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_what_was_published_before_a_crash_is_not_published_again(opens: Opens, postgres: Postgres) -> None:
    async def main() -> None:
        async with opens() as one:
            schema = one.database.schema
            async with one.unit() as unit:
                for n in range(5):
                    unit.append("decisions", decision(str(n)))
            await reaches(one, "decisions", 5)
        # As if the process had ended between the acknowledgement and the removal from the outbox.
        with psycopg.connect(postgres.url()) as connection:
            for n in range(3, 6):
                connection.execute(
                    f"INSERT INTO {schema}.outbox VALUES ('decisions', %s, 1, 'decision', '', %s)",  # type: ignore[arg-type]
                    (n, str(n - 1).encode()),
                )
        async with opens() as two:
            async with two.unit() as unit:
                unit.append("decisions", decision("5"))
            await reaches(two, "decisions", 6)
            assert await payloads(two, "decisions") == [b"0", b"1", b"2", b"3", b"4", b"5"]
            assert await two.head("decisions") == 6

    asyncio.run(main())


def test_a_repeat_by_an_owner_that_woke_late_keeps_its_place_and_says_nothing(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as journal:
            for n in range(3):
                async with journal.unit() as unit:
                    unit.append("decisions", decision(f"{n}", "inc"))
            await reaches(journal, "decisions", 3)
            topic = journal._topics.partition("decisions").topic
            async with AIOKafkaProducer(bootstrap_servers=str(journal._topics._brokers)) as zombie:
                for n in (2, 3):
                    headers = headers_of("decision", b"1", n)
                    await zombie.send_and_wait(topic, str(n - 1).encode(), b"inc", partition=0, headers=headers)
            async with journal.unit() as unit:
                unit.append("decisions", decision("3", "inc"))
            await reaches(journal, "decisions", 6)
            entries = await journal.read("decisions", after=0)
            assert [e.offset for e in entries] == [1, 2, 3, 4, 5, 6]
            assert [e.kind for e in entries] == ["decision"] * 3 + [REPEAT] * 2 + ["decision"]
            assert [e.payload for e in entries if e.kind == "decision"] == [b"0", b"1", b"2", b"3"]
            assert {e.payload for e in entries if e.kind == REPEAT} == {b"{}"}
            async with opens() as other:
                assert await other.read("decisions", after=0) == entries
                assert await other.streams.cursors.read("decisions", 3, 2) == entries[3:5]

    asyncio.run(main())


def test_processes_that_start_at_once_make_the_tables_and_topics_once(opens: Opens) -> None:
    async def main() -> None:
        async def start() -> None:
            async with opens() as journal:
                await journal.append("inputs", [NewRecord("signal", b"x")])

        await asyncio.gather(*(start() for _ in range(4)))
        async with opens() as journal:
            assert await journal.head("inputs") == 4

    asyncio.run(main())


def test_a_clock_that_is_off_by_a_minute_changes_no_time(opens: Opens) -> None:
    right = SystemClock()

    class Ahead(SystemClock):
        @override
        def now(self) -> int:
            return right.now() + 60_000_000

    async def main() -> None:
        async with opens() as one, opens(Ahead()) as two:
            for journal in (two, one, two, one):
                await journal.append("inputs", [NewRecord("signal", b"x")])
                async with journal.unit() as unit:
                    unit.append("inputs", NewRecord("command", b"y"))
            await reaches(one, "inputs", 8)
            now = right.now()
            assert all(abs(e.accepted_at - now) < 20_000_000 for e in await one.read("inputs", after=0))
            assert abs(one.now() - two.now()) < 2_000_000
            held = await one.acquire("l", owner="one", ttl_s=30)
            assert held is not None
            assert await two.acquire("l", owner="two", ttl_s=30) is None

    asyncio.run(main())
