"""The relay: publishes what units of work appended, in the order of their numbers, each once.

One process at a time does it, under a lease. It begins by reading the stream to its end, where the last number that was published
stands; after a failure it reads again. A process that was paused in the middle of publishing may wake and publish what its successor
has published already: readers know by the number that it is a repeat.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import LiteralString

from connectors.journal.kafka import leases
from connectors.journal.kafka.appender import Appender, Outgoing
from connectors.journal.kafka.belonging import last_number, refuse_older
from connectors.journal.kafka.committer import Committer
from connectors.journal.kafka.database import Database, Row
from connectors.journal.kafka.streams import Streams
from connectors.journal.kafka.time import JournalTime
from connectors.ports.journal import Busy, JournalError, Lease, LeaseLost, Unavailable

LEASE = "relay"
RELAYED = "relay/"
"""What the journal's own leases begin with; no other lease may be called so."""
TTL_S = 6.0
BATCH = 1_000
BATCH_BYTES = 400 << 10
FAREWELL_S = 3.0
"""How long what is under way may take when the journal is closed."""
PAUSE_S = 0.5
IDLE_S = 1.0
"""How often is looked without being told."""
STAND_BY_S = 0.9
"""How long a lease that another process holds is not asked for, whatever is told: every process hears of every commit."""
_SECOND = 1_000_000
_REMOVE: LiteralString = """DELETE FROM outbox
    USING (SELECT set_config('synchronous_commit', 'off', true)) AS lazily, unnest(%b::text[], %b::bigint[]) AS done (stream, upto)
    WHERE outbox.stream = done.stream AND outbox.number <= done.upto"""
_STREAMS: LiteralString = (
    "SELECT name, number FROM streams WHERE EXISTS (SELECT 1 FROM outbox WHERE stream = name) ORDER BY name"
)
_ROWS: LiteralString = """SELECT number, at, kind, key, payload, trace FROM (
      SELECT *, sum(length(payload)) OVER (ORDER BY number) AS size FROM (
        SELECT * FROM outbox WHERE stream = %s AND number > %s ORDER BY number LIMIT %s) AS first) AS sized
    WHERE size <= %s OR number = %s ORDER BY number"""
_log = logging.getLogger(__name__)


