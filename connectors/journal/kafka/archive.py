"""Looking back over what the streams still hold: signals by when they happened, incidents, and what was decided about them."""

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence

import orjson
from typing_extensions import override

from connectors.journal.kafka import marks, rows
from connectors.journal.kafka.journal import KafkaJournal
from connectors.journal.sifting import Wanted, latest_incidents, matching, named
from connectors.ports.archive import Archive
from connectors.ports.journal import DECISIONS, INPUTS, Entry
from connectors.ports.spaces import INCIDENTS
from schemas import Decision, Incident, Signal
from schemas.time import SECOND

PAGE = 1_000
FEW = 16
"""Entries read at first where a decision is expected to stand."""


class KafkaArchive(Archive):
    """Signals are stored in the order of acceptance: event times are looked for `margin_s` to both sides of it, so a signal that
    came later than that after it happened is not found by time. Streams are walked from their end: what is old costs a walk."""

    def __init__(self, journal: KafkaJournal, *, margin_s: float = 3600) -> None:
        self._journal = journal
        self._margin = round(margin_s * SECOND)

    @override
    async def signals(
        self, *, since: int, until: int, types: Sequence[str] = (), service: str | None = None, limit: int = 500
    ) -> Sequence[Signal]:
        wanted = Wanted(since, until, frozenset(types), service)
        latest: list[tuple[int, int, int, Signal]] = []
        first = (await marks.before_moment(self._journal.database, INPUTS, since - self._margin)).next
        upto = await self._end_of(until + self._margin)
        while upto > first and limit > 0:
            page = await self._page(upto, first)
            if not page:
                break
            within = [entry for entry in page if since - self._margin <= entry.accepted_at <= until + self._margin]
            for found in await asyncio.to_thread(matching, within, wanted):
                heapq.heappush(latest, found)
                if len(latest) > limit:
                    heapq.heappop(latest)
            upto = page[0].offset - 1
            accepted = page[0].accepted_at
            if accepted < since - self._margin or (len(latest) == limit and latest[0][0] > accepted + self._margin):
                # Whatever was accepted before this page happened before everything found, or before what was asked for.
                break
        return [signal for *_, signal in sorted(latest, key=lambda found: found[:3])]

    @override
    async def signal(self, signal_id: str) -> Signal | None:
        needle = orjson.dumps(signal_id.partition("/")[0])
        upto = await self._journal.head(INPUTS)
        while upto > 0 and (page := await self._page(upto, 0)):
            for entry in reversed(page):
                # Something else may speak of it, a command for instance.
                if needle in entry.payload and (signal := named(signal_id, entry)) is not None:
                    return signal
            upto = page[0].offset - 1
        return None

    @override
    async def incidents(self, *, since: int = 0, limit: int = 500) -> Sequence[Incident]:
        return await asyncio.to_thread(latest_incidents, await self._journal.scan(INCIDENTS), since, limit)

    @override
    async def incidents_after(self, place: int, limit: int) -> Sequence[tuple[int, Incident]]:
        found = await rows.added(self._journal.database, INCIDENTS, place, limit)
        return [(number, Incident.from_json(content)) for number, content in found]

    @override
    async def incident(self, incident_id: str) -> Incident | None:
        content = await rows.get(self._journal.database, INCIDENTS, incident_id)
        return None if content is None else Incident.from_json(content)

    @override
    async def decisions(self, *, incident_id: str, limit: int = 1000) -> Sequence[Decision]:
        numbers = await self._journal.database.rows(
            """SELECT number FROM (SELECT number FROM keys WHERE stream = %s AND key = %s ORDER BY number DESC LIMIT %s) AS latest
               ORDER BY number""",
            (DECISIONS, incident_id, max(0, limit)),
        )
        return [
            Decision.from_json(entry.payload)
            for entry in await self._keyed(incident_id, [number for (number,) in numbers])
        ]

    async def _page(self, upto: int, above: int) -> Sequence[Entry]:
        """Entries up to the offset `upto`, above `above`, at most a page; the last of them is near `upto`."""
        while upto > above:
            after = max(above, upto - PAGE)
            found = await self._journal.read(INPUTS, after=after, limit=upto - after)
            if page := [entry for entry in found if entry.offset <= upto]:
                return page
            if found:
                return []
            upto = after
        return []

    async def _end_of(self, moment: int) -> int:
        """An offset behind which everything was accepted after `moment`."""
        following = await self._journal.streams.mark_after(INPUTS, moment)
        return await self._journal.head(INPUTS) if following is None else following

    async def _keyed(self, key: str, numbers: Sequence[int]) -> list[Entry]:
        """The decisions of that key with these numbers of the outbox, ascending. A record stands as far behind its number as other
        records came between: the nearest mark says how many did before it, so what is looked for stands there or later."""
        found: list[Entry] = []
        wanted = deque(numbers)
        while wanted:
            first = wanted[0]
            mark = await marks.before_number(self._journal.database, DECISIONS, first)
            after = mark.next + (first - mark.number) - 1
            most = FEW
            while wanted and wanted[0] - first < PAGE:
                page = await self._journal.read(DECISIONS, after=after, limit=most)
                if not page:
                    return found
                for entry in page:
                    if wanted and entry.kind == "decision" and entry.key == key:
                        found.append(entry)
                        wanted.popleft()
                after, most = page[-1].offset, PAGE
        return found
