"""The past of an evaluated incident: nothing but its own signals."""

from collections.abc import Sequence

from typing_extensions import override

from connectors.ports.archive import Archive
from schemas import Decision, Incident, Signal


class NoArchive(Archive):
    """Holds the signals of one incident and that incident."""

    def __init__(self, signals: Sequence[Signal], incident: Incident) -> None:
        self._signals, self._incident = tuple(signals), incident

    @override
    async def signals(
        self, *, since: int, until: int, types: Sequence[str] = (), service: str | None = None, limit: int = 500
    ) -> Sequence[Signal]:
        chosen = [
            each for each in self._signals if since <= each.occurred_at <= until and (not types or each.type in types)
        ]
        return [each for each in chosen if service is None or each.service == service][-limit:]

    @override
    async def signal(self, signal_id: str) -> Signal | None:
        return next((each for each in self._signals if each.id == signal_id), None)

    @override
    async def incidents(self, *, since: int = 0, limit: int = 500) -> Sequence[Incident]:
        return ()

    @override
    async def incident(self, incident_id: str) -> Incident | None:
        return self._incident if incident_id == self._incident.id else None

    @override
    async def decisions(self, *, incident_id: str, limit: int = 1000) -> Sequence[Decision]:
        return ()
