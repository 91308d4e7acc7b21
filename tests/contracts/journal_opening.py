"""How a contract test gets at a journal, and what the tests have in common."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from connectors.ports.clock import ManualClock
from connectors.ports.journal import Job, Journal, Lease, NewRecord, Unit

T0 = 1_790_000_000_000_000
T = TypeVar("T")
PATIENCE_S = 20


def record(text: str = "x", *, kind: str = "signal", key: str = "") -> NewRecord:
    return NewRecord(kind, text.encode(), key)


class OpensJournal:
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
