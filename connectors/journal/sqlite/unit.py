"""A unit of work: what shall happen together, collected first, then checked and done inside one commit."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, assert_never

from typing_extensions import override

from connectors.journal.sqlite import jobs, leases
from connectors.journal.sqlite.state import Group
from connectors.ports.journal import Conflict, Job, Lease, NewRecord, Unit

OVERHEAD = 64
"""Bytes a record or row is reckoned to take beside its content."""


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


class SqliteUnit(Unit):
    """Collects; `stage` does it. Within a unit, changes of one row happen in the order they were asked for."""

    def __init__(self, lease: Lease | None) -> None:
        self.size = 0
        self._lease = lease
        self._records: dict[str, list[NewRecord]] = {}
        self._rows: list[RowChange] = []
        self._moves: list[Move] = []
        self._jobs: list[jobs.JobChange] = []

    @property
    def idle(self) -> bool:
        """Nothing was asked for, and no lease is to be checked."""
        return not (self._records or self._rows or self._moves or self._jobs or self._lease)

    @override
    def append(self, stream: str, record: NewRecord) -> None:
        self._records.setdefault(stream, []).append(record)
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
        self._moves.append(Move(consumer, stream, old, new))

    @override
    def enqueue(self, queue: str, job_id: str, payload: bytes, *, due: int = 0, priority: int = 0) -> None:
        if "/" in queue:
            raise ValueError(
                f"queue {queue!r}: a queue's name holds no '/', which parts it from the job's id in the lease"
            )
        self._jobs.append(jobs.Enqueue(queue, job_id, payload, due, priority))
        self.size += len(payload) + OVERHEAD

    @override
    def reschedule(self, job: Job, *, due: int, payload: bytes | None = None) -> None:
        self._jobs.append(jobs.Reschedule(job, due, payload))
        self.size += len(payload or b"") + OVERHEAD

    @override
    def finish(self, job: Job) -> None:
        self._jobs.append(jobs.Finish(job))

    def stage(self, group: Group) -> None:
        """All checks first, so that a unit that fails has written nothing. Raises Conflict and LeaseLost."""
        if self._lease is not None:
            leases.check(group, self._lease)
        positions = _new_positions(group, self._moves)
        rows = _new_rows(group.connection, self._rows)
        jobs.check(group, self._jobs)
        for (consumer, stream), offset in positions.items():
            group.move(consumer, stream, offset)
        _write_rows(group.connection, rows)
        jobs.change(group, self._jobs)
        for stream, records in self._records.items():
            group.append(stream, records)

    def _change(self, change: RowChange, size: int) -> None:
        self._rows.append(change)
        self.size += size + OVERHEAD


def _new_positions(group: Group, moves: Sequence[Move]) -> dict[tuple[str, str], int]:
    moved: dict[tuple[str, str], int] = {}
    for consumer, stream, old, new in moves:
        found = moved.get((consumer, stream))
        if found is None:
            found = group.position(consumer, stream)
        if found != old:
            raise Conflict(
                f"{consumer!r} stands at {found!r} in {stream!r}, expected {old!r}: somebody else moved it; read again"
            )
        moved[consumer, stream] = new
    return moved


def _new_rows(connection: sqlite3.Connection, changes: Sequence[RowChange]) -> dict[tuple[str, str], bytes | None]:
    """What the rows will hold, None where they will be gone."""
    rows: dict[tuple[str, str], bytes | None] = {}

    def present(at: tuple[str, str]) -> bytes | None:
        if at in rows:
            return rows[at]
        found = connection.execute("SELECT value FROM spaces WHERE space = ? AND key = ?", at).fetchone()
        return None if found is None else bytes(found[0])

    for change in changes:
        at = (change.space, change.key)
        match change:
            case Put(value=value):
                rows[at] = value
            case Create(value=value):
                if present(at) is not None:
                    raise Conflict(
                        f"row {change.key!r} of {change.space!r} exists already, expected none; read it, or leave it"
                    )
                rows[at] = value
            case Replace(value=value, old=old):
                if (found := present(at)) != old:
                    state = "is gone" if found is None else "holds something else"
                    raise Conflict(f"row {change.key!r} of {change.space!r} {state}; read it again")
                rows[at] = value
            case Delete():
                rows[at] = None
            case _:
                assert_never(change)
    return rows


def _write_rows(connection: sqlite3.Connection, rows: dict[tuple[str, str], bytes | None]) -> None:
    kept = [(*at, value) for at, value in rows.items() if value is not None]
    gone = [at for at, value in rows.items() if value is None]
    if kept:
        connection.executemany(
            "INSERT INTO spaces (space, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
            kept,
        )
    if gone:
        connection.executemany("DELETE FROM spaces WHERE space = ? AND key = ?", gone)
