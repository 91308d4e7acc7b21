"""The steps that lead from an empty file to the tables of today; a step that was released is never changed."""

import sqlite3

from connectors.ports.journal import JournalError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE streams (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,
           floor BIGINT NOT NULL DEFAULT 0, floor_at BIGINT NOT NULL DEFAULT 0)""",
        """CREATE TABLE batches (place INTEGER NOT NULL PRIMARY KEY, count BIGINT NOT NULL, accepted_at BIGINT NOT NULL,
           frames BLOB NOT NULL)""",
        """CREATE TABLE keys (stream BIGINT NOT NULL, "key" TEXT NOT NULL, "offset" BIGINT NOT NULL,
           PRIMARY KEY (stream, "key", "offset")) WITHOUT ROWID""",
        """CREATE TABLE spaces (space TEXT NOT NULL, "key" TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (space, "key"))""",
        """CREATE TABLE positions (consumer TEXT NOT NULL, stream TEXT NOT NULL, "offset" BIGINT NOT NULL,
           PRIMARY KEY (consumer, stream)) WITHOUT ROWID""",
        """CREATE TABLE leases (name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, token BIGINT NOT NULL,
           expires_at BIGINT NOT NULL)""",
        """CREATE TABLE jobs (seq INTEGER NOT NULL PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, payload BLOB NOT NULL,
           due BIGINT NOT NULL, priority BIGINT NOT NULL, attempt BIGINT NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
           free_at BIGINT NOT NULL, finished BIGINT NOT NULL DEFAULT 0, UNIQUE (queue, id))""",
        "CREATE INDEX jobs_open ON jobs (queue, priority DESC, due, seq) WHERE finished = 0",
    ),
)
"""Step N brings the file to version N (`PRAGMA user_version`)."""


def migrate(connection: sqlite3.Connection) -> int:
    """Bring the file up to date in one transaction; returns its version. Two processes may call it at once: the second waits
    and finds nothing to do.

    Raises JournalError when the file was written by a newer Tocsin, sqlite3.Error when it cannot be written.
    """
    newest = len(MIGRATIONS)
    if version_of(connection) == newest:
        return newest
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = version_of(connection)
        for step in MIGRATIONS[found:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return newest


def version_of(connection: sqlite3.Connection) -> int:
    """How many steps this file has seen. Raises JournalError when that is more than are known here."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > len(MIGRATIONS):
        raise JournalError(
            f"the journal file has version {found!r}, this Tocsin knows up to {len(MIGRATIONS)!r}: use the newer Tocsin that wrote it"
        )
    return int(found)
