"""Leases: one holder at a time, and the one before is told."""

import pytest

from connectors.ports.clock import ManualClock
from connectors.ports.journal import Journal, LeaseLost
from tests.contracts.journal_opening import T0, OpensJournal, fill, held, nothing_happened


class LeaseContract(OpensJournal):
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
