"""The lookout: while nothing can be recorded, pages for what was accepted before, and that nobody was told of yet."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import orjson
from pydantic import ValidationError

from connectors.ports.archive import Archive
from connectors.ports.clock import Clock
from connectors.ports.journal import DECISIONS, INPUTS, Entry, Journal, Unavailable
from connectors.ports.spaces import TRIAGE
from processors.act.rows import effect_of
from processors.investigate import rows as investigating
from processors.triage.fold import Broken, fold
from processors.triage.standing import progress
from rules.engine import Engine
from schemas import Decision, Incident
from tocsin.bell import EmergencyBell, asks, page_key

EVERY_S = 1.0
PATIENCE_S = 15.0
"""A fault that lasts so long is not one that work simply waits out."""
AGAIN_S = 60.0
"""A page that did not go out is tried again so much later."""
MOST = 500
"""Entries looked at in one round, of each stream."""
_log = logging.getLogger(__name__)


class Lookout:
    """A sender whose signal was accepted does not come again, so the bell at the door never hears of it. Everything here is read:
    what is not decided yet is decided on a copy of the stored state, and forgotten again. The page's key is the one the usual way
    will use, which then finds it sent."""

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        engine: Engine,
        bell: EmergencyBell,
        *,
        fault: Callable[[], str | None],
        clock: Clock,
        every_s: float = EVERY_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._journal, self._archive, self._engine, self._bell = journal, archive, engine, bell
        self._fault, self._clock = fault, clock
        self._every_s, self._patience_s = every_s, patience_s

    async def run(self) -> None:
        """Until cancelled."""
        due: float | None = None
        while True:
            await asyncio.sleep(self._every_s)
            fault, now = self._fault(), self._clock.monotonic()
            if fault is None:
                due = None
            elif due is None:
                due = now + self._patience_s
            elif due <= now:
                due = now + AGAIN_S
                try:
                    await self.look(fault)
                except Unavailable as error:
                    _log.error("what waits cannot be read, and is not paged for: %s", error)

    async def look(self, reason: str) -> None:
        """Page for each incident that waits and is serious enough, unless it was done."""
        for incident in await self.waiting():
            if await effect_of(self._journal, page_key(incident)) is None:
                await self._bell.page(incident, reason, at=self._journal.now())

    async def waiting(self) -> list[Incident]:
        """Incidents for which an investigation was asked or would be, and that are not over."""
        asked: dict[str, Incident] = {}
        for _, identity in await self._journal.scan(investigating.RUNNING):
            found = await investigating.load(self._journal, identity.decode())
            if found is not None:
                asked[found.incident_id] = await self._archive.incident(found.incident_id) or found.incident
        taken = await self._journal.position(investigating.CONSUMER, DECISIONS)
        chosen = _read(await self._journal.read(DECISIONS, after=taken, limit=MOST))
        decided = [*chosen, *await self._undecided()]
        told = {decision.incident_id for decision in decided if asks(decision)}
        for decision in decided:
            incident = decision.data.get("incident")
            if isinstance(incident, dict) and (incident["id"] in told or incident["id"] in asked):
                asked[incident["id"]] = Incident.model_validate(incident)
        return [incident for incident in asked.values() if incident.status != "resolved"]

    async def _undecided(self) -> list[Decision]:
        """What triage decides about the inputs it cannot move past, and about groups whose wait is over meanwhile."""
        now = self._journal.now()
        stored, position = await progress(self._journal)
        entries = await self._journal.read(INPUTS, after=stored, limit=position - stored + MOST)
        before = [entry for entry in entries if entry.offset <= position]
        groups = [orjson.loads(row) for _, row in await self._journal.scan(TRIAGE, "delivery/group/")]
        overdue = any(row.get("due", now + 1) <= now for row in groups)
        if not entries and not overdue:
            return []
        rows = await self._journal.scan(TRIAGE)

        def decide() -> list[Decision]:
            state = self._engine.state((key, orjson.loads(row)) for key, row in rows)
            # What is decided already, but not yet in the rows.
            fold(self._engine, state, before)
            decided = fold(self._engine, state, entries[len(before) :]).decisions
            return decided + (self._engine.advance(state, {}, kind="tick", now=now) if overdue or before else [])

        try:
            return await asyncio.to_thread(decide)
        except Broken as error:
            _log.error("what waits cannot be decided about, and is not paged for: %s", error)
            return []


def _read(entries: Sequence[Entry]) -> list[Decision]:
    """Those that say how incidents are."""
    found: list[Decision] = []
    for entry in entries:
        if entry.kind == "decision" and (b'"incident"' in entry.payload or b"playbook.held" in entry.payload):
            try:
                found.append(Decision.from_json(entry.payload))
            except ValidationError as error:
                _log.error("decision %d cannot be read: %s", entry.offset, error)
    return found
