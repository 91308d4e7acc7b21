"""Units of work that are committed in one transaction: what they rest on is read and locked at once, each is decided by itself in its
turn, and what all of them change is written at once.

Locks are taken in one order (leases, jobs, positions, rows, numbers; each by its key), so that groups of several processes wait
for each other and do not lock each other out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg import AsyncCursor

from connectors.journal.collected import (
    Create,
    Enqueue,
    Finish,
    Pair,
    Replace,
    Reschedule,
    let_go,
    new_positions,
    new_rows,
)
from connectors.journal.kafka.database import Connection, Row
from connectors.journal.kafka.unit import KafkaUnit
from connectors.journal.rights import job_of, lost
from connectors.ports.journal import JournalError, NewRecord


class Held(NamedTuple):
    """Who holds a lease."""

    owner: str
    token: int


class Numbered(NamedTuple):
    """A record on its way to a stream."""

    stream: str
    record: NewRecord
    trace: bytes | None


@dataclass(slots=True)
class Known:
    """What was read and locked, then what the units before have made of it."""

    leases: dict[str, Held] = field(default_factory=dict)
    jobs: dict[Pair, Held] = field(default_factory=dict)
    positions: dict[Pair, int] = field(default_factory=dict)
    rows: dict[Pair, bytes | None] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """What the units that may happen change."""

    positions: dict[Pair, tuple[int, int]] = field(default_factory=dict)
    rows: dict[Pair, bytes | None] = field(default_factory=dict)
    created: set[Pair] = field(default_factory=set)
    """Rows that were not there: somebody else may be making them at this moment."""
    jobs: list[Enqueue | Reschedule | Finish] = field(default_factory=list)
    records: list[Numbered] = field(default_factory=list)


async def read(connection: Connection, units: Sequence[KafkaUnit]) -> Known:
    """Everything the units ask about, locked until the transaction ends. Within `at_once` all of it is asked for before the first answer."""
    names = {unit.lease.name for unit in units if unit.lease is not None}
    jobs = {
        (change.job.queue, change.job.id) for unit in units for change in unit.jobs if not isinstance(change, Enqueue)
    }
    jobs |= {job for name in names if (job := job_of(name)) is not None}
    leases = jobbed = placed = valued = None
    if plain := sorted(name for name in names if job_of(name) is None):
        leases = await connection.execute(
            "SELECT name, owner, token FROM leases WHERE name = ANY(%s) ORDER BY name FOR SHARE", (plain,)
        )
    if jobs:
        jobbed = await connection.execute(
            """SELECT queue, id, owner, attempt FROM jobs WHERE (queue, id) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
               ORDER BY queue, id FOR UPDATE""",
            _columns(sorted(jobs)),
        )
    if moved := sorted({(move.consumer, move.stream) for unit in units for move in unit.moves}):
        # The row is made first, as one that is not there cannot be locked.
        await connection.execute(
            """INSERT INTO positions (consumer, stream, "offset", epoch) SELECT *, 0, 0 FROM unnest(%b::text[], %b::text[])
               ON CONFLICT DO NOTHING""",
            _columns(moved),
        )
        placed = await connection.execute(
            """SELECT consumer, stream, "offset" FROM positions
               WHERE (consumer, stream) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
               ORDER BY consumer, stream FOR UPDATE""",
            _columns(moved),
        )
    checked = {(row.space, row.key) for unit in units for row in unit.rows if isinstance(row, Create | Replace)}
    if checked:
        valued = await connection.execute(
            """SELECT space, key, value FROM spaces WHERE (space, key) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
               ORDER BY space, key FOR UPDATE""",
            _columns(sorted(checked)),
        )
    return Known(
        leases={name: Held(owner, token) for name, owner, token in await _all(leases)},
        jobs={(queue, job_id): Held(owner, token) for queue, job_id, owner, token in await _all(jobbed)},
        positions={(consumer, stream): offset for consumer, stream, offset in await _all(placed)},
        rows={(space, key): value for space, key, value in await _all(valued)},
    )


async def _all(cursor: AsyncCursor[Row] | None) -> list[Row]:
    return await cursor.fetchall() if cursor is not None else []


def decide(units: Sequence[KafkaUnit], known: Known) -> tuple[list[JournalError | None], Changes]:
    """For each unit why it may not happen, or None; and what those that may change. A unit that may not leaves nothing behind."""
    changes = Changes()
    answers: list[JournalError | None] = []
    for unit in units:
        try:
            _decide(unit, known, changes)
        except JournalError as refusal:
            answers.append(refusal)
        else:
            answers.append(None)
    return answers, changes


def _decide(unit: KafkaUnit, known: Known, changes: Changes) -> None:
    """All checks first."""
    _check_leases(unit, known)
    positions = new_positions(unit.moves, lambda at: known.positions.get(at, 0))
    rows, created = new_rows(unit.rows, known.rows.get)
    epoch = unit.lease.token if unit.lease else 0
    known.positions.update(positions)
    known.rows.update(rows)
    changes.positions.update({at: (offset, epoch) for at, offset in positions.items()})
    changes.rows.update(rows)
    changes.created |= created
    changes.jobs += unit.jobs
    for change in unit.jobs:
        if not isinstance(change, Enqueue):
            known.jobs[change.job.queue, change.job.id] = Held("", change.job.attempt)
    changes.records += [Numbered(stream, record, unit.trace) for stream, record in unit.records]


def _check_leases(unit: KafkaUnit, known: Known) -> None:
    for lease in [*([unit.lease] if unit.lease else []), *(job.lease for job in let_go(unit.jobs))]:
        job = job_of(lease.name)
        held = known.leases.get(lease.name) if job is None else known.jobs.get(job)
        if held is None or not held.owner or held.token != lease.token:
            raise lost(lease, *(held or ("", 0)))


def _columns(pairs: Iterable[Pair]) -> tuple[list[Any], list[Any]]:
    listed = list(pairs)
    return [first for first, _ in listed], [second for _, second in listed]
