"""Keeping: investigations, and their steps, are let go of when their incident is long over; the ledger has what they found."""

import orjson

from connectors.ports.journal import Conflict, Journal
from processors.investigate.rows import (
    FOLLOWED,
    INBOX,
    INVESTIGATIONS,
    QUEUE,
    SPENDING,
    STEPS,
    STORMS,
)
from processors.over import Over
from schemas import Investigation, to_rfc3339

PAGE = 100


async def let_go(journal: Journal, over: Over) -> int:
    """Drop what looked into incidents that are over; returns how many investigations.

    One unit of work each, which is refused, and all of it kept, when somebody changes it meanwhile. Raises JournalError.
    """
    dropped, after = 0, None
    while page := await journal.scan(INVESTIGATIONS, after=after, limit=PAGE):
        after = page[-1][0]
        for key, raw in page:
            found = Investigation.from_json(raw)
            ended = found.status in ("concluded", "failed") and (found.finished_at or found.queued_at) < over.before
            if ended and await over(found.incident_id):
                dropped += await _drop(journal, key, raw, found)
    await _forget_sums(journal, over.before)
    await journal.forget_jobs(QUEUE, before=over.before)
    return dropped


async def _drop(journal: Journal, key: str, raw: bytes, found: Investigation) -> bool:
    beside = [(space, name) for space in (STEPS, INBOX) for name, _ in await journal.scan(space, f"{key}/")]
    try:
        async with journal.unit() as unit:
            unit.replace(INVESTIGATIONS, key, raw, raw)
            unit.delete(INVESTIGATIONS, key)
            unit.delete(FOLLOWED, found.incident_id)
            for space, name in beside:
                unit.delete(space, name)
    except Conflict:
        return False
    return True


async def _forget_sums(journal: Journal, before: int) -> None:
    """What models cost on days before, and storms that began before."""
    day = to_rfc3339(before)[:10]
    of_days = [key for kind in ("day/", "playbook/") for key, _ in await journal.scan(SPENDING, kind)]
    of_storms = [key for key, _ in await journal.scan(SPENDING, "storm/")]
    old = [(SPENDING, key) for key in of_days if key.split("/")[1] < day]
    old += [(SPENDING, key) for key in of_storms if int(key.rpartition("@")[2]) < before]
    old += [(STORMS, key) for key, row in await journal.scan(STORMS) if orjson.loads(row)["since"] < before]
    for first in range(0, len(old), PAGE):
        async with journal.unit() as unit:
            for space, key in old[first : first + PAGE]:
                unit.delete(space, key)
