"""A unit of work: what shall happen together, collected first, decided and done inside one transaction."""

from typing import NamedTuple

from typing_extensions import override

from connectors.journal.kafka.wire import present_trace, size_of
from connectors.ports.journal import Job, JournalError, Lease, NewRecord, Unit

RECORD_MOST = 8 << 20
"""Bytes a record may have; topics take messages of so much and a little more."""


class Put(NamedTuple):
    space: str
    key: str
    value: bytes


class Create(NamedTuple):
    space: str
    key: str
    value: bytes


class Replace(NamedTuple):
    space: str
    key: str
    value: bytes
    old: bytes


class Delete(NamedTuple):
    space: str
    key: str


RowChange = Put | Create | Replace | Delete


class Move(NamedTuple):
    consumer: str
    stream: str
    old: int
    new: int


class Enqueue(NamedTuple):
    queue: str
    job_id: str
    payload: bytes
    due: int
    priority: int


class Reschedule(NamedTuple):
    job: Job
    due: int
    payload: bytes | None


class Finish(NamedTuple):
    job: Job


JobChange = Enqueue | Reschedule | Finish


class KafkaUnit(Unit):
    """Collects; within a unit, changes of one row happen in the order they were asked for."""

    def __init__(self, lease: Lease | None) -> None:
        self.lease = lease
        self.records: list[tuple[str, NewRecord]] = []
        self.rows: list[RowChange] = []
        self.moves: list[Move] = []
        self.jobs: list[JobChange] = []
        self.trace = present_trace()

    @property
    def idle(self) -> bool:
        """Nothing was asked for, and no lease is to be checked."""
        return not (self.records or self.rows or self.moves or self.jobs or self.lease)

    @override
    def append(self, stream: str, record: NewRecord) -> None:
        refuse_too_large(stream, record)
        self.records.append((stream, record))

    @override
    def put(self, space: str, key: str, value: bytes) -> None:
        self.rows.append(Put(space, key, value))

    @override
    def create(self, space: str, key: str, value: bytes) -> None:
        self.rows.append(Create(space, key, value))

    @override
    def replace(self, space: str, key: str, old: bytes, new: bytes) -> None:
        self.rows.append(Replace(space, key, new, old))

    @override
    def delete(self, space: str, key: str) -> None:
        self.rows.append(Delete(space, key))

    @override
    def move(self, consumer: str, stream: str, *, old: int, new: int) -> None:
        self.moves.append(Move(consumer, stream, old, new))

    @override
    def enqueue(self, queue: str, job_id: str, payload: bytes, *, due: int = 0, priority: int = 0) -> None:
        if "/" in queue:
            raise ValueError(
                f"queue {queue!r}: a queue's name holds no '/', which parts it from the job's id in the lease"
            )
        self.jobs.append(Enqueue(queue, job_id, payload, due, priority))

    @override
    def reschedule(self, job: Job, *, due: int, payload: bytes | None = None) -> None:
        self.jobs.append(Reschedule(job, due, payload))

    @override
    def finish(self, job: Job) -> None:
        self.jobs.append(Finish(job))


def refuse_too_large(stream: str, record: NewRecord) -> None:
    """Raises JournalError: no repetition would make it smaller, and an outbox that holds it would never get past it."""
    if (size := size_of(record)) > RECORD_MOST:
        raise JournalError(
            f"a record of {size!r} bytes for {stream!r}: Kafka takes {RECORD_MOST!r} at most; send it in parts"
        )
