"""The connections to PostgreSQL: few, shared, replaced when they break."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection

from connectors.journal.kafka.whole import whole
from connectors.ports.journal import Busy, Unavailable

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]
Answer = TypeVar("Answer")
PATIENCE_S = 5.0
"""How long a caller waits for a connection, and a statement for its answer."""
LEFT_OPEN_MS = 2_000
"""A process that is paused in the middle of a transaction keeps others from what it locked for no longer than this."""
_log = logging.getLogger(__name__)

# Everything is read a page at a time in the order of an index. Where PostgreSQL has not counted a table yet
# (autovacuum does it once a minute) it would rather read and sort all of it for each page: 0.47 s for 5,000 of 200,000 rows, else 0.01 s.

BROKEN = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError, OSError)
"""What says that the database cannot be reached, not that something was wrong with what was asked."""


@asynccontextmanager
async def at_once(connection: Connection) -> AsyncIterator[None]:
    """What is executed within goes out together; who asks for an answer waits for those before it too, as does the end. The first error
    is raised by whoever waits. A connection on which that was broken off is closed: nobody waits for what is under way on it."""
    async with connection.pipeline():
        try:
            yield
        except psycopg.Error:
            raise
        except BaseException:
            await connection.close()
            raise


class Database:
    """At most `most` connections. `fault` says why it cannot be reached at present."""

    def __init__(self, url: str, schema: str, *, most: int) -> None:
        self.fault: str | None = None
        self.schema = schema
        self._url = url
        self._free = asyncio.Semaphore(most)
        self._most = most
        self._idle: list[Connection] = []
        self._closed = False

    async def connect(self) -> Connection:
        """A new connection, which the caller closes. Raises Unavailable."""
        try:
            connection = await whole(self._connect(), AsyncConnection.close)
        except BROKEN as error:
            raise self._unreachable(error) from error
        self.fault = None
        return connection

    async def _connect(self) -> Connection:
        async with asyncio.timeout(2 * PATIENCE_S):
            connection = await AsyncConnection.connect(
                self._url,
                autocommit=True,
                connect_timeout=round(PATIENCE_S),
                keepalives_idle=10,
                keepalives_interval=3,
                keepalives_count=3,
                tcp_user_timeout=round(PATIENCE_S * 1000),
                application_name="tocsin",
            )
            try:
                await connection.execute(
                    """SELECT set_config('search_path', %s, false), set_config('idle_in_transaction_session_timeout', %s, false),
                              set_config('enable_sort', 'off', false), set_config('enable_bitmapscan', 'off', false)""",
                    (self.schema, f"{LEFT_OPEN_MS}"),  # the last two: read by an index, see above
                )
            except BaseException:
                await connection.close()
                raise
        return connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One of the shared ones. Raises Busy when none becomes free in time, Unavailable when the database cannot be reached or
        the connection breaks meanwhile."""
        if self._closed:
            raise Unavailable("the journal is closed: open it again")
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise Busy(
                f"all {self._most!r} connections to PostgreSQL were in use for {PATIENCE_S!r} s: allow more of them, or send less"
            ) from error
        connection: Connection | None = None
        try:
            connection = self._idle.pop() if self._idle else await self.connect()
            try:
                yield connection
            except BROKEN as error:
                await self._drop_all(connection)
                connection = None
                raise self._unreachable(error) from error
            except BaseException:
                # Whatever was going on on it is not to be seen by the next one.
                await connection.close()
                connection = None
                raise
            if not self._closed and not connection.closed:
                self._idle.append(connection)
                connection = None
        finally:
            if connection is not None:
                await connection.close()
            self._free.release()

    async def rows(
        self, statement: LiteralString, parameters: Sequence[Any] | Mapping[str, Any] = (), *, binary: bool = False
    ) -> list[Row]:
        """What one statement that may be said twice answers; `binary` where it answers many bytes. A connection that broke while idle is
        replaced once."""
        return await self._twice(lambda: self.once(statement, parameters, binary=binary))

    async def several(self, statements: Sequence[tuple[LiteralString, Sequence[Any]]]) -> list[list[Row]]:
        """What statements that may be said twice answer, which go out together as one transaction; as `rows` otherwise."""

        async def ask() -> list[list[Row]]:
            async with self.connection() as connection, asyncio.timeout(PATIENCE_S):
                async with at_once(connection):
                    cursors = [await connection.execute(statement, parameters) for statement, parameters in statements]
                return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]

        return await self._twice(ask)

    async def _twice(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        for last in (False, True):
            stale = bool(self._idle)
            try:
                return await ask()
            except Unavailable:
                if last or not stale or self._closed:
                    raise
        raise AssertionError("unreachable")

    async def once(
        self, statement: LiteralString, parameters: Sequence[Any] | Mapping[str, Any] = (), *, binary: bool = False
    ) -> list[Row]:
        """What one statement answers; not repeated when the connection breaks, as nobody knows then whether it was done."""
        async with self.connection() as connection, asyncio.timeout(PATIENCE_S):
            cursor = await connection.execute(statement, parameters, binary=binary)
            return await cursor.fetchall() if cursor.description else []

    async def clock(self) -> int:
        """The database's clock, microseconds."""
        [(now,)] = await self.rows("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        return int(now)

    async def close(self) -> None:
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _drop_all(self, connection: Connection) -> None:
        """One connection broke: the idle ones are most probably no better."""
        idle, self._idle = self._idle, []
        for each in (connection, *idle):
            await each.close()

    def _unreachable(self, error: BaseException) -> Unavailable:
        said = str(error).strip().replace("\n", "; ") or f"no answer within {PATIENCE_S} s"
        if self.fault is None:
            _log.error("PostgreSQL cannot be used: %s", said)
        self.fault = f"PostgreSQL cannot be used: {said}"
        return Unavailable(
            f"{self.fault}; check that it runs and takes connections, it is tried again by itself", retry_after_s=1.0
        )
