"""Housekeeping: lets go of what the journal has kept long enough and the ledger has."""

import asyncio
import logging

from connectors.ports.journal import DECISIONS, INPUTS, Busy, Journal, Unavailable
from tocsin.config import Retention

EVERY_S = 600.0
DAY = 86_400_000_000
_log = logging.getLogger(__name__)


class Housekeeping:
    """Drops old records in small steps, never what a consumer (the recorder among them) has not passed."""

    def __init__(self, journal: Journal, retention: Retention) -> None:
        self._journal = journal
        self._keep = {INPUTS: retention.inputs_days, DECISIONS: retention.decisions_days}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.once()

    async def once(self) -> int:
        """One round; returns how many records went."""
        dropped = 0
        for stream, days in self._keep.items():
            try:
                dropped += await self._journal.retain(stream, before=self._journal.now() - round(days * DAY))
            except (Busy, Unavailable) as error:
                _log.warning("old records of %s stay for now: %s", stream, error)
        return dropped
