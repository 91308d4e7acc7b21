"""The journal on Kafka and PostgreSQL: streams in topics, everything else in rows, tied together by a numbered outbox."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, replace

from typing_extensions import override

from connectors.journal.kafka import jobs, leases, retention, rows
from connectors.journal.kafka.appender import Appender
from connectors.journal.kafka.committer import Committer
from connectors.journal.kafka.database import Database
from connectors.journal.kafka.following import ClockFollower
from connectors.journal.kafka.notices import Notices
from connectors.journal.kafka.presence import Presence, Present, present
from connectors.journal.kafka.relay import RELAYED, Relay
from connectors.journal.kafka.standing import Held, Lag, held, lags
from connectors.journal.kafka.streams import Streams
from connectors.journal.kafka.time import JournalTime
from connectors.journal.kafka.topics import Topics
from connectors.journal.kafka.unit import KafkaUnit, refuse_too_large
from connectors.journal.kafka.waiters import Waiters, queue_topic, stream_topic
from connectors.journal.kafka.wire import present_trace
from connectors.journal.rights import JOB, NothingDue
from connectors.ports.journal import Entry, Job, Journal, Lease, NewRecord, Unavailable, Unit

_SECOND = 1_000_000
_SHORTEST_WAIT_S = 0.001
"""A job that is due by journal time may be early by the loop's: look again, but do not spin."""
LONGEST_WAIT_S = 30.0
"""Look again even if nobody said that there is something new."""


