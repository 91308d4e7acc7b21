"""What every adapter of the Journal port must hold, whatever it stands on: subclass, and say how to open one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import pytest

from connectors.ports.clock import ManualClock
from connectors.ports.journal import Busy, Conflict, Job, Journal, Lease, LeaseLost, NewRecord, Unavailable, Unit

T0 = 1_790_000_000_000_000
T = TypeVar("T")
PATIENCE_S = 20


def record(text: str = "x", *, kind: str = "signal", key: str = "") -> NewRecord:
    return NewRecord(kind, text.encode(), key)


class JournalContract:
    """`open` gives a fresh, empty journal over `clock`; `poke` lets its waiters look at a clock that was moved."""

    def open(self, clock: ManualClock) -> AbstractAsyncContextManager[Journal]:
        raise NotImplementedError

    def open_tight(self, clock: ManualClock) -> AbstractAsyncContextManager[Journal]:
        """As `open`, with room for very few waiting appends."""
        raise NotImplementedError

    def poke(self, journal: Journal) -> None:
        raise NotImplementedError

    def run(
        self,
        work: Callable[[Journal, ManualClock], Awaitable[T]],
        opened: Callable[[ManualClock], AbstractAsyncContextManager[Journal]] | None = None,
    ) -> T:
        async def main() -> T:
            clock = ManualClock(T0)
            async with asyncio.timeout(PATIENCE_S), (opened or self.open)(clock) as journal:
                return await work(journal, clock)

        return asyncio.run(main())

    # Streams

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

    # Units of work

    def test_a_unit_does_everything_together(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            await journal.append("inputs", [record(), record()])
            async with journal.unit() as unit:
                unit.append("decisions", record("d1"))
                unit.append("decisions", record("d2"))
                unit.put("state", "a", b"1")
                unit.move("triage", "inputs", old=0, new=2)
                unit.enqueue("work", "j1", b"job")
                assert await journal.head("decisions") == 0
                assert await journal.get("state", "a") is None
            assert [e.payload for e in await journal.read("decisions", after=0)] == [b"d1", b"d2"]
            assert await journal.get("state", "a") == b"1"
            assert await journal.position("triage", "inputs") == 2
            assert await journal.pending("work") == 1

        self.run(work)

    def test_leaving_a_unit_by_an_exception_discards_everything(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            with pytest.raises(RuntimeError, match="changed my mind"):
                async with journal.unit() as unit:
                    fill(unit)
                    raise RuntimeError("changed my mind")
            await nothing_happened(journal)

        self.run(work)

    def test_a_unit_that_asks_for_nothing_is_no_error(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit():
                pass
            assert await journal.head("inputs") == 0

        self.run(work)

    @pytest.mark.parametrize("stale", ["create", "replace", "replace-missing", "move", "move-twice"])
    def test_a_conflict_fails_the_whole_unit_and_changes_nothing(self, stale: str) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.put("rows", "there", b"old")
                unit.move("other", "inputs", old=0, new=7)
            with pytest.raises(Conflict):
                async with journal.unit() as unit:
                    fill(unit)
                    match stale:
                        case "create":
                            unit.create("rows", "there", b"new")
                        case "replace":
                            unit.replace("rows", "there", b"wrong", b"new")
                        case "replace-missing":
                            unit.replace("rows", "absent", b"", b"new")
                        case "move":
                            unit.move("other", "inputs", old=6, new=8)
                        case _:
                            unit.move("other", "inputs", old=7, new=8)
                            unit.move("other", "inputs", old=7, new=9)
            await nothing_happened(journal)
            assert await journal.get("rows", "there") == b"old"
            assert await journal.position("other", "inputs") == 7

        self.run(work)

    def test_a_failing_unit_leaves_those_committed_beside_it_alone(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async def attempt(n: int) -> bool:
                try:
                    async with journal.unit() as unit:
                        unit.create("rows", "one", str(n).encode())
                        unit.append("decisions", record(str(n)))
                    return True
                except Conflict:
                    return False

            outcomes, offsets = await asyncio.gather(
                asyncio.gather(*(attempt(n) for n in range(50))),
                asyncio.gather(*(journal.append("inputs", [record()]) for _ in range(50))),
            )
            assert outcomes.count(True) == 1
            assert sorted(offsets) == list(range(1, 51))
            winner = str(outcomes.index(True)).encode()
            assert await journal.get("rows", "one") == winner
            assert [e.payload for e in await journal.read("decisions", after=0)] == [winner]

        self.run(work)

    def test_changes_of_one_row_in_one_unit_happen_in_their_order(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.create("rows", "a", b"1")
                unit.replace("rows", "a", b"1", b"2")
                unit.put("rows", "b", b"1")
                unit.delete("rows", "b")
                unit.create("rows", "b", b"3")
                unit.move("me", "inputs", old=0, new=1)
                unit.move("me", "inputs", old=1, new=2)
                unit.put("rows", "c", b"1")
                unit.delete("rows", "c")
            assert list(await journal.scan("rows")) == [("a", b"2"), ("b", b"3")]
            assert await journal.position("me", "inputs") == 2

        self.run(work)

    def test_deleting_a_row_that_is_not_there_is_no_error(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.delete("rows", "absent")
            assert await journal.get("rows", "absent") is None

        self.run(work)

    def test_scan_gives_the_rows_of_one_space_under_a_prefix_in_order_of_their_keys(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                for key in ("b", "a/2", "a/10", "a%", "A", "\u00e4", "a"):
                    unit.put("rows", key, key.encode())
                unit.put("other", "a/3", b"")
            assert [key for key, _ in await journal.scan("rows", "a")] == ["a", "a%", "a/10", "a/2"]
            assert [key for key, _ in await journal.scan("rows", "a/")] == ["a/10", "a/2"]
            assert [key for key, _ in await journal.scan("rows")] == ["A", "a", "a%", "a/10", "a/2", "b", "\u00e4"]
            assert list(await journal.scan("nothing")) == []

        self.run(work)

    def test_a_record_that_cannot_be_stored_fails_alone(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            results = await asyncio.gather(
                journal.append("inputs", [record("good")]),
                journal.append("inputs", [NewRecord("signal", b"bad", "\ud800")]),
                journal.append("inputs", [record("also good")]),
                return_exceptions=True,
            )
            assert isinstance(results[1], UnicodeError)
            assert sorted(r for r in results if isinstance(r, int)) == [1, 2]
            assert len(await journal.read("inputs", after=0)) == 2

        self.run(work)

    # Leases

    def test_a_lease_has_one_holder_who_may_take_it_again(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            first = held(await journal.acquire("triage", owner="a", ttl_s=10))
            assert (first.name, first.owner, first.expires_at) == ("triage", "a", T0 + 10_000_000)
            assert await journal.acquire("triage", owner="b", ttl_s=10) is None
            clock.advance(seconds=3)
            again = held(await journal.acquire("triage", owner="a", ttl_s=10))
            assert again.token == first.token
            assert again.expires_at == T0 + 13_000_000
            assert await journal.acquire("record", owner="b", ttl_s=10) is not None

        self.run(work)

    def test_an_expired_lease_passes_on_with_a_higher_token_and_the_old_holder_is_told(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            old = held(await journal.acquire("triage", owner="a", ttl_s=10))
            clock.advance(seconds=11)
            new = held(await journal.acquire("triage", owner="b", ttl_s=10))
            assert new.token > old.token
            with pytest.raises(LeaseLost):
                await journal.renew(old, ttl_s=10)
            with pytest.raises(LeaseLost):
                async with journal.unit(lease=old) as unit:
                    fill(unit)
            await nothing_happened(journal)
            await journal.release(old)
            async with journal.unit(lease=new) as unit:
                unit.put("state", "a", b"mine")
            assert await journal.get("state", "a") == b"mine"

        self.run(work)

    def test_a_renewed_lease_lasts_longer_under_the_same_token(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            first = held(await journal.acquire("triage", owner="a", ttl_s=10))
            clock.advance(seconds=8)
            renewed = await journal.renew(first, ttl_s=10)
            assert (renewed.token, renewed.expires_at) == (first.token, T0 + 18_000_000)
            clock.advance(seconds=8)
            assert await journal.acquire("triage", owner="b", ttl_s=10) is None
            async with journal.unit(lease=first) as unit:
                unit.put("state", "a", b"1")

        self.run(work)

    def test_a_released_lease_is_free_at_once_and_its_unit_is_refused(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            first = held(await journal.acquire("triage", owner="a", ttl_s=10))
            await journal.release(first)
            with pytest.raises(LeaseLost):
                async with journal.unit(lease=first) as unit:
                    fill(unit)
            await nothing_happened(journal)
            second = held(await journal.acquire("triage", owner="b", ttl_s=10))
            assert second.token > first.token
            await journal.release(first)
            assert await journal.acquire("triage", owner="c", ttl_s=10) is None

        self.run(work)

    # Jobs

    def test_jobs_come_by_priority_then_due_time_and_count_their_attempts(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.enqueue("q", "late", b"1", due=T0 - 1)
                unit.enqueue("q", "early", b"2", due=T0 - 2)
                unit.enqueue("q", "urgent", b"3", priority=5)
                unit.enqueue("q", "future", b"4", due=T0 + 60_000_000, priority=9)
                unit.enqueue("elsewhere", "x", b"5")
            assert await journal.pending("q") == 4
            jobs = [claimed(await journal.claim("q", owner="w", ttl_s=30, timeout_s=0)) for _ in range(3)]
            assert [(j.id, j.payload, j.priority, j.attempt) for j in jobs] == [
                ("urgent", b"3", 5, 1), ("early", b"2", 0, 1), ("late", b"1", 0, 1),
            ]  # fmt: skip
            assert {(j.queue, j.lease.owner, j.lease.expires_at) for j in jobs} == {("q", "w", T0 + 30_000_000)}
            assert await journal.claim("q", owner="w", ttl_s=30, timeout_s=0) is None
            assert await journal.pending("q") == 4

        self.run(work)

    def test_a_finished_job_is_never_enqueued_again(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"first")
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"second", priority=3)
            job = claimed(await journal.claim("q", owner="w", ttl_s=30, timeout_s=0))
            assert (job.payload, job.priority) == (b"first", 0)
            async with journal.unit(lease=job.lease) as unit:
                unit.finish(job)
            assert await journal.pending("q") == 0
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"third")
            assert await journal.pending("q") == 0
            assert await journal.claim("q", owner="w", ttl_s=30, timeout_s=0) is None

        self.run(work)

    def test_a_rescheduled_job_comes_again_when_due_with_its_new_payload(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"one")
            job = claimed(await journal.claim("q", owner="w", ttl_s=30, timeout_s=0))
            async with journal.unit() as unit:
                unit.reschedule(job, due=T0 + 5_000_000, payload=b"two")
            assert await journal.claim("q", owner="w", ttl_s=30, timeout_s=0) is None
            waiting = asyncio.ensure_future(journal.claim("q", owner="w", ttl_s=30))
            await journal.append("inputs", [record()])
            assert not waiting.done()
            clock.advance(seconds=5)
            self.poke(journal)
            again = claimed(await waiting)
            assert (again.payload, again.attempt, again.due) == (b"two", 2, T0 + 5_000_000)
            assert again.lease.token > job.lease.token
            async with journal.unit() as unit:
                unit.reschedule(again, due=0)
            assert claimed(await journal.claim("q", owner="w", ttl_s=30, timeout_s=0)).payload == b"two"

        self.run(work)

    def test_a_job_whose_holder_is_late_goes_to_another_and_the_first_can_do_nothing_more(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"")
            first = claimed(await journal.claim("q", owner="a", ttl_s=10, timeout_s=0))
            assert await journal.claim("q", owner="b", ttl_s=10, timeout_s=0) is None
            clock.advance(seconds=11)
            second = claimed(await journal.claim("q", owner="b", ttl_s=10, timeout_s=0))
            assert (second.id, second.attempt) == ("j", 2)
            assert second.lease.token > first.lease.token
            with pytest.raises(LeaseLost):
                await journal.renew_job(first, ttl_s=10)
            for act in ("finish", "reschedule", "write"):
                with pytest.raises(LeaseLost):
                    async with journal.unit(lease=first.lease if act == "write" else None) as unit:
                        fill(unit)
                        if act == "finish":
                            unit.finish(first)
                        elif act == "reschedule":
                            unit.reschedule(first, due=0)
            await nothing_happened(journal)
            async with journal.unit(lease=second.lease) as unit:
                unit.finish(second)
            assert await journal.pending("q") == 0

        self.run(work)

    def test_a_renewed_job_stays_with_its_holder(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"")
            job = claimed(await journal.claim("q", owner="a", ttl_s=10, timeout_s=0))
            clock.advance(seconds=8)
            renewed = await journal.renew_job(job, ttl_s=10)
            assert (renewed.lease.token, renewed.lease.expires_at) == (job.lease.token, T0 + 18_000_000)
            clock.advance(seconds=8)
            assert await journal.claim("q", owner="b", ttl_s=10, timeout_s=0) is None
            async with journal.unit(lease=job.lease) as unit:
                unit.finish(job)
            with pytest.raises(LeaseLost):
                await journal.renew_job(renewed, ttl_s=10)

        self.run(work)

    def test_claims_wait_for_a_job_and_each_job_goes_to_one(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            assert await journal.claim("q", owner="w", ttl_s=30, timeout_s=0.01) is None
            waiting = [asyncio.ensure_future(journal.claim("q", owner=f"w{n}", ttl_s=30)) for n in range(10)]
            await journal.append("inputs", [record()])
            async with journal.unit() as unit:
                for n in range(10):
                    unit.enqueue("q", f"j{n}", b"")
            jobs = [claimed(job) for job in await asyncio.gather(*waiting)]
            assert sorted(job.id for job in jobs) == [f"j{n}" for n in range(10)]

        self.run(work)

    def test_a_waiting_claim_gets_the_job_of_a_holder_who_let_go(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.enqueue("q", "j", b"")
            claimed(await journal.claim("q", owner="a", ttl_s=10, timeout_s=0))
            waiting = asyncio.ensure_future(journal.claim("q", owner="b", ttl_s=10))
            await journal.append("inputs", [record()])
            assert not waiting.done()
            clock.advance(seconds=10)
            self.poke(journal)
            assert claimed(await waiting).attempt == 2

        self.run(work)

    # Retention

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

    # The end

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
            ]
            for call in later:
                with pytest.raises(Unavailable):
                    await call()
            await journal.close()

        self.run(work)


def fill(unit: Unit) -> None:
    """Ask for one of each kind of change."""
    unit.append("stream", record("never"))
    unit.put("space", "put", b"never")
    unit.create("space", "create", b"never")
    unit.move("consumer", "stream", old=0, new=1)
    unit.enqueue("queue", "job", b"never")


async def nothing_happened(journal: Journal) -> None:
    """None of what `fill` asks for was done."""
    assert await journal.head("stream") == 0
    assert list(await journal.scan("space")) == []
    assert await journal.position("consumer", "stream") == 0
    assert await journal.pending("queue") == 0


def held(lease: Lease | None) -> Lease:
    assert lease is not None
    return lease


def claimed(job: Job | None) -> Job:
    assert job is not None
    return job
