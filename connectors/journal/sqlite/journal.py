"""The journal in one SQLite file: streams, state, positions, leases and jobs under one commit."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from connectors.journal.collected import OVERHEAD
from connectors.journal.rights import JOB, NothingDue
from connectors.journal.sqlite import jobs, leases, retention, stored
from connectors.journal.sqlite.committer import Committer
from connectors.journal.sqlite.file import WriterLock, wal_bytes
from connectors.journal.sqlite.queue import Entrance, RequestQueue
from connectors.journal.sqlite.state import Group, State
from connectors.journal.sqlite.stored import Stored
from connectors.journal.sqlite.tail import Tail
from connectors.journal.sqlite.time import JournalTime
from connectors.journal.sqlite.unit import SqliteUnit
from connectors.journal.sqlite.waiters import Waiters, deliver, queue_topic, stream_topic
from connectors.ports.journal import Entry, Job, Journal, Lease, NewRecord, Unavailable, Unit
from schemas.time import SECOND

_T = TypeVar("_T")

_SHORTEST_WAIT_S = 0.001
"""A job that is due by journal time may be early by the loop's: look again, but do not spin."""


class SqliteJournal(Journal):
    """Safe to use from several event loops at once. Made by `opening.open_journal`.

    A task that is cancelled while it waits for its unit does not know whether that was committed. Timeouts run on the loop's time,
    due times and leases on journal time.
    """

    def __init__(
        self,
        path: Path,
        lock: WriterLock,
        state: State,
        time: JournalTime,
        queue: RequestQueue,
        tail: Tail,
        committer: Committer,
    ) -> None:
        self.path = path
        self.stored = Stored(path)
        self._lock: WriterLock | None = lock
        self._state = state
        self._time = time
        self._queue = queue
        self._tail = tail
        self._committer = committer
        self._closed = False

    @property
    def fault(self) -> str | None:
        """Why it cannot write at present, None when all is well; it tries again by itself every second."""
        return self._committer.fault

    @property
    def wal_bytes(self) -> int:
        """Length of the write-ahead log: normally below 20 MB; growth means a reader that keeps an old transaction open."""
        return wal_bytes(self.path)

    def stats(self) -> dict[str, float]:
        """Counters since the start (commits, requests, records, failures, commit_seconds, tail_hits, tail_misses) and gauges."""
        return {
            **self._committer.figures(),
            "queue_depth": len(self._queue),
            "queue_bytes": self._queue.bytes,
            "wal_bytes": self.wal_bytes,
            "tail_bytes": self._tail.bytes,
            "tail_hits": self._tail.hits,
            "tail_misses": self._tail.misses,
        }

    def poke(self) -> None:
        """Let everybody who waits look again: after a clock was moved by hand."""
        deliver(self._waiters.all())

    @override
    def now(self) -> int:
        return self._time.now()

    @override
    async def append(self, stream: str, records: Sequence[NewRecord]) -> int:
        if not records:
            self._refuse_when_closed()
            return self._state.heads.get(stream, 0) + 1
        size = OVERHEAD * len(records)
        for record in records:
            size += len(record.payload)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put((lambda group: group.append(stream, records), size, future), "append")
        return await future

    @override
    def unit(self, *, lease: Lease | None = None) -> AbstractAsyncContextManager[Unit]:
        return self._unit(lease)

    @asynccontextmanager
    async def _unit(self, lease: Lease | None) -> AsyncIterator[Unit]:
        unit = SqliteUnit(lease)
        yield unit
        if unit.idle:
            self._refuse_when_closed()
            return
        await self._submit(unit.stage, unit.size, "unit")

    @override
    async def read(self, stream: str, *, after: int, limit: int = 500) -> Sequence[Entry]:
        self._refuse_when_closed()
        if after >= self._state.heads.get(stream, 0) or limit <= 0:
            return []
        recent = self._tail.read(stream, after, limit)
        return await self.stored.run(stored.read, stream, after, limit) if recent is None else recent

    @override
    async def between(self, stream: str, *, since: int, until: int, limit: int = 10_000) -> Sequence[Entry]:
        return await self.stored.run(stored.between, stream, since, until, limit)

    @override
    async def wait(self, stream: str, *, after: int, timeout_s: float | None = None) -> bool:
        loop = asyncio.get_running_loop()
        deadline = math.inf if timeout_s is None else loop.time() + timeout_s
        while True:
            with self._waiters.listen(stream_topic(stream)) as news:
                self._refuse_when_closed()
                if self._state.heads.get(stream, 0) > after:
                    return True
                left = deadline - loop.time()
                if left <= 0:
                    return False
                await asyncio.wait((news,), timeout=None if left == math.inf else left)

    @override
    async def head(self, stream: str) -> int:
        self._refuse_when_closed()
        return self._state.heads.get(stream, 0)

    @override
    async def position(self, consumer: str, stream: str) -> int:
        self._refuse_when_closed()
        return self._state.positions.get((consumer, stream), 0)

    @override
    async def get(self, space: str, key: str) -> bytes | None:
        return await self.stored.run(stored.get, space, key)

    @override
    async def scan(
        self, space: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> Sequence[tuple[str, bytes]]:
        return await self.stored.run(stored.scan, space, prefix, after, limit)

    @override
    async def acquire(self, name: str, *, owner: str, ttl_s: float) -> Lease | None:
        if name.startswith(JOB) or not owner:
            raise ValueError(
                f"lease {name!r} of {owner!r}: an owner is named, and {JOB!r} begins the leases of jobs alone"
            )
        return await self._submit(lambda group: leases.acquire(group, name, owner, _micros(ttl_s)))

    @override
    async def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        return await self._submit(lambda group: leases.renew(group, lease, _micros(ttl_s)))

    @override
    async def release(self, lease: Lease) -> None:
        await self._submit(lambda group: leases.release(group, lease))

    @override
    async def claim(self, queue: str, *, owner: str, ttl_s: float, timeout_s: float | None = None) -> Job | None:
        if not owner:
            raise ValueError(f"a job of {queue!r} is claimed by somebody: name the owner")
        loop = asyncio.get_running_loop()
        deadline = math.inf if timeout_s is None else loop.time() + timeout_s
        while True:
            with self._waiters.listen(queue_topic(queue)) as news:
                found = await self._claim(queue, owner, _micros(ttl_s))
                if isinstance(found, Job):
                    return found
                left = deadline - loop.time()
                if left <= 0:
                    return None
                if found.until is not None:
                    left = min(left, max(_SHORTEST_WAIT_S, (found.until - self.now()) / SECOND))
                await asyncio.wait((news,), timeout=None if left == math.inf else left)

    @override
    async def renew_job(self, job: Job, *, ttl_s: float) -> Job:
        return await self._submit(lambda group: jobs.renew(group, job, _micros(ttl_s)))

    @override
    async def pending(self, queue: str) -> int:
        return await self.stored.run(stored.open_jobs, queue)

    @override
    async def retain(self, stream: str, *, before: int) -> int:
        dropped = 0
        while True:
            step = await self._submit(lambda group: retention.drop(group, stream, before))
            dropped += step.dropped
            if not step.more:
                return dropped

    @override
    async def forget_jobs(self, queue: str, *, before: int) -> int:
        forgotten, after = 0, 0
        while after >= 0:
            number, after = await self._submit(partial(jobs.forget, queue=queue, before=before, after=after))
            forgotten += number
        return forgotten

    @override
    async def close(self) -> None:
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """As `close`, for where no loop runs (any more); blocks until what is queued is committed and the log is folded in."""
        self._closed = True
        self._queue.close()
        # Readers first: the last connection to go folds the log in and removes it, and only the writer's can.
        self.stored.close()
        self._committer.join()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    @property
    def _waiters(self) -> Waiters:
        return self._committer.waiters

    async def _submit(self, stage: Callable[[Group], _T], size: int = 0, entrance: Entrance = "control") -> _T:
        return await self._send(stage, size, entrance)

    def _send(self, stage: Callable[[Group], _T], size: int = 0, entrance: Entrance = "control") -> asyncio.Future[_T]:
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._queue.put((stage, size, future), entrance)
        return future

    async def _claim(self, queue: str, owner: str, ttl: int) -> Job | NothingDue:
        claiming = self._send(lambda group: jobs.claim(group, queue, owner, ttl))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(self._hand_back)
            raise

    def _hand_back(self, claiming: asyncio.Future[Job | NothingDue]) -> None:
        """The one who claimed has gone: let the job go at once instead of when its lease ends."""
        if claiming.cancelled() or claiming.exception() is not None or not isinstance(job := claiming.result(), Job):
            return
        try:
            self._send(lambda group: jobs.give_back(group, job)).add_done_callback(asyncio.Future.exception)
        except Unavailable:
            # Closed meanwhile: the job is free again when its lease ends.
            return

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Unavailable("the journal is closed: open it again")


def _micros(seconds: float) -> int:
    return round(seconds * SECOND)
