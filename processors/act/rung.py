"""Pages that the bell sent and nobody else knows of, brought into the journal."""

from connectors.ports.journal import Journal
from processors.act import changes
from processors.act.changes import Change
from processors.act.ring import Ringer, RungPage
from processors.act.rows import effect_of, load, write
from schemas import Action
from schemas.time import SECOND

LEAVE_S = 15 * 60.0
"""So long the usual way has to propose the same page (the sender comes again) and to record it as its own."""


async def record_pages(journal: Journal, ringer: Ringer, *, leave_s: float = LEAVE_S) -> int:
    """Record what the bell did and no action of the journal stands for; how many. Nothing is sent. Raises JournalError."""
    recorded, now = 0, journal.now()
    for page in ringer.pages():
        known = await effect_of(journal, page.key) is not None
        if not known and now - page.at < leave_s * SECOND:
            continue
        row = await load(journal, page.action_id)
        if row is None and not known:
            async with journal.unit() as unit:
                write(unit, None, _story(page, now))
            recorded += 1
        elif row is not None and row.action.state not in ("succeeded", "failed"):
            # An action that is still worked on: its worker finds the note.
            continue
        await ringer.settle(page.key)
    return recorded


def _story(page: RungPage, now: int) -> Change:
    action = Action(
        id=page.action_id,
        kind=page.kind,
        idempotency_key=page.key,
        state="approved",
        effect="at_least_once",
        autonomy="act",
        incident_id=page.incident_id,
        rendered="A page sent by the emergency bell while nothing could be recorded; its text was not kept.",
        proposed_at=page.at,
        decided_by=changes.SYSTEM,
    )
    begun = changes.attempted(action, now=page.at)
    if page.effect is None:
        ended = changes.failed(begun.action, "the bell noted an attempt and no answer: it may have gone out", now=now)
    else:
        ended = changes.succeeded(begun.action, page.effect, now=now)
    return Change(ended.action, (*begun.decisions, *ended.decisions))
