"""Failing: the very end of an investigation that nobody could conclude, so that a person looks instead."""

import logging

from connectors.ports.journal import DECISIONS, INPUTS, Job, Journal, recorded
from playbooks.model import Playbook
from processors.investigate import inbox
from processors.investigate.outcome import failing
from processors.investigate.rows import INVESTIGATIONS, RUNNING, SHARING, Task, load
from schemas import Investigation

_log = logging.getLogger(__name__)


async def fail(journal: Journal, job: Job, task: Task, investigation: Investigation, playbook: Playbook | None) -> None:
    """Record it under the job's lease, with the actions that tell somebody. A question that cannot be answered is dropped alone: what was
    concluded stands. Raises what the journal raises."""
    if task.question is not None:
        _log.error("a question about investigation %r broke %d times and is dropped", investigation.id, job.attempt - 1)
        async with journal.unit(lease=job.lease) as unit:
            unit.finish(job)
        return
    end = failing(investigation, playbook, at=journal.now(), cause=task.cause, attempt=job.attempt)
    failed = end.investigation
    members = await journal.scan(SHARING, f"{failed.id}/")
    followers = [found for _, raw in members if (found := await load(journal, raw.decode())) is not None]
    async with journal.unit(lease=job.lease) as unit:
        unit.put(INVESTIGATIONS, failed.id, failed.to_json())
        for decision in end.decisions:
            unit.append(DECISIONS, recorded(decision))
        if failed.parent_id is None:
            unit.delete(RUNNING, failed.incident_id)
            unit.append(INPUTS, recorded(end.command))
        for key, _ in members:
            unit.delete(SHARING, key)
        for follower in followers:
            inbox.wake(unit, follower, "shared")
        unit.finish(job)
    if failed.parent_id is not None:
        await inbox.woken(journal, failed.parent_id, f"failed-{failed.id}")
