"""Opening the journal for writing: the lock, the tables, what is known by heart, the writer's thread."""

import logging
import sqlite3
from pathlib import Path

from connectors.journal.sqlite.committer import Committer
from connectors.journal.sqlite.file import WriterLock, connect_writer
from connectors.journal.sqlite.journal import SqliteJournal
from connectors.journal.sqlite.leases import free_all
from connectors.journal.sqlite.migrations import migrate
from connectors.journal.sqlite.queue import RequestQueue
from connectors.journal.sqlite.state import State
from connectors.journal.sqlite.tail import Tail
from connectors.journal.sqlite.time import JournalTime
from connectors.ports.clock import Clock
from connectors.ports.journal import Unavailable

QUEUED_MOST = 10_000
QUEUED_BYTES = 64 << 20
TAIL_BYTES = 16 << 20
_log = logging.getLogger(__name__)


def open_journal(
    path: Path,
    *,
    clock: Clock,
    queued_most: int = QUEUED_MOST,
    queued_bytes: int = QUEUED_BYTES,
    tail_bytes: int = TAIL_BYTES,
) -> SqliteJournal:
    """Open or create the journal for writing, bring its tables up to date, recover what a crash left, free what an earlier process
    held, and start its writer's thread.

    Blocks for milliseconds (longer after a crash, by the length of the log); call it before serving. At most `queued_most` appends or
    `queued_bytes` wait to be written before `Busy`; `tail_bytes` of the newest entries stay in memory.

    Raises InUse, naming the process, when another one writes it; Unavailable when folder or file cannot be written; JournalError when
    the file was written by a newer Tocsin.
    """
    lock = WriterLock(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = connect_writer(path)
        migrate(connection)
        try:
            free_all(connection)
        except sqlite3.OperationalError as error:
            # A full disk: opening must work all the same, and the leases run out by themselves.
            _log.warning("what an earlier process held stays held until its leases end: %s", error)
        state = State()
        state.load(connection)
    except BaseException as error:
        if connection is not None:
            connection.close()
        lock.release()
        if isinstance(error, sqlite3.Error):
            raise Unavailable(
                f"cannot open the journal {str(path)!r}: {error}; check the disk, or configure another path"
            ) from error
        raise
    time = JournalTime(clock, state.last_at)
    queue = RequestQueue(most=queued_most, most_bytes=queued_bytes)
    tail = Tail(tail_bytes)
    committer = Committer(path, connection, state, time, queue, tail)
    committer.start()
    return SqliteJournal(path, lock, state, time, queue, tail, committer)