class Relay:
    """Runs from when it is made to `close`; works while it holds the lease, stands by otherwise. `fault` says why what was committed cannot
    be published however long one waits."""

    def __init__(
        self,
        database: Database,
        committer: Committer,
        appender: Appender,
        streams: Streams,
        time: JournalTime,
        *,
        owner: str,
    ) -> None:
        self.published = 0
        self.takeovers = 0
        self.fault: str | None = None
        self.lease: Lease | None = None
        self._database, self._committer, self._appender = database, committer, appender
        self._streams, self._time, self._owner = streams, time, owner
        self._held_until = self._ask_from = 0.0
        self._last: dict[str, int] = {}
        self._done: dict[str, int] = {}
        """Up to which numbers the outbox may be emptied: done with the next look at it."""
        self._fresh = committer.fresh
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="journal-relay")

    def wake(self) -> None:
        self._fresh.set()

    async def close(self) -> None:
        """Let another go on at once; what is not published yet stays in the outbox."""
        self._closing = True
        self._fresh.set()
        await asyncio.wait({self._task}, timeout=FAREWELL_S)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self.lease is not None:
            try:
                await leases.release(self._database, self.lease, now=self._time.now())
            except (Unavailable, Busy) as error:
                _log.info("the relay's lease is left to expire: %s", error)

    async def depth(self) -> int:
        """Records that wait to be published."""
        [(number,)] = await self._database.rows("SELECT count(*) FROM outbox")
        return int(number)

    async def _run(self) -> None:
        while True:
            self._fresh.clear()
            try:
                if await self._hold():
                    while await self._round():
                        await self._hold()
            except LeaseLost as error:
                _log.warning("another process publishes now: %s", error)
                self._forget()
            except JournalError as error:
                self._note(error)
                self._start_over()
                await self._pause()
                continue
            except Exception:  # noqa: BLE001 - the loop's edge: what is committed must be published in the end
                _log.exception("the outbox waits")
                self._start_over()
                await self._pause()
                continue
            if self._closing:
                return
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._fresh.wait()
            except TimeoutError:
                continue

    def _note(self, error: JournalError) -> None:
        """Say it, and once only where it will not pass by itself."""
        lasting = None if isinstance(error, (Busy, Unavailable)) else str(error)
        if lasting is None or lasting != self.fault:
            _log.log(logging.WARNING if lasting is None else logging.CRITICAL, "the outbox waits: %s", error)
        self.fault = lasting or self.fault

    async def _pause(self) -> None:
        """Something was away: give it a moment; there is nothing to wait for when the journal is being closed."""
        if self._closing:
            raise asyncio.CancelledError
        await asyncio.sleep(PAUSE_S)

    async def _hold(self) -> bool:
        """Whether this process may publish now. The lease is counted on no longer than this machine's clock allows."""
        clock = self._time.monotonic
        if self.lease is not None and clock() < self._held_until - TTL_S / 2:
            return True
        asked = clock()
        if self.lease is None and asked < self._ask_from:
            return False
        now, ttl = self._time.now(), round(TTL_S * _SECOND)
        if self.lease is None:
            self.lease = await leases.acquire(self._database, f"{RELAYED}{LEASE}", self._owner, now=now, ttl=ttl)
            if self.lease is None:
                self._ask_from = asked + STAND_BY_S
                return False
            self._start_over()
            self.takeovers += 1
        else:
            self.lease = await leases.renew(self._database, self.lease, now=now, ttl=ttl)
        self._held_until = asked + TTL_S
        return True

    def _forget(self) -> None:
        self.lease = None
        self._start_over()

    def _start_over(self) -> None:
        """What is known of the streams may be known wrongly: read them again."""
        self._last, self._done = {}, {}

    async def _round(self) -> bool:
        """Publish a batch of each stream; whether there may be more."""
        known = sorted(self._last.items())
        [streams, *batches] = await self._look(self._done, known)
        self._done = {}
        for stream, number in streams:
            if number < self._last.get(stream, 0):
                raise JournalError(refuse_older(stream, number, self._last[stream]))
        more = False
        for (stream, _), rows in zip(known, batches, strict=True):
            if rows:
                await self._publish(stream, rows)
                more = True
        for stream, _ in streams:
            if stream not in self._last:
                await self._begin(stream)
                more = True
        return more

    async def _look(self, done: Mapping[str, int], known: Sequence[tuple[str, int]]) -> list[list[Row]]:
        """Remove what is published up to the numbers of `done`; then streams for which something waits, with their last numbers, and for each
        known one the rows behind its number."""
        removed, upto = list(done), list(done.values())
        answers = await self._database.several(
            # Not waited for until it is durable: what is published and still there is deleted after the next takeover.
            [(_REMOVE, (removed, upto))] * bool(done)
            + [(_STREAMS, ())]
            + [(_ROWS, (stream, last, BATCH, BATCH_BYTES, last + 1)) for stream, last in known]
        )
        return answers[bool(done) :]

    async def _begin(self, stream: str) -> None:
        """Learn where the stream stands."""
        last = await self._published(stream)
        # Before anything is taken for published and removed.
        if (committed := await last_number(self._database, stream)) < last:
            raise JournalError(refuse_older(stream, committed, last))
        self._last[stream] = self._done[stream] = last

    async def _publish(self, stream: str, rows: Sequence[Row]) -> None:
        last = self._last[stream]
        if rows[0][0] != last + 1:
            raise JournalError(
                f"the outbox of {stream!r} goes on with number {rows[0][0]!r}, {last + 1!r} was expected: the topic ends with {last!r};"
                f" the database and the topic do not belong together, bring back the ones that do"
            )
        messages = [
            Outgoing(kind, key.encode() or None, payload, at, number, trace)
            for number, at, kind, key, payload, trace in rows
        ]
        if self._time.monotonic() > self._held_until:
            raise LeaseLost("the relay was paused for longer than its lease lasts")
        least = self._streams.least(stream)
        first = await self._appender.publish(stream, messages)
        self._streams.wrote(stream, first, len(messages), least=least)
        self._last[stream] = self._done[stream] = messages[-1].number
        self.fault = None
        self.published += len(messages)

    async def _published(self, stream: str) -> int:
        """The last number that stands in the stream, which is read to its present end for it."""
        tail = await self._streams.tail(stream)
        if tail is None:
            return 0
        await self._streams.caught_up(tail, await self._streams.cursors.end(stream))
        return tail.reckoning.number
