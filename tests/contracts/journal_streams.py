"""Streams: offsets, times, reading, waiting, and being pushed back."""

import asyncio

from connectors.ports.clock import ManualClock
from connectors.ports.journal import Busy, Journal, NewRecord
from tests.contracts.journal_opening import T0, OpensJournal, record


class StreamContract(OpensJournal):
    def test_offsets_begin_at_one_and_append_returns_the_first_of_its_records(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            assert await journal.head("inputs") == 0
            assert await journal.append("inputs", [record("a"), record("b")]) == 1
            assert await journal.append("inputs", [record("c")]) == 3
            assert await journal.append("decisions", [record("d")]) == 1
            assert await journal.head("inputs") == 3
            assert [e.offset for e in await journal.read("inputs", after=0)] == [1, 2, 3]

        self.run(work)

    def test_an_empty_append_returns_the_next_offset_and_stores_nothing(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            assert await journal.append("inputs", []) == 1
            await journal.append("inputs", [record()])
            assert await journal.append("inputs", []) == 2
            assert await journal.head("inputs") == 1

        self.run(work)

    def test_an_entry_comes_back_as_it_was_given(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            given = [
                NewRecord("signal", b"", ""),
                NewRecord("kind-of-a-newer-writer", bytes(range(256)) * 300, "gr\u00fcp/\u6f22"),
                NewRecord("decision", b'{"a": 1}', "inc_1"),
            ]
            await journal.append("inputs", given)
            entries = await journal.read("inputs", after=0)
            assert [NewRecord(e.kind, e.payload, e.key) for e in entries] == given
            assert [(e.stream, e.offset) for e in entries] == [("inputs", 1), ("inputs", 2), ("inputs", 3)]

        self.run(work)

    def test_read_gives_what_is_above_after_in_order_and_at_most_the_limit(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            await journal.append("inputs", [record(str(n)) for n in range(1, 8)])
            await journal.append("inputs", [record(str(n)) for n in range(8, 11)])
            assert [e.payload for e in await journal.read("inputs", after=5, limit=4)] == [b"6", b"7", b"8", b"9"]
            assert [e.offset for e in await journal.read("inputs", after=9)] == [10]
            assert list(await journal.read("inputs", after=10)) == []
            assert list(await journal.read("inputs", after=99)) == []
            assert list(await journal.read("nothing", after=0)) == []

        self.run(work)

    def test_acceptance_is_journal_time_and_never_decreases_when_the_clock_does(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            await journal.append("inputs", [record()])
            clock.advance(seconds=5)
            await journal.append("inputs", [record()])
            clock._now -= 60_000_000
            await journal.append("inputs", [record()])
            assert [e.accepted_at - T0 for e in await journal.read("inputs", after=0)] == [0, 5_000_000, 5_000_000]
            assert journal.now() >= T0 + 5_000_000

        self.run(work)

    def test_now_follows_the_clock_forwards_and_never_back(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            assert journal.now() == T0
            clock.advance(seconds=2)
            assert journal.now() == T0 + 2_000_000
            clock._now -= 10_000_000
            assert journal.now() == T0 + 2_000_000

        self.run(work)

    def test_between_gives_both_ends_and_the_latest_of_too_many(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            for n in range(10):
                await journal.append("inputs", [record(f"{n}a"), record(f"{n}b")])
                clock.advance(seconds=1)

            async def texts(since: int, until: int, limit: int = 100) -> list[bytes]:
                found = await journal.between("inputs", since=T0 + since, until=T0 + until, limit=limit)
                return [e.payload for e in found]

            assert await texts(2_000_000, 3_000_000) == [b"2a", b"2b", b"3a", b"3b"]
            assert await texts(2_000_001, 2_999_999) == []
            assert await texts(-5, 10**12, limit=3) == [b"8b", b"9a", b"9b"]
            assert await texts(10**9, 10**10) == []
            assert list(await journal.between("nothing", since=0, until=T0 * 2)) == []

        self.run(work)

    def test_wait_returns_at_once_when_there_is_something_and_false_after_the_timeout(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            assert await journal.wait("inputs", after=0, timeout_s=0.01) is False
            assert await journal.wait("inputs", after=0, timeout_s=0) is False
            await journal.append("inputs", [record()])
            assert await journal.wait("inputs", after=0) is True
            assert await journal.wait("inputs", after=1, timeout_s=0.01) is False

        self.run(work)

    def test_wait_wakes_for_its_stream_and_the_entry_is_there_to_be_read(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            waiting = asyncio.ensure_future(journal.wait("decisions", after=0))
            await journal.append("inputs", [record("other")])
            assert not waiting.done()
            await journal.append("decisions", [record("mine")])
            assert await waiting is True
            assert [e.payload for e in await journal.read("decisions", after=0)] == [b"mine"]

        self.run(work)

    def test_many_tasks_append_and_every_offset_is_given_once(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async def write(n: int) -> list[tuple[int, bytes]]:
                return [
                    (await journal.append("inputs", [record(f"{n}-{turn}")]), f"{n}-{turn}".encode())
                    for turn in range(3)
                ]

            acked = [pair for pairs in await asyncio.gather(*(write(n) for n in range(512))) for pair in pairs]
            assert sorted(offset for offset, _ in acked) == list(range(1, 512 * 3 + 1))
            stored = {e.offset: e.payload for e in await journal.read("inputs", after=0, limit=10_000)}
            assert stored == dict(acked)

        self.run(work)

    def test_a_full_queue_says_busy_and_accepts_later(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            results = await asyncio.gather(
                *(journal.append("inputs", [record(str(n))]) for n in range(200)), return_exceptions=True
            )
            refused = [r for r in results if isinstance(r, Busy)]
            taken = [r for r in results if isinstance(r, int)]
            assert refused and taken and len(refused) + len(taken) == 200
            assert all(r.retry_after_s > 0 for r in refused)
            assert await journal.append("inputs", [record("later")]) == len(taken) + 1

        self.run(work, self.open_tight)
