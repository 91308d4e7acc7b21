"""Over: which incidents ended so long ago that what was kept to work on them can go; the ledger has what was decided."""

from connectors.ports.journal import Journal
from connectors.ports.spaces import INCIDENTS
from schemas import Incident


class Over:
    """Tells of incidents by id; remembers each answer, so it is made anew for each round."""

    def __init__(self, journal: Journal, *, before: int) -> None:
        """`before`: journal time, microseconds. What was resolved earlier is over; so is what triage does not know at all."""
        self.before = before
        self._journal = journal
        self._known: dict[str, bool] = {}

    async def __call__(self, incident_id: str) -> bool:
        """Whether nothing more is to come to this incident. Raises JournalError."""
        if incident_id not in self._known:
            row = await self._journal.get(INCIDENTS, incident_id)
            incident = None if row is None else Incident.from_json(row)
            self._known[incident_id] = incident is None or (
                incident.status == "resolved" and (incident.resolved_at or incident.last_seen) < self.before
            )
        return self._known[incident_id]