class KafkaJournal(Journal):
    """Belongs to the event loop it was opened in. Made by `opening.open_kafka_journal`; any number of processes open the same.

    What is appended directly is durable in Kafka before `append` returns; if its acknowledgement is lost, Unavailable is raised and
    the records may be there all the same. What a unit appends is durable in PostgreSQL when the unit is left, and reaches the stream
    soon after; this process's reads wait for it.
    """

    def __init__(
        self,
        database: Database,
        topics: Topics,
        appender: Appender,
        committer: Committer,
        streams: Streams,
        relay: Relay,
        notices: Notices,
        clock: ClockFollower,
        presence: Presence,
        time: JournalTime,
        waiters: Waiters,
    ) -> None:
        self.database, self.streams, self.relay = database, streams, relay
        self._topics, self._appender, self._committer = topics, appender, committer
        self._notices, self._clock, self._time, self._waiters = notices, clock, time, waiters
        self._presence = presence
        self._closed = False
        self._letting_go: asyncio.Task[None] | None = None
        self._handing_back: set[asyncio.Task[None]] = set()

    @property
    def fault(self) -> str | None:
        """Why it cannot write or read at present, None when all is well; it tries again by itself."""
        gone = next((str(fault) for fault in self.streams.faults.values()), None)
        return gone or self._appender.fault or self.database.fault or self._committer.fault or self.relay.fault

    async def stats(self) -> dict[str, float]:
        """Counters since the start (commits, units, retries, failures, records, batches, published, takeovers) and gauges:
        outbox depth, age of the relay's lease, and per followed stream how far its tail lags."""
        ends = self.streams.ends
        lags = {f"lag_{stream}": ends.get(stream, 0) - tail.head for stream, tail in self.streams.tails.items()}
        return {
            **asdict(self._committer.counters),
            "records": self._appender.records,
            "batches": self._appender.batches,
            "queue_depth": self._appender.waiting + len(self._committer),
            "queue_bytes": self._appender.bytes,
            "published": self.relay.published,
            "takeovers": self.relay.takeovers,
            "outbox_depth": await self.relay.depth(),
            "clock_ahead_s": self._clock.ahead / _SECOND,
            **{name: max(0, lag) for name, lag in lags.items()},
        }

    async def standing(self) -> tuple[Sequence[Lag], Sequence[Held]]:
        """How far behind each consumer is, and who holds which lease. Raises Unavailable."""
        return await lags(self.database, self.streams.cursors), await held(self.database, self.now())

    async def present(self) -> Sequence[Present]:
        """The processes that work on this journal. Raises Unavailable."""
        return await present(self.database, self.now())

    def poke(self) -> None:
        """Let everybody who waits look again: after a clock was moved by hand."""
        self._waiters.all()

    @override
    def now(self) -> int:
        return self._time.now()

    @override
    async def append(self, stream: str, records: Sequence[NewRecord]) -> int:
        self._refuse_when_closed()
        if not records:
            return await self.streams.head(stream) + 1
        for record in records:
            refuse_too_large(stream, record)
        least = self.streams.least(stream)
        first = await self._appender.append(stream, records, present_trace())
        self.streams.wrote(stream, first, len(records), least=least)
        return first + 1

    @override
    def unit(self, *, lease: Lease | None = None) -> AbstractAsyncContextManager[Unit]:
        return self._unit(lease)

    @asynccontextmanager
    async def _unit(self, lease: Lease | None) -> AsyncIterator[Unit]:
        unit = KafkaUnit(lease)
        yield unit
        self._refuse_when_closed()
        if not unit.idle:
            await self._committer.submit(unit)

    @override
    async def read(self, stream: str, *, after: int, limit: int = 500) -> Sequence[Entry]:
        self._refuse_when_closed()
        return await self.streams.read(stream, after, limit)

    @override
    async def between(self, stream: str, *, since: int, until: int, limit: int = 10_000) -> Sequence[Entry]:
        self._refuse_when_closed()
        return await self.streams.between(stream, since, until, limit)

    @override
    async def wait(self, stream: str, *, after: int, timeout_s: float | None = None) -> bool:
        loop = asyncio.get_running_loop()
        deadline = math.inf if timeout_s is None else loop.time() + timeout_s
        while True:
            with self._waiters.listen(stream_topic(stream)) as news:
                self._refuse_when_closed()
                tail = await self.streams.tail(stream)
                if tail is not None and (tail.head > after or self.streams.written.get(stream, 0) > after):
                    await self.streams.own(tail)
                    return True
                left = deadline - loop.time()
                if left <= 0:
                    return False
                # A stream that nobody has made yet cannot be followed: look whether it is there now.
                longest = 1.0 if tail is None else LONGEST_WAIT_S
                await asyncio.wait((news,), timeout=min(left, longest))

    @override
    async def head(self, stream: str) -> int:
        self._refuse_when_closed()
        return await self.streams.head(stream)

    @override
    async def position(self, consumer: str, stream: str) -> int:
        self._refuse_when_closed()
        return await rows.position(self.database, consumer, stream)

    @override
    async def get(self, space: str, key: str) -> bytes | None:
        self._refuse_when_closed()
        return await rows.get(self.database, space, key)

    @override
    async def scan(
        self, space: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> Sequence[tuple[str, bytes]]:
        self._refuse_when_closed()
        return await rows.scan(self.database, space, prefix, after, limit)

    @override
    async def acquire(self, name: str, *, owner: str, ttl_s: float) -> Lease | None:
        self._refuse_when_closed()
        if name.startswith((JOB, RELAYED)) or not owner:
            raise ValueError(
                f"lease {name!r} of {owner!r}: an owner is named, and {JOB!r} and {RELAYED!r} begin the journal's own leases"
            )
        return await leases.acquire(self.database, name, owner, now=self.now(), ttl=_micros(ttl_s))

    @override
    async def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        self._refuse_when_closed()
        return await leases.renew(self.database, lease, now=self.now(), ttl=_micros(ttl_s))

    @override
    async def release(self, lease: Lease) -> None:
        self._refuse_when_closed()
        await leases.release(self.database, lease, now=self.now())

    @override
    async def claim(self, queue: str, *, owner: str, ttl_s: float, timeout_s: float | None = None) -> Job | None:
        if not owner:
            raise ValueError(f"a job of {queue!r} is claimed by somebody: name the owner")
        loop = asyncio.get_running_loop()
        deadline = math.inf if timeout_s is None else loop.time() + timeout_s
        while True:
            with self._waiters.listen(queue_topic(queue)) as news:
                self._refuse_when_closed()
                found = await self._claim(queue, owner, _micros(ttl_s))
                if isinstance(found, Job):
                    return found
                left = min(deadline - loop.time(), LONGEST_WAIT_S)
                if left <= 0:
                    return None
                if found.until is not None:
                    left = min(left, max(_SHORTEST_WAIT_S, (found.until - self.now()) / _SECOND))
                await asyncio.wait((news,), timeout=left)

    @override
    async def renew_job(self, job: Job, *, ttl_s: float) -> Job:
        return replace(job, lease=await self.renew(job.lease, ttl_s=ttl_s))

    @override
    async def pending(self, queue: str) -> int:
        self._refuse_when_closed()
        return await jobs.unfinished(self.database, queue)

    @override
    async def retain(self, stream: str, *, before: int) -> int:
        self._refuse_when_closed()
        return await retention.drop(self.database, self._topics, self.streams, stream, before)

    @override
    async def forget_jobs(self, queue: str, *, before: int) -> int:
        self._refuse_when_closed()
        return await jobs.forget(self.database, queue, before=before)

    @override
    async def close(self) -> None:
        self._closed = True
        if self._letting_go is None:
            self._letting_go = asyncio.create_task(self._let_go())
        await asyncio.shield(self._letting_go)

    async def _let_go(self) -> None:
        self._waiters.all()
        await self._committer.close()
        if self._handing_back:
            await asyncio.wait(self._handing_back)
        await self._presence.close()
        await self._clock.close()
        await self._notices.close()
        await self.relay.close()
        await self._appender.close()
        await self.streams.close()
        await self._topics.close()
        await self.database.close()

    async def _claim(self, queue: str, owner: str, ttl: int) -> Job | NothingDue:
        claiming = asyncio.ensure_future(jobs.claim(self.database, queue, owner, now=self.now(), ttl=ttl))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            task = asyncio.create_task(self._hand_back(claiming))
            self._handing_back.add(task)
            task.add_done_callback(self._handing_back.discard)
            raise

    async def _hand_back(self, claiming: asyncio.Future[Job | NothingDue]) -> None:
        """The one who claimed has gone: let the job go at once instead of when its lease ends."""
        [found] = await asyncio.gather(claiming, return_exceptions=True)
        if isinstance(found, Job):
            await asyncio.gather(jobs.give_back(self.database, found), return_exceptions=True)
            self._waiters.news((queue_topic(found.queue),))

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Unavailable("the journal is closed: open it again")


def _micros(seconds: float) -> int:
    return round(seconds * _SECOND)
