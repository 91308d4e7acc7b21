"""Hearing from the other processes, over one connection that listens: a job may be had, something waits to be published."""

import asyncio
import logging
from collections.abc import Callable

import psycopg
from psycopg import sql

from connectors.journal.kafka.database import BROKEN, Database
from connectors.journal.kafka.waiters import Waiters
from connectors.journal.kafka.write import CHANNEL, OUTBOX
from connectors.ports.journal import Unavailable

AGAIN_S = 1.0
QUIET_S = 30.0
"""After so long without a word the connection is asked whether it still is one."""
_log = logging.getLogger(__name__)


class Notices:
    """Runs until `close`. After a lost connection everybody is woken to look, as news may have been missed."""

    def __init__(self, database: Database, waiters: Waiters, on_outbox: Callable[[], None]) -> None:
        self._database, self._waiters, self._on_outbox = database, waiters, on_outbox
        self._task = asyncio.create_task(self._run(), name="journal-notices")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (*BROKEN, Unavailable) as error:
                _log.info("notices are not heard, trying again: %s", error)
            await asyncio.sleep(AGAIN_S)

    async def _listen(self) -> None:
        connection = await self._database.connect()
        try:
            channel = sql.Identifier(f"{CHANNEL}_{self._database.schema}")
            await connection.execute(sql.SQL("LISTEN {}").format(channel))
            self._waiters.all()
            self._on_outbox()
            while True:
                async for notice in connection.notifies(timeout=QUIET_S):
                    self._hear(notice)
                async with asyncio.timeout(AGAIN_S * 5):
                    await connection.execute("SELECT 1")
        finally:
            await connection.close()

    def _hear(self, notice: psycopg.Notify) -> None:
        if notice.payload == OUTBOX:
            self._on_outbox()
        else:
            self._waiters.news((notice.payload,))
