"""The committer: merges the units of work that wait into one transaction at a time, and finds out what became of a commit whose answer
was lost.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString, NamedTuple

import psycopg

from connectors.journal.collected import Enqueue, Finish
from connectors.journal.kafka.belonging import refuse_older
from connectors.journal.kafka.database import PATIENCE_S, Database, at_once
from connectors.journal.kafka.group import Changes, decide, read
from connectors.journal.kafka.time import JournalTime
from connectors.journal.kafka.unit import KafkaUnit
from connectors.journal.kafka.waiters import Waiters, queue_topic
from connectors.journal.kafka.write import write
from connectors.ports.journal import Busy, JournalError, Unavailable

GROUP_MOST = 200
"""Units in one transaction at most."""
TRIES = 8
"""How often a group is decided again when another process was in the way."""
ASK_AGAIN_S = 0.5
_log = logging.getLogger(__name__)

_IN_THE_WAY = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation)
"""Nothing of this was seen outside: deciding again settles it."""


_MARK: LiteralString = "INSERT INTO attempts (process, number) VALUES (%s, %s) ON CONFLICT (process) DO UPDATE SET number = excluded.number"
_ASK: LiteralString = (
    "INSERT INTO attempts (process, number) VALUES (%s, 0) ON CONFLICT (process) DO UPDATE SET number = attempts.number "
    "RETURNING number"
)


class _Waiting(NamedTuple):
    unit: KafkaUnit
    future: asyncio.Future[None]


@dataclass(slots=True)
class _Attempt:
    """One transaction. Until its commit is asked for, losing the connection undoes it; after that only the database knows."""

    number: int
    committing: bool = False
    answers: list[JournalError | None] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Counters:
    """What was done since the start."""

    commits: int = 0
    units: int = 0
    retries: int = 0
    failures: int = 0


class Committer:
    """`numbers` are the last outbox numbers that this process committed, per stream; `fresh` is set whenever there are new ones. `fault`
    says why nothing that appends is committed."""

    def __init__(self, database: Database, time: JournalTime, waiters: Waiters, *, most: int) -> None:
        self.numbers: dict[str, int] = {}
        self.fault: str | None = None
        self._published: dict[str, int] = {}
        self.fresh = asyncio.Event()
        self.counters = Counters()
        self._database, self._time, self._waiters, self._most = database, time, waiters, most
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._process, self._attempts = uuid.uuid4().hex, 0
        self._task = asyncio.create_task(self._run(), name="journal-committer")

    def __len__(self) -> int:
        return len(self._waiting)

    async def submit(self, unit: KafkaUnit) -> None:
        """Returns once it is durable. Raises what the port's `unit` raises."""
        if self._closed:
            raise Unavailable("the journal is closed: open it again")
        if len(self._waiting) >= self._most:
            raise Busy(f"{len(self._waiting)!r} units of work wait, at most {self._most!r} may: come again later")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(unit, future))
        self._wake.set()
        await future

    def saw(self, stream: str, number: int) -> None:
        """That number of the outbox stands in the stream: no unit can get it, or a lower one, any more."""
        if number > self._published.get(stream, 0):
            self._published[stream] = number

    async def close(self) -> None:
        """Commit what waits."""
        self._closed = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        while self._waiting or not self._closed:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._commit([self._waiting.popleft() for _ in range(min(GROUP_MOST, len(self._waiting)))])

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            answers = await self._answers([each.unit for each in group])
        except Exception as error:  # noqa: BLE001 - what a unit holds that cannot be stored fails that unit alone
            self.counters.failures += 1
            if len(group) > 1 and not isinstance(error, JournalError):
                for each in group:
                    await self._commit([each])
                return
            answers = [error] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.done():
                continue
            if answer is None:
                future.set_result(None)
            else:
                future.set_exception(answer)

    async def _answers(self, units: Sequence[KafkaUnit]) -> Sequence[Exception | None]:
        for _ in range(TRIES):
            self._attempts += 1
            attempt = _Attempt(self._attempts)
            try:
                if not await self._transact(units, attempt):
                    self.counters.retries += 1
                    continue
            except Unavailable:
                if not attempt.committing or not await self._was_committed(attempt.number):
                    raise
            self._tell(units, attempt)
            return attempt.answers
        raise Busy(f"others changed the same rows {TRIES} times meanwhile: come again later")

    async def _transact(self, units: Sequence[KafkaUnit], attempt: _Attempt) -> bool:
        """False when another process was in the way and all is to be decided again."""
        now = self._time.now()
        async with self._database.connection() as connection, asyncio.timeout(4 * PATIENCE_S):
            try:
                async with at_once(connection):
                    await connection.execute("BEGIN")
                    known = await read(connection, units)
                attempt.answers, changes = decide(units, known)
                async with at_once(connection):
                    attempt.numbers = await write(connection, changes, now=now, schema=self._database.schema)
                    await connection.execute(_MARK, (self._process, attempt.number))
                self._refuse_known(attempt.numbers, changes)
                attempt.committing = True
                await connection.execute("COMMIT")
            except _IN_THE_WAY:
                await connection.execute("ROLLBACK")
                return False
        return True

    def _refuse_known(self, numbers: Mapping[str, int], changes: Changes) -> None:
        """Raises JournalError when numbers were given once more."""
        for stream, last in numbers.items():
            before = last - sum(each.stream == stream for each in changes.records)
            known = max(self.numbers.get(stream, 0), self._published.get(stream, 0))
            if before < known:
                fault = refuse_older(stream, before, known)
                if self.fault is None:
                    _log.critical("%s", fault)
                self.fault = fault
                raise JournalError(fault)
        if numbers:
            self.fault = None

    async def _was_committed(self, number: int) -> bool:
        """The answer to a commit was lost: look for its mark, however long that takes, as everything hangs on it.

        Asking for the row waits for a transaction that still holds it. PostgreSQL's own word (`pg_xact_status`) is not enough: after a
        crash the number of a transaction that was lost is given to another one.
        """
        while True:
            try:
                [(found,)] = await self._database.rows(_ASK, (self._process,))
            except (Unavailable, Busy) as error:
                _log.warning("it is not known yet whether units of work were committed: %s", error)
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            return bool(found == number)

    def _tell(self, units: Sequence[KafkaUnit], attempt: _Attempt) -> None:
        self.counters.commits += 1
        self.counters.units += len(units)
        if attempt.numbers:
            self.numbers.update(attempt.numbers)
            self.fresh.set()
        done = [unit for unit, answer in zip(units, attempt.answers, strict=True) if answer is None]
        changed = [change for unit in done for change in unit.jobs if not isinstance(change, Finish)]
        queues = {change.queue if isinstance(change, Enqueue) else change.job.queue for change in changed}
        self._waiters.news(queue_topic(queue) for queue in queues)
