"""Jobs: who gets the next one, and what becomes of it."""

import asyncio

import pytest

from connectors.ports.clock import ManualClock
from connectors.ports.journal import Journal, LeaseLost
from tests.contracts.journal_opening import T0, OpensJournal, claimed, fill, nothing_happened, record


class JobContract(OpensJournal):
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

    def test_a_finished_job_is_forgotten_once_it_is_old_and_no_other(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                for priority, name in enumerate(("new", "open", "held", "old")):
                    unit.enqueue("q", name, b"1", priority=priority)
                unit.enqueue("elsewhere", "old", b"1")
            held = {}
            for _ in range(3):
                job = claimed(await journal.claim("q", owner="w", ttl_s=30, timeout_s=0))
                held[job.id] = job
            assert held.keys() == {"old", "held", "open"}
            elsewhere = claimed(await journal.claim("elsewhere", owner="w", ttl_s=30, timeout_s=0))
            async with journal.unit() as unit:
                unit.finish(held["old"])
                unit.finish(elsewhere)
                unit.reschedule(held["open"], due=T0)
            assert await journal.forget_jobs("q", before=T0 + 30_000_000) == 0
            clock.advance(seconds=60)
            late = claimed(await journal.claim("q", owner="w", ttl_s=300, timeout_s=0))
            assert late.id == "held"
            async with journal.unit() as unit:
                unit.finish(late)
            assert await journal.forget_jobs("q", before=T0 + 30_000_001) == 1
            assert await journal.forget_jobs("q", before=T0 + 30_000_001) == 0
            assert await journal.forget_jobs("nothing", before=T0 * 2) == 0
            async with journal.unit() as unit:
                unit.enqueue("q", "old", b"again")
                unit.enqueue("elsewhere", "old", b"again")
            # Jobs that are not finished: the two that are open, and the one that is as new again.
            assert (await journal.pending("q"), await journal.pending("elsewhere")) == (3, 0)

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
