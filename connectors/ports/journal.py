"""The journal: streams, state, positions, leases and jobs, changed together in units of work.

Streams are append-only sequences of records with offsets 1, 2, 3 ... A *consumer* remembers per stream the last offset it is done
with. A *space* is a keyed store of bytes. A *job* is work with a due time that one worker at a time holds under a lease. A *lease*
is a named right that passes on when its holder stops renewing it; its *token* only ever grows, so that a holder which slept and woke
is told apart from the present one.

Everything a unit of work asks for becomes durable together, or not at all.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from schemas import Command, Decision

INPUTS = "inputs"
"""Signals, log batches, commands and ticks, in the order of their acceptance; read by triage."""
DECISIONS = "decisions"
"""Everything decided, in order; read by investigate, act and record."""


class JournalError(Exception):
    """The journal could not do what was asked; nothing of the unit of work happened."""


class Busy(JournalError):
    """Its queue is full: ask the sender to come again after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(JournalError):
    """It cannot write (no space, read-only, locked, closed). It heals by itself; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Conflict(JournalError):
    """A row or position was not as the unit expected: somebody else has done this work. Read again, or leave it."""


class LeaseLost(JournalError):
    """The lease of this unit belongs to another now: stop this work, cause no effect."""


class NewRecord(NamedTuple):
    """A record to append. `kind`: signal, batch, command, tick or decision. `key`: what must stay in order with each other
    (a group key, an incident id); partitions by it where there are partitions."""

    kind: str
    payload: bytes
    key: str = ""


def recorded(what: Decision | Command) -> NewRecord:
    """As a record of its stream, in order with everything else about its incident."""
    return NewRecord("decision" if isinstance(what, Decision) else "command", what.to_json(), what.incident_id or "")


class Entry(NamedTuple):
    """A stored record. `accepted_at`: journal time in microseconds, stamped inside the committer, never decreasing with the offset.

    Two kinds stand where no record was meant: `repeat` (payload `{}`), where an earlier record was stored a second time, and `unreadable`,
    where something stands that nobody appended; so that neither looks like a loss."""

    stream: str
    offset: int
    accepted_at: int
    kind: str
    key: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Lease:
    """A named right, held by `owner` until `expires_at` (journal time, microseconds); `token` grows with each holder."""

    name: str
    owner: str
    token: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is due, held under `lease`. `attempt` counts claims, from 1."""

    queue: str
    id: str
    payload: bytes
    due: int
    priority: int
    attempt: int
    lease: Lease


class Unit(Protocol):
    """What shall happen together. Calls only collect; leaving the `async with` block commits and waits for durability.
    Leaving it by an exception discards everything."""

    def append(self, stream: str, record: NewRecord) -> None:
        """Add to the end of a stream."""

    def put(self, space: str, key: str, value: bytes) -> None:
        """Write a row, new or not."""

    def create(self, space: str, key: str, value: bytes) -> None:
        """Write a row that must not exist yet; otherwise the unit fails with Conflict."""

    def replace(self, space: str, key: str, old: bytes, new: bytes) -> None:
        """Write a row that must hold exactly `old`; otherwise the unit fails with Conflict."""

    def delete(self, space: str, key: str) -> None:
        """Remove a row; one that is not there is no error."""

    def move(self, consumer: str, stream: str, *, old: int, new: int) -> None:
        """Move the consumer's position from exactly `old` to `new`; otherwise the unit fails with Conflict."""

    def enqueue(self, queue: str, job_id: str, payload: bytes, *, due: int = 0, priority: int = 0) -> None:
        """Add a job, due at journal time `due` (0: at once); higher priority first. A job of that id that exists already (done or
        not) is left as it is: enqueueing is idempotent."""

    def reschedule(self, job: Job, *, due: int, payload: bytes | None = None) -> None:
        """Give a held job back, to be claimed again from `due` on."""

    def finish(self, job: Job) -> None:
        """A held job is done; its id stays known until `forget_jobs`, so that it is not enqueued again."""


class Journal(Protocol):
    """One port for streams and state. All methods are safe to call from many tasks at once.

    Any method that writes may raise Busy or Unavailable; both leave the journal usable and nothing half done.
    """

    def now(self) -> int:
        """Journal time: microseconds, never decreasing, not below the last acceptance."""

    async def append(self, stream: str, records: Sequence[NewRecord]) -> int:
        """Append together; returns the offset of the first, once all are durable. An empty sequence returns the next offset."""

    def unit(self, *, lease: Lease | None = None) -> AbstractAsyncContextManager[Unit]:
        """A unit of work; with a lease, it fails with LeaseLost unless that lease (name, token) is still the present one at commit."""

    async def read(self, stream: str, *, after: int, limit: int = 500) -> Sequence[Entry]:
        """Entries with offsets above `after`, in order, at most `limit`; durable ones only. Entries below the retention are
        skipped (the first offset returned may be higher than `after` + 1)."""

    async def between(self, stream: str, *, since: int, until: int, limit: int = 10_000) -> Sequence[Entry]:
        """Entries accepted in [since, until], microseconds, in order, the latest `limit` of them."""

    async def wait(self, stream: str, *, after: int, timeout_s: float | None = None) -> bool:
        """Return True once the stream has an offset above `after`, False after the timeout; no polling within one process."""

    async def head(self, stream: str) -> int:
        """The last offset, 0 when empty."""

    async def position(self, consumer: str, stream: str) -> int:
        """The last offset the consumer is done with, 0 at first."""

    async def get(self, space: str, key: str) -> bytes | None:
        """A row, or None."""

    async def scan(
        self, space: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> Sequence[tuple[str, bytes]]:
        """Rows whose key begins with `prefix` and is above `after` (code points), in order of their keys; at most `limit` of them."""

    async def acquire(self, name: str, *, owner: str, ttl_s: float) -> Lease | None:
        """Take the lease if it is free, expired, or held by the same owner (renewal with the same token); else None."""

    async def renew(self, lease: Lease, *, ttl_s: float) -> Lease:
        """Hold on to it. Raises LeaseLost."""

    async def release(self, lease: Lease) -> None:
        """Give it back; no error when it is lost already."""

    async def claim(self, queue: str, *, owner: str, ttl_s: float, timeout_s: float | None = None) -> Job | None:
        """The next due job by priority, then due time, under a new lease; waits for one up to `timeout_s` (None: for ever, 0: not
        at all). A job whose holder let its lease expire is handed out again with a higher attempt and token."""

    async def renew_job(self, job: Job, *, ttl_s: float) -> Job:
        """Hold on to a job. Raises LeaseLost."""

    async def pending(self, queue: str) -> int:
        """Jobs not finished."""

    async def retain(self, stream: str, *, before: int) -> int:
        """Drop records accepted before `before` (microseconds) that every consumer known to the journal has passed, in small steps
        that never hold up the writer; returns how many."""

    async def forget_jobs(self, queue: str, *, before: int) -> int:
        """Forget finished jobs that were last held before `before` (microseconds), in small steps that never hold up the writer;
        returns how many. Their ids are as new from then on."""

    async def close(self) -> None:
        """Commit what is queued, then let go. Later calls raise Unavailable."""
