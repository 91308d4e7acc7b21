"""Looking into a journal from outside the process that writes it, or when none does."""

import asyncio
import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from connectors.journal.sqlite import stored
from connectors.journal.sqlite.file import connect_reader
from connectors.journal.sqlite.migrations import version_of
from connectors.journal.sqlite.stored import Stored
from connectors.ports.clock import Clock
from connectors.ports.journal import Entry, JournalError, Unavailable

POLL_S = 0.2
"""How often a reader looks whether the writer, another process, has committed something."""


def open_reader(path: Path, *, clock: Clock) -> "SqliteReader":
    """Open an existing journal for reading; any number of processes may, whether one writes or not.

    Raises Unavailable when there is none or it cannot be read; JournalError when its tables are older or newer than this Tocsin.
    """
    if not path.exists():
        raise Unavailable(f"there is no journal at {str(path)!r}: start the program once, or name another path")
    try:
        connection = connect_reader(path)
        try:
            found = version_of(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise Unavailable(f"cannot read the journal {str(path)!r}: {error}") from error
    if found == 0:
        raise JournalError(f"{str(path)!r} holds no journal's tables yet: start the program once")
    return SqliteReader(path, clock)


class SqliteReader:
    """The reading half of the Journal port, with the same promises, except that `wait` polls. Made by `open_reader`."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.stored = Stored(path)
        self._clock = clock

    def now(self) -> int:
        """The clock's time: a reader has no journal time of its own."""
        return self._clock.now()

    async def read(self, stream: str, *, after: int, limit: int = 500) -> Sequence[Entry]:
        return await self.stored.run(stored.read, stream, after, limit)

    async def between(self, stream: str, *, since: int, until: int, limit: int = 10_000) -> Sequence[Entry]:
        return await self.stored.run(stored.between, stream, since, until, limit)

    async def wait(self, stream: str, *, after: int, timeout_s: float | None = None) -> bool:
        loop = asyncio.get_running_loop()
        deadline = math.inf if timeout_s is None else loop.time() + timeout_s
        while await self.head(stream) <= after:
            left = deadline - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL_S, left))
        return True

    async def head(self, stream: str) -> int:
        return await self.stored.run(stored.head, stream)

    async def position(self, consumer: str, stream: str) -> int:
        return await self.stored.run(stored.position, consumer, stream)

    async def get(self, space: str, key: str) -> bytes | None:
        return await self.stored.run(stored.get, space, key)

    async def scan(
        self, space: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> Sequence[tuple[str, bytes]]:
        return await self.stored.run(stored.scan, space, prefix, after, limit)

    async def pending(self, queue: str) -> int:
        return await self.stored.run(stored.open_jobs, queue)

    async def close(self) -> None:
        await asyncio.to_thread(self.stored.close)
