"""The archive: what was observed and decided before, for those who look back."""

from collections.abc import Sequence
from typing import Protocol

from schemas import Decision, Incident, Signal


class Archive(Protocol):
    """Reads over the recorded past. Bounded: each answer says no more than `limit` records, the latest ones."""

    async def signals(
        self, *, since: int, until: int, types: Sequence[str] = (), service: str | None = None, limit: int = 500
    ) -> Sequence[Signal]:
        """Signals (log lines among them) with event times in [since, until], oldest first; `types` empty means all."""

    async def signal(self, signal_id: str) -> Signal | None:
        """One signal, by id."""

    async def incidents(self, *, since: int = 0, limit: int = 500) -> Sequence[Incident]:
        """Incidents opened at or after `since`, oldest first, each as it is now."""

    async def incidents_after(self, place: int, limit: int) -> Sequence[tuple[int, Incident]]:
        """Incidents behind a place in the order in which they were first kept, each as it is now and with its own place; 0 is before
        all of them. Asking again from the last place gives what came since, and costs no more than that."""
        every = await self.incidents(limit=1 << 40)
        return list(enumerate(every, 1))[place : place + limit]

    async def incident(self, incident_id: str) -> Incident | None:
        """One incident as it is now."""

    async def decisions(self, *, incident_id: str, limit: int = 1000) -> Sequence[Decision]:
        """What was decided about one incident, in order."""
