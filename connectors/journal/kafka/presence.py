"""Who works on this journal at present, in what version and with what clock: each process says so now and then."""

import asyncio
import logging
from dataclasses import dataclass

from connectors.journal.kafka.database import Database
from connectors.journal.kafka.following import ClockFollower
from connectors.journal.kafka.time import JournalTime
from connectors.ports.journal import Busy, Unavailable

EVERY_S = 20.0
GONE_S = 3 * EVERY_S
"""One that was not heard for so long does not count as present."""
_FORGOTTEN_S = 24 * 3600
_SECOND = 1_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Present:
    """A process; its clock is `ahead_s` ahead of the database's, and `seen_s` seconds ago it said so."""

    owner: str
    version: str
    ahead_s: float
    seen_s: float


class Presence:
    """Announces this process from `start` to `close`."""

    def __init__(
        self, database: Database, time: JournalTime, following: ClockFollower, *, owner: str, version: str
    ) -> None:
        self._database, self._time, self._following = database, time, following
        self._owner, self._version = owner, version
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="journal-presence")

    async def close(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._database.rows("DELETE FROM processes WHERE owner = %s", (self._owner,))
        except (Unavailable, Busy) as error:
            _log.info("this process stays listed for a while: %s", error)

    async def _run(self) -> None:
        while True:
            try:
                await self._say()
            except (Unavailable, Busy) as error:
                _log.info("this process could not be listed: %s", error)
            await asyncio.sleep(EVERY_S)

    async def _say(self) -> None:
        now = self._time.now()
        await self._database.rows(
            """INSERT INTO processes (owner, version, ahead, seen_at) VALUES (%(owner)s, %(version)s, %(ahead)s, %(now)s)
               ON CONFLICT (owner) DO UPDATE SET ahead = excluded.ahead, seen_at = excluded.seen_at""",
            {"owner": self._owner, "version": self._version, "ahead": self._following.ahead, "now": now},
        )
        await self._database.rows("DELETE FROM processes WHERE seen_at < %s", (now - _FORGOTTEN_S * _SECOND,))


async def present(database: Database, now: int) -> list[Present]:
    """Those that were heard within GONE_S of `now` (journal time), by name."""
    rows = await database.rows(
        "SELECT owner, version, ahead, seen_at FROM processes WHERE seen_at > %s ORDER BY owner",
        (now - round(GONE_S * _SECOND),),
    )
    return [
        Present(owner, version, ahead / _SECOND, max(0.0, (now - seen_at) / _SECOND))
        for owner, version, ahead, seen_at in rows
    ]
