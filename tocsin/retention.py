"""Housekeeping: lets go of what the journal has kept long enough and the ledger has."""

import asyncio
import logging

from connectors.ports.journal import DECISIONS, INPUTS, Busy, Conflict, Journal, Unavailable
from connectors.ports.spaces import QUARANTINE
from processors.act import keeping as acting
from processors.investigate import keeping as investigating
from processors.over import Over
from schemas.quarantine import Quarantine
from tocsin.config import Retention

EVERY_S = 600.0
ROWS_EVERY = 36
"""Rows are read through in every so many rounds, six hours: they are kept for days."""
PAGE = 100
DAY = 86_400_000_000
_log = logging.getLogger(__name__)


class Housekeeping:
    """Drops old records in small steps, never what a consumer (the recorder among them) has not passed; and what was kept to work on
    incidents that have been over for as long."""

    def __init__(self, journal: Journal, retention: Retention) -> None:
        self._journal = journal
        self._days = retention.decisions_days
        self._keep = {INPUTS: retention.inputs_days, DECISIONS: retention.decisions_days}

    async def run(self) -> None:
        """Until cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(EVERY_S)
            await self.once()
            if rounds % ROWS_EVERY == 0:
                await self.let_go()
            rounds += 1

    async def once(self) -> int:
        """One round through the streams; returns how many records went."""
        dropped = 0
        for stream, days in self._keep.items():
            try:
                dropped += await self._journal.retain(stream, before=self._journal.now() - round(days * DAY))
            except (Busy, Unavailable) as error:
                _log.warning("old records of %s stay for now: %s", stream, error)
        return dropped

    async def let_go(self) -> int:
        """One round through actions, investigations and the quarantine; returns how many of them went. Several processes may do it at
        once."""
        before = self._journal.now() - round(self._days * DAY)
        over, gone = Over(self._journal, before=before), 0
        try:
            gone += await acting.let_go(self._journal, over)
            gone += await investigating.let_go(self._journal, over)
            gone += await self._quarantined(before)
        except (Busy, Unavailable, Conflict) as error:
            _log.warning("what was kept for incidents that are over stays for now: %s", error)
        return gone

    async def _quarantined(self, before: int) -> int:
        gone, after = 0, None
        while page := await self._journal.scan(QUARANTINE, after=after, limit=PAGE):
            after = page[-1][0]
            old = [key for key, row in page if Quarantine.from_json(row).received_at < before]
            if old:
                async with self._journal.unit() as unit:
                    for key in old:
                        unit.delete(QUARANTINE, key)
                _log.warning("%d parts that could not be read leave the quarantine: nobody retried them", len(old))
            gone += len(old)
        return gone
