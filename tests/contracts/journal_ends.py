"""Retention and closing: what goes, and what stays."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.ports.clock import ManualClock
from connectors.ports.journal import Journal, Unavailable
from tests.contracts.journal_opening import T0, OpensJournal, held, record


class EndContract(OpensJournal):
    def test_retain_drops_what_is_old_and_passed_and_nothing_else(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            for n in range(10):
                await journal.append("inputs", [record(str(n))])
                clock.advance(seconds=1)
            for consumer, stands in (("fast", 9), ("slow", 4)):
                async with journal.unit() as unit:
                    unit.move(consumer, "inputs", old=0, new=stands)
            assert await journal.retain("inputs", before=T0 + 2_000_000) == 2
            assert [e.offset for e in await journal.read("inputs", after=0, limit=2)] == [3, 4]
            assert await journal.retain("inputs", before=T0 + 60_000_000) == 2
            assert [e.offset for e in await journal.read("inputs", after=0, limit=1)] == [5]
            assert [e.offset for e in await journal.between("inputs", since=0, until=T0 * 2, limit=100)] == list(
                range(5, 11)
            )
            assert await journal.retain("inputs", before=T0 + 60_000_000) == 0
            assert await journal.retain("nothing", before=T0) == 0

        self.run(work)

    def test_retain_stops_at_a_position_inside_what_was_appended_together(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            await journal.append("decisions", [record(str(n), key="k") for n in range(5)])
            async with journal.unit() as unit:
                unit.move("c", "decisions", old=0, new=3)
            assert await journal.retain("decisions", before=T0 + 1) == 3
            entries = await journal.read("decisions", after=0)
            assert [(e.offset, e.payload, e.accepted_at) for e in entries] == [(4, b"3", T0), (5, b"4", T0)]

        self.run(work)

    def test_offsets_go_on_after_everything_was_dropped(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            await journal.append("inputs", [record(), record()])
            assert await journal.retain("inputs", before=T0 + 1) == 2
            assert await journal.head("inputs") == 2
            assert list(await journal.read("inputs", after=0)) == []
            assert await journal.append("inputs", [record("new")]) == 3
            assert [e.offset for e in await journal.read("inputs", after=0)] == [3]

        self.run(work)

    def test_close_commits_what_is_queued_and_later_calls_are_refused(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            lease = held(await journal.acquire("l", owner="a", ttl_s=10))
            appends = [asyncio.ensure_future(journal.append("inputs", [record()])) for _ in range(100)]
            waiters = [
                asyncio.ensure_future(journal.wait("decisions", after=0)),
                asyncio.ensure_future(journal.claim("q", owner="w", ttl_s=1)),
            ]
            await asyncio.sleep(0)
            await journal.close()
            assert sorted(await asyncio.gather(*appends)) == list(range(1, 101))
            for waiter in waiters:
                with pytest.raises(Unavailable):
                    await waiter

            async def work_on() -> None:
                async with journal.unit() as unit:
                    unit.put("a", "b", b"c")

            later: list[Callable[[], Awaitable[object]]] = [
                lambda: journal.append("inputs", [record()]),
                lambda: journal.append("inputs", []),
                work_on,
                lambda: journal.read("inputs", after=0),
                lambda: journal.between("inputs", since=0, until=1),
                lambda: journal.wait("inputs", after=0),
                lambda: journal.head("inputs"),
                lambda: journal.position("c", "inputs"),
                lambda: journal.get("a", "b"),
                lambda: journal.scan("a"),
                lambda: journal.acquire("l", owner="a", ttl_s=1),
                lambda: journal.renew(lease, ttl_s=1),
                lambda: journal.release(lease),
                lambda: journal.claim("q", owner="w", ttl_s=1, timeout_s=0),
                lambda: journal.pending("q"),
                lambda: journal.retain("inputs", before=1),
                lambda: journal.forget_jobs("q", before=1),
            ]
            for call in later:
                with pytest.raises(Unavailable):
                    await call()
            await journal.close()

        self.run(work)
