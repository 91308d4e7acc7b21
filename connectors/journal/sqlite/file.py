"""The journal file on disk: connections with the right pragmas, and the lock that lets one process write."""

import fcntl
import os
import sqlite3
from pathlib import Path

from connectors.ports.journal import JournalError, Unavailable

BUSY_TIMEOUT_MS = 2_000
"""How long a foreign lock on the file is waited for, before what was asked fails with Unavailable."""
CHECKPOINT_PAGES = 4_000
"""The log is copied into the file once it is 16 MB long."""
WAL_KEPT_BYTES = 64 << 20
"""A log that grew behind a stuck reader is cut to this after the next complete checkpoint."""


class InUse(JournalError):
    """Another process writes this journal: stop that one, or read beside it with `open_reader`."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection for the writer's thread: WAL, every commit fsynced. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000, cached_statements=256
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        connection.execute("PRAGMA cache_size = -16384")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection, usable whether a writer runs or not. Raises sqlite3.Error.

    In a folder that cannot be written and with no log left behind (nobody writes), the file is read as immutable.
    """
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(
        f"{uri}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if not path.exists() or wal_path(path).exists():
            raise
        connection = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    return connection


def wal_path(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of `path`."""
    return path.with_name(path.name + "-wal")


def wal_bytes(path: Path) -> int:
    """How long the log is now; one that keeps growing has a reader stuck in an old transaction."""
    try:
        return wal_path(path).stat().st_size
    except FileNotFoundError:
        return 0


class WriterLock:
    """The right to write a journal file, held by one process through `PATH.lock` until it is released or the process ends."""

    def __init__(self, path: Path) -> None:
        """Raises InUse, naming the process that holds it; Unavailable when the folder cannot be written."""
        self._path = path.with_name(path.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Unavailable(
                f"cannot write in {str(path.parent)!r} ({error.strerror}): make the folder writable, or configure another"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise InUse(
                f"{str(path)!r} is written by process {pid}; stop that one first, or open it for reading only"
            ) from error
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            # A full disk: the lock holds without its note, and the journal itself will say what is wrong.
            pass

    def release(self) -> None:
        """Let another process write; the lock file stays, so that nobody can lock one that is being removed."""
        os.close(self._descriptor)
