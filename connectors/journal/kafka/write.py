"""Writing what a group of units changes, and numbering what they append.

Arrays go out in binary form (`%b`): as text each byte of each row would be looked at for what needs escaping.
"""

from collections.abc import Sequence

from connectors.journal.collected import Enqueue, Finish, Reschedule
from connectors.journal.kafka.database import Connection
from connectors.journal.kafka.group import Changes, Numbered
from connectors.ports.journal import DECISIONS

INDEXED = frozenset({DECISIONS})
"""Streams whose records can be found by their key."""
CHANNEL = "tocsin"
"""Where other processes are told that something is due or waits to be published."""
OUTBOX = "outbox"
"""Said on the channel when something waits to be published; `queue:NAME` when a job may be had."""


async def write(connection: Connection, changes: Changes, *, now: int, schema: str) -> dict[str, int]:
    """Do what was decided; returns for each stream the number its last record got.

    Raises psycopg.errors.UniqueViolation when another process makes one of the rows at this moment: decide again.
    """
    await _positions(connection, changes)
    await _rows(connection, changes)
    news = await _jobs(connection, changes, now)
    # The numbers last: whoever has them keeps the others that append waiting until the commit.
    numbers = await _records(connection, changes.records, now)
    if numbers:
        news.add(OUTBOX)
    if news:
        await connection.execute(
            "SELECT pg_notify(%s, told) FROM unnest(%b::text[]) AS told", (f"{CHANNEL}_{schema}", sorted(news))
        )
    return numbers


async def _positions(connection: Connection, changes: Changes) -> None:
    if not changes.positions:
        return
    moved = sorted(changes.positions.items())
    await connection.execute(
        """UPDATE positions AS p SET "offset" = m."offset", epoch = m.epoch
           FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[]) AS m (consumer, stream, "offset", epoch)
           WHERE p.consumer = m.consumer AND p.stream = m.stream""",
        (
            [consumer for (consumer, _), _ in moved],
            [stream for (_, stream), _ in moved],
            [offset for _, (offset, _) in moved],
            [epoch for _, (_, epoch) in moved],
        ),
    )


async def _rows(connection: Connection, changes: Changes) -> None:
    gone = sorted(at for at, value in changes.rows.items() if value is None)
    made = sorted((*at, value) for at, value in changes.rows.items() if value is not None and at in changes.created)
    kept = sorted((*at, value) for at, value in changes.rows.items() if value is not None and at not in changes.created)
    if gone:
        await connection.execute(
            "DELETE FROM spaces WHERE (space, key) IN (SELECT * FROM unnest(%b::text[], %b::text[]))",
            ([space for space, _ in gone], [key for _, key in gone]),
        )
    if made:
        await connection.execute(
            "INSERT INTO spaces (space, key, value) SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[])",
            tuple(map(list, zip(*made, strict=True))),
        )
    if kept:
        await connection.execute(
            """INSERT INTO spaces (space, key, value) SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[])
               ON CONFLICT (space, key) DO UPDATE SET value = excluded.value""",
            tuple(map(list, zip(*kept, strict=True))),
        )


async def _jobs(connection: Connection, changes: Changes, now: int) -> set[str]:
    """Returns what to tell the other processes."""
    news: set[str] = set()
    queued = [change for change in changes.jobs if isinstance(change, Enqueue)]
    if queued:
        due = [change.due or now for change in queued]
        await connection.execute(
            """INSERT INTO jobs (queue, id, payload, due, priority, free_at)
               SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[], %b::bigint[], %b::bigint[], %b::bigint[])
               ON CONFLICT (queue, id) DO NOTHING""",
            (
                [change.queue for change in queued],
                [change.job_id for change in queued],
                [change.payload for change in queued],
                due,
                [change.priority for change in queued],
                due,
            ),
        )
        news |= {f"queue:{change.queue}" for change in queued}
    for change in changes.jobs:
        if isinstance(change, Reschedule):
            await connection.execute(
                """UPDATE jobs SET due = %s, free_at = %s, owner = '', payload = coalesce(%s, payload)
                   WHERE queue = %s AND id = %s""",
                (change.due, change.due, change.payload, change.job.queue, change.job.id),
            )
            news.add(f"queue:{change.job.queue}")
        elif isinstance(change, Finish):
            await connection.execute(
                "UPDATE jobs SET finished = true, owner = '', payload = ''::bytea WHERE queue = %s AND id = %s",
                (change.job.queue, change.job.id),
            )
    return news


async def _records(connection: Connection, records: Sequence[Numbered], now: int) -> dict[str, int]:
    by_stream: dict[str, list[Numbered]] = {}
    for numbered in records:
        by_stream.setdefault(numbered.stream, []).append(numbered)
    last: dict[str, int] = {}
    for stream, waiting in sorted(by_stream.items()):
        cursor = await connection.execute(
            """INSERT INTO streams AS s (name, number) VALUES (%s, %s)
               ON CONFLICT (name) DO UPDATE SET number = s.number + excluded.number RETURNING number""",
            (stream, len(waiting)),
        )
        [(last[stream],)] = await cursor.fetchall()
        first = last[stream] - len(waiting) + 1
        await connection.execute(
            """INSERT INTO outbox (stream, number, at, kind, key, payload, trace)
               SELECT %s, %s + place - 1, %s, kind, key, payload, trace
               FROM unnest(%b::text[], %b::text[], %b::bytea[], %s::bytea[])
               WITH ORDINALITY AS waiting (kind, key, payload, trace, place)""",
            (
                stream,
                first,
                now,
                [each.record.kind for each in waiting],
                [each.record.key for each in waiting],
                [each.record.payload for each in waiting],
                [each.trace for each in waiting],
            ),
        )
        if stream in INDEXED:
            keyed = [(each.record.key, number) for number, each in enumerate(waiting, first) if each.record.key]
            if keyed:
                await connection.execute(
                    "INSERT INTO keys (stream, key, number) SELECT %s, * FROM unnest(%b::text[], %b::bigint[])",
                    (stream, [key for key, _ in keyed], [number for _, number in keyed]),
                )
    return last
