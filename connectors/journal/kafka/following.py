"""Keeping journal time with the database's clock, so that a machine whose own clock is off does no harm."""

import asyncio
import logging

from connectors.journal.kafka.database import Database
from connectors.journal.kafka.time import JournalTime
from connectors.ports.journal import Busy, Unavailable

EVERY_S = 20.0
TOLERATED_S = 5.0
"""From so much difference on the operator is told."""
_SECOND = 1_000_000
_log = logging.getLogger(__name__)


class ClockFollower:
    """`ahead`: by how many microseconds this machine's clock is ahead of the database's."""

    def __init__(self, database: Database, time: JournalTime) -> None:
        self.ahead = 0
        self._database, self._time = database, time
        self._told = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises Unavailable."""
        await self._ask()
        self._task = asyncio.create_task(self._run(), name="journal-clock")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self._ask()
            except (Unavailable, Busy) as error:
                _log.info("the database's clock could not be asked: %s", error)

    async def _ask(self) -> None:
        asked = self._time.monotonic()
        shared = await self._database.clock()
        self.ahead = self._time.follow(shared, asked, self._time.monotonic())
        off = abs(self.ahead) > TOLERATED_S * _SECOND
        if off and not self._told:
            _log.warning(
                "this machine's clock is %.1f s ahead of PostgreSQL's, whose time is used: set it right, as log lines and the"
                " times of other programs are compared with it",
                self.ahead / _SECOND,
            )
        self._told = off
