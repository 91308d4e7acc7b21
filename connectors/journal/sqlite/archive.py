"""Looking back over what the journal still holds: signals by when they happened, incidents, and what was decided about them."""

import heapq
import sqlite3
from collections.abc import Sequence

import orjson
from typing_extensions import override

from connectors.journal.sifting import Wanted, latest_incidents, matching, named
from connectors.journal.sqlite import stored
from connectors.journal.sqlite.journal import SqliteJournal
from connectors.journal.sqlite.reader import SqliteReader
from connectors.ports.archive import Archive
from connectors.ports.journal import DECISIONS, INPUTS, Entry
from connectors.ports.spaces import INCIDENTS
from schemas import Decision, Incident, Signal
from schemas.time import SECOND

PAGE = 500


class SqliteArchive(Archive):
    """Signals are stored in the order of acceptance: event times are looked for `margin_s` to both sides of it, so a signal that
    came later than that after it happened is not found by time. The range is walked from its end until enough are together."""

    def __init__(self, journal: SqliteJournal | SqliteReader, *, margin_s: float = 3600) -> None:
        self._stored = journal.stored
        self._margin = round(margin_s * SECOND)

    @override
    async def signals(
        self, *, since: int, until: int, types: Sequence[str] = (), service: str | None = None, limit: int = 500
    ) -> Sequence[Signal]:
        wanted = Wanted(since, until, frozenset(types), service)
        latest: list[tuple[int, int, int, Signal]] = []
        upto = await self._stored.run(stored.accepted_until, INPUTS, until + self._margin)
        while upto > 0 and limit > 0:
            page = await self._stored.run(stored.back, INPUTS, upto, PAGE, since=since - self._margin)
            if not page:
                break
            for at, entry, index, signal in await self._stored.run(_matching, page, wanted):
                heapq.heappush(latest, (at, entry, index, signal))
                if len(latest) > limit:
                    heapq.heappop(latest)
            upto = page[0].offset - 1
            if len(latest) == limit and latest[0][0] > page[0].accepted_at + self._margin:
                # Whatever was accepted before this page happened before everything found.
                break
        return [signal for *_, signal in sorted(latest, key=lambda found: found[:3])]

    @override
    async def signal(self, signal_id: str) -> Signal | None:
        needle = orjson.dumps(signal_id.partition("/")[0])
        upto = await self._stored.run(stored.head, INPUTS)
        while entries := await self._stored.run(stored.newest_with, INPUTS, needle, upto):
            for entry in entries:
                if (signal := named(signal_id, entry)) is not None:
                    return signal
            # Something else that spoke of it, a command for instance.
            upto = entries[0].offset - 1
        return None

    @override
    async def incidents(self, *, since: int = 0, limit: int = 500) -> Sequence[Incident]:
        return await self._stored.run(_incidents, since, limit)

    @override
    async def incidents_after(self, place: int, limit: int) -> Sequence[tuple[int, Incident]]:
        found = await self._stored.run(stored.added, INCIDENTS, place, limit)
        return [(number, Incident.from_json(content)) for number, content in found]

    @override
    async def incident(self, incident_id: str) -> Incident | None:
        content = await self._stored.run(stored.get, INCIDENTS, incident_id)
        return None if content is None else Incident.from_json(content)

    @override
    async def decisions(self, *, incident_id: str, limit: int = 1000) -> Sequence[Decision]:
        entries = await self._stored.run(stored.by_key, DECISIONS, incident_id, limit)
        return [Decision.from_json(entry.payload) for entry in entries if entry.kind == "decision"]


def _incidents(connection: sqlite3.Connection, since: int, limit: int) -> list[Incident]:
    return latest_incidents(stored.scan(connection, INCIDENTS, "", None, None), since, limit)


def _matching(_: sqlite3.Connection, page: Sequence[Entry], wanted: Wanted) -> list[tuple[int, int, int, Signal]]:
    """In a reader's thread."""
    return matching(page, wanted)
