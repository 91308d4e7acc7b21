"""The inbox: what happened outside and waits to join an investigation, and how a paused one is woken."""

import orjson

from connectors.ports.journal import Journal, Unit
from processors.analyst.loop.case import Waiting
from processors.investigate.rows import INBOX, QUEUE, Task, load
from schemas import Investigation, severity_rank


def put(unit: Unit, investigation_id: str, event: Waiting) -> None:
    """Lay it in. A later one of the same key takes its place."""
    unit.put(INBOX, f"{investigation_id}/{event.key}", orjson.dumps(event, default=str))


def taken(unit: Unit, investigation_id: str, event: Waiting) -> None:
    """It has joined."""
    unit.delete(INBOX, f"{investigation_id}/{event.key}")


async def waiting(journal: Journal, investigation_id: str) -> tuple[Waiting, ...]:
    """What waits, in the order in which it happened."""
    rows = await journal.scan(INBOX, f"{investigation_id}/")
    return tuple(sorted((Waiting(**orjson.loads(row)) for _, row in rows), key=lambda each: (each.at, each.key)))


def wake(unit: Unit, investigation: Investigation, mark: str, *, due: int = 0) -> None:
    """Make a paused one due. Nothing for one that runs: it looks into its inbox by itself."""
    if investigation.status == "paused":
        priority = severity_rank(investigation.incident.severity)
        name = f"{investigation.id}@{investigation.generation}/{mark}"
        unit.enqueue(QUEUE, name, task_of(investigation).to_json(), due=due, priority=priority)


def task_of(investigation: Investigation) -> Task:
    """The job that goes on with it as it stands."""
    return Task(
        investigation.id, investigation.cause or "", investigation.signal_ids, generation=investigation.generation
    )


async def woken(journal: Journal, investigation_id: str, mark: str) -> None:
    """After something was laid in: should it have paused meanwhile, wake it."""
    investigation = await load(journal, investigation_id)
    if investigation is not None and investigation.status == "paused":
        async with journal.unit() as unit:
            wake(unit, investigation, mark)
