"""What the journal file holds, read by a few threads beside the writer, so that no read stops the event loop."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import bindparam, func, literal_column, select

from connectors.journal.sqlite.file import connect_reader
from connectors.journal.sqlite.framing import entries
from connectors.journal.sqlite.tables import SPAN, jobs, positions, spaces, sql, streams
from connectors.ports.journal import Entry, Unavailable

THREADS = 2

_P = ParamSpec("_P")
_T = TypeVar("_T")

_NUMBER = sql(select(streams.c.number).where(streams.c.name == bindparam("name")))
_FLOOR = sql(select(streams.c.number, streams.c.floor).where(streams.c.name == bindparam("name")))
_POSITION = sql(
    select(positions.c.offset).where(
        positions.c.consumer == bindparam("consumer"), positions.c.stream == bindparam("stream")
    )
)
_GET = sql(select(spaces.c.value).where(spaces.c.space == bindparam("space"), spaces.c.key == bindparam("key")))
_SCAN = "SELECT key, value FROM spaces WHERE space = :space AND key >= :first ORDER BY key LIMIT :limit"
_OPEN_JOBS = sql(
    select(func.count())
    .select_from(jobs)
    .where(jobs.c.queue == bindparam("queue"), jobs.c.finished == literal_column("0"))
)
_ADDED = "SELECT rowid, value FROM spaces WHERE rowid > :after AND +space = :space ORDER BY rowid LIMIT :limit"
_KEYED = 'SELECT "offset" FROM keys WHERE stream = :stream AND "key" = :key ORDER BY "offset" DESC LIMIT :limit'
# The row that holds an offset is the last one that begins at or before it.
_FROM = """SELECT place, accepted_at, frames FROM batches WHERE place < :end AND place >= coalesce(
    (SELECT max(place) FROM batches WHERE place BETWEEN :start AND :place), :start) ORDER BY place"""
_BACK = (
    "SELECT place, count, accepted_at, frames FROM batches WHERE place BETWEEN :start AND :place ORDER BY place DESC"
)
_AT = "SELECT place, accepted_at FROM batches WHERE place BETWEEN :start AND :place ORDER BY place DESC LIMIT 1"
_LAST = "SELECT place + count - 1 FROM batches WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"


class Stored:
    """Runs the functions below on connections of its own, one per thread."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error when the file cannot be opened."""
        self._path = path
        self._own = threading.local()
        self._lock = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="journal-reader")

    async def run(
        self, read: Callable[Concatenate[sqlite3.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Raises Unavailable when closed, or when the file cannot be read."""

        def work() -> _T:
            try:
                return read(self._connection(), *args, **kwargs)
            except sqlite3.ProgrammingError:
                raise
            except sqlite3.Error as error:
                raise Unavailable(f"cannot read {str(self._path)!r}: {error}") from error

        try:
            running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        except RuntimeError as error:
            # The pool was shut down.
            raise Unavailable("the journal is closed: open it again") from error
        return await running

    def close(self) -> None:
        """Waits for reads under way."""
        self._pool.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = connect_reader(self._path)
            with self._lock:
                self._opened.append(connection)
        return connection


def number(connection: sqlite3.Connection, stream: str) -> int | None:
    """The stream's number, None while it is empty."""
    row = connection.execute(_NUMBER, {"name": stream}).fetchone()
    return None if row is None else int(row[0])


def head(connection: sqlite3.Connection, stream: str) -> int:
    row = connection.execute(_FLOOR, {"name": stream}).fetchone()
    if row is None:
        return 0
    start = row[0] * SPAN
    last = connection.execute(_LAST, (start, start + SPAN - 1)).fetchone()
    return int(last[0] - start if last else row[1])


def read(connection: sqlite3.Connection, stream: str, after: int, limit: int) -> list[Entry]:
    """As the port's `read`."""
    found: list[Entry] = []
    of = number(connection, stream)
    if of is None or limit <= 0:
        return found
    start = of * SPAN
    cursor = connection.execute(_FROM, {"start": start, "end": start + SPAN, "place": start + max(after, 0) + 1})
    for place, accepted_at, frames in cursor:
        found += entries(stream, place - start, accepted_at, frames, above=after, limit=limit - len(found))
        if len(found) >= limit:
            break
    # An open cursor would keep the log from being cut.
    cursor.close()
    return found


def back(connection: sqlite3.Connection, stream: str, upto: int, limit: int, *, since: int = 0) -> list[Entry]:
    """Entries with offsets up to `upto` that were accepted at `since` or later, in order; the latest of them, whole commits until
    at least `limit` are together."""
    commits: list[list[Entry]] = []
    of = number(connection, stream)
    if of is None or upto <= 0 or limit <= 0:
        return []
    start, together = of * SPAN, 0
    cursor = connection.execute(_BACK, {"start": start, "place": start + upto})
    for place, count, accepted_at, frames in cursor:
        if accepted_at < since:
            break
        commits.append(
            entries(stream, place - start, accepted_at, frames, limit=min(count, upto - (place - start) + 1))
        )
        together += len(commits[-1])
        if together >= limit:
            break
    cursor.close()
    return [entry for commit in reversed(commits) for entry in commit]


def accepted_until(connection: sqlite3.Connection, stream: str, until: int) -> int:
    """The last offset accepted at or before `until`, found by halving: acceptance never decreases with the offset."""
    of = number(connection, stream)
    if of is None:
        return 0
    start = of * SPAN
    low, high = 0, head(connection, stream)
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute(_AT, {"start": start, "place": start + middle}).fetchone()
        if row is None or row[1] <= until:
            low = middle
        else:
            high = row[0] - start - 1
    return max(low, 0)


def between(connection: sqlite3.Connection, stream: str, since: int, until: int, limit: int) -> list[Entry]:
    """As the port's `between`."""
    found = back(connection, stream, accepted_until(connection, stream, until), limit, since=since)
    return found[-limit:] if limit > 0 else []


def position(connection: sqlite3.Connection, consumer: str, stream: str) -> int:
    row = connection.execute(_POSITION, {"consumer": consumer, "stream": stream}).fetchone()
    return 0 if row is None else int(row[0])


def get(connection: sqlite3.Connection, space: str, key: str) -> bytes | None:
    row = connection.execute(_GET, {"space": space, "key": key}).fetchone()
    return None if row is None else bytes(row[0])


def scan(
    connection: sqlite3.Connection, space: str, prefix: str, after: str | None, limit: int | None
) -> list[tuple[str, bytes]]:
    """In order of the keys' code points; those above `after`."""
    found: list[tuple[str, bytes]] = []
    first = prefix if after is None else max(prefix, after + "\0")
    cursor = connection.execute(_SCAN, {"space": space, "first": first, "limit": -1 if limit is None else limit})
    for key, value in cursor:
        if not key.startswith(prefix):
            break
        found.append((key, bytes(value)))
    cursor.close()
    return found


def added(connection: sqlite3.Connection, space: str, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Rows of a space behind a place, in the order in which they were made: an update leaves a row where it is."""
    found = connection.execute(_ADDED, {"after": after, "space": space, "limit": limit})
    return [(int(place), bytes(value)) for place, value in found]


def open_jobs(connection: sqlite3.Connection, queue: str) -> int:
    return int(connection.execute(_OPEN_JOBS, {"queue": queue}).fetchone()[0])


def by_key(connection: sqlite3.Connection, stream: str, key: str, limit: int) -> list[Entry]:
    """Entries of an indexed stream with that key, in order, the latest `limit` of them."""
    of = number(connection, stream)
    if of is None:
        return []
    offsets = [row[0] for row in connection.execute(_KEYED, {"stream": of, "key": key, "limit": limit})]
    return [
        entry
        for offset in reversed(offsets)
        for entry in read(connection, stream, offset - 1, 1)
        if entry.offset == offset
    ]


def newest_with(connection: sqlite3.Connection, stream: str, needle: bytes, upto: int) -> list[Entry]:
    """Of the newest commit at or before offset `upto` whose bytes hold `needle`, the entries whose payload does; empty when there
    is none. A plain search from the end, for what has no index."""
    of = number(connection, stream)
    if of is None:
        return []
    start = of * SPAN
    cursor = connection.execute(_BACK, {"start": start, "place": start + upto})
    try:
        for place, _, accepted_at, frames in cursor:
            if needle in frames:
                first = place - start
                every = entries(stream, first, accepted_at, frames, limit=upto - first + 1)
                found = [entry for entry in every if needle in entry.payload]
                if found:
                    return found
    finally:
        cursor.close()
    return []
