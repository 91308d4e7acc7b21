"""A unit of work as both journals collect it, and what its moves and rows come to once what they rest on is known."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, assert_never

from typing_extensions import override

from connectors.ports.journal import Conflict, Job, Lease, LeaseLost, NewRecord, Unit

OVERHEAD = 64
"""Bytes a record or row is reckoned to take beside its content."""

Pair = tuple[str, str]
"""(consumer, stream) of a position, (space, key) of a row."""


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


class CollectedUnit(Unit):
    """Within a unit, changes of one row happen in the order they were asked for. `size`: bytes, about."""

    def __init__(self, lease: Lease | None) -> None:
        self.lease = lease
        self.records: list[tuple[str, NewRecord]] = []
        self.rows: list[RowChange] = []
        self.moves: list[Move] = []
        self.jobs: list[JobChange] = []
        self.size = 0

    @property
    def idle(self) -> bool:
        """Nothing was asked for, and no lease is to be checked."""
        return not (self.records or self.rows or self.moves or self.jobs or self.lease)

    @override
    def append(self, stream: str, record: NewRecord) -> None:
        self.records.append((stream, record))
        self.size += len(record.payload) + OVERHEAD

    @override
    def put(self, space: str, key: str, value: bytes) -> None:
        self._change(Put(space, key, value), len(value))

    @override
    def create(self, space: str, key: str, value: bytes) -> None:
        self._change(Create(space, key, value), len(value))

    @override
    def replace(self, space: str, key: str, old: bytes, new: bytes) -> None:
        self._change(Replace(space, key, new, old), len(old) + len(new))

    @override
    def delete(self, space: str, key: str) -> None:
        self._change(Delete(space, key), 0)

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
        self.size += len(payload) + OVERHEAD

    @override
    def reschedule(self, job: Job, *, due: int, payload: bytes | None = None) -> None:
        self.jobs.append(Reschedule(job, due, payload))
        self.size += len(payload or b"") + OVERHEAD

    @override
    def finish(self, job: Job) -> None:
        self.jobs.append(Finish(job))

    def _change(self, change: RowChange, size: int) -> None:
        self.rows.append(change)
        self.size += size + OVERHEAD


def new_positions(moves: Sequence[Move], known: Callable[[Pair], int]) -> dict[Pair, int]:
    """Where consumers stand afterwards; `known` says where they stand now. Raises Conflict."""
    moved: dict[Pair, int] = {}
    for consumer, stream, old, new in moves:
        at = (consumer, stream)
        found = moved[at] if at in moved else known(at)
        if found != old:
            raise Conflict(
                f"{consumer!r} stands at {found!r} in {stream!r}, expected {old!r}: somebody else moved it; read again"
            )
        moved[at] = new
    return moved


def new_rows(
    changes: Sequence[RowChange], known: Callable[[Pair], bytes | None]
) -> tuple[dict[Pair, bytes | None], set[Pair]]:
    """What the rows will hold, None where they will be gone, and which of them were found to be absent and are made; `known` says
    what a row holds now, and is asked about those alone that a change rests on. Raises Conflict."""
    rows: dict[Pair, bytes | None] = {}
    made: set[Pair] = set()
    for change in changes:
        at = (change.space, change.key)
        if type(change) is Put:  # nearly all are
            rows[at] = change.value
            continue
        match change:
            case Put(value=value):
                rows[at] = value
            case Create(value=value):
                if (rows[at] if at in rows else known(at)) is not None:
                    raise Conflict(
                        f"row {change.key!r} of {change.space!r} exists already, expected none; read it, or leave it"
                    )
                if at not in rows:
                    made.add(at)
                rows[at] = value
            case Replace(value=value, old=old):
                if (found := rows[at] if at in rows else known(at)) != old:
                    state = "is gone" if found is None else "holds something else"
                    raise Conflict(f"row {change.key!r} of {change.space!r} {state}; read it again")
                rows[at] = value
            case Delete():
                rows[at] = None
            case _:
                assert_never(change)
    return rows, made


def let_go(changes: Iterable[JobChange]) -> Iterator[Job]:
    """The jobs that are given back or finished. Raises LeaseLost where one is for the second time."""
    gone: set[str] = set()
    for wanted in changes:
        match wanted:
            case Enqueue():
                continue
            case Reschedule(job=job) | Finish(job=job):
                if job.lease.name in gone:
                    raise LeaseLost(
                        f"the job {job.id!r} of queue {job.queue!r} is given back or finished twice in one unit"
                    )
                gone.add(job.lease.name)
                yield job
            case _:
                assert_never(wanted)
