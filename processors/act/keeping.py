"""Keeping: actions are let go of when their incident is long over; the ledger has all that was decided about them."""

from connectors.ports.journal import Conflict, Journal
from processors.act.rows import ACTIONS, EFFECTS, QUEUE, has_ended
from processors.over import Over
from schemas import Action

PAGE = 200


async def let_go(journal: Journal, over: Over) -> int:
    """Drop what was proposed for incidents that are over, and from which nothing is still to come; returns how many actions.

    One small unit of work each, which is refused, and the action kept, when somebody changes it meanwhile. Raises JournalError.
    """
    dropped, after = 0, None
    while page := await journal.scan(ACTIONS, after=after, limit=PAGE):
        after = page[-1][0]
        for key, raw in page:
            action = Action.from_json(raw)
            if action.proposed_at < over.before and has_ended(action) and await over(action.incident_id):
                dropped += await _drop(journal, key, raw, action)
    await journal.forget_jobs(QUEUE, before=over.before)
    return dropped


async def _drop(journal: Journal, key: str, raw: bytes, action: Action) -> bool:
    try:
        async with journal.unit() as unit:
            unit.replace(ACTIONS, key, raw, raw)
            unit.delete(ACTIONS, key)
            # Others with that key belong to the same incident, to which nothing more comes.
            unit.delete(EFFECTS, action.idempotency_key)
    except Conflict:
        return False
    return True
