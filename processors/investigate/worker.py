"""Workers: each holds one investigation at a time under a lease, renews it, and hands it on when it cannot go on."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from connectors.ports.archive import Archive
from connectors.ports.journal import (
    DECISIONS,
    INPUTS,
    Busy,
    Conflict,
    Job,
    Journal,
    JournalError,
    LeaseLost,
    Unavailable,
    recorded,
)
from connectors.ports.meters import Meters, NullMeters
from connectors.ports.tool import Tool
from playbooks.library import Library
from playbooks.load import thaw
from playbooks.model import Playbook
from processors.investigate.outcome import ended
from processors.investigate.rows import (
    INVESTIGATIONS,
    PLAYBOOKS,
    QUEUE,
    RUNNING,
    Task,
    load,
    load_steps,
    version_key,
)
from processors.investigate.run import Held, Run
from processors.investigate.tracing import investigation_span
from schemas import Investigation, Versions, decide
from schemas.payload import InvestigationChanged
from schemas.time import SECOND

GATHER_ATTEMPTS = 4
"""After so many broken attempts nothing more is asked: what is recorded is concluded from."""
ATTEMPTS = 8
"""After so many it has failed, and is said to."""
_log = logging.getLogger(__name__)


class Workers:
    """`concurrency` workers. `run` is for ever, `one` for a single job."""

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        tools: Mapping[str, Tool],
        library: Library,
        *,
        owner: str,
        meters: Meters | None = None,
        concurrency: int = 4,
        ttl_s: float = 60.0,
    ) -> None:
        self._journal, self._archive, self._tools, self._library = journal, archive, tools, library
        self._owner, self._concurrency, self._ttl_s = owner, concurrency, ttl_s
        self._meters = meters or NullMeters()

    async def run(self) -> None:
        """Until cancelled; what is under way then is handed back, and goes on at its next step with another worker."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._concurrency):
                group.create_task(self._serve(f"{self._owner}/{number}"))

    async def _serve(self, owner: str) -> None:
        while True:
            try:
                await self.one(owner=owner, timeout_s=None)
            except (Busy, Unavailable) as error:
                _log.warning("investigations wait for the journal: %s", error)
                await asyncio.sleep(error.retry_after_s)

    async def one(self, *, owner: str | None = None, timeout_s: float | None = 0) -> bool:
        """Do the next due job, if one comes within `timeout_s` (0: is there now, None: for ever)."""
        job = await self._journal.claim(QUEUE, owner=owner or self._owner, ttl_s=self._ttl_s, timeout_s=timeout_s)
        if job is None:
            return False
        held = Held(job)
        work = asyncio.ensure_future(self._work(held))
        keep = asyncio.ensure_future(self._keep(held, work))
        try:
            await asyncio.wait({work})
        finally:
            keep.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
                await self._give_back(held, after_s=0)
            await asyncio.wait({keep})
        await self._settle(held, work)
        return True

    async def _settle(self, held: Held, work: "asyncio.Future[None]") -> None:
        """After the work: nothing to do, or somebody else's now, or to be tried again."""
        if work.cancelled():
            _log.warning("investigation %r went to another worker", held.job.id)
            return
        error = work.exception()
        match error:
            case None:
                return
            case LeaseLost() | Conflict():
                _log.warning("investigation %r went to another worker: %s", held.job.id, error)
                # After a conflict the lease may be ours still: the rows are read again, by whoever comes first.
                await self._give_back(held, after_s=1)
            case _:
                _log.error("investigation %r broke in attempt %d", held.job.id, held.job.attempt, exc_info=error)
                self._meters.count("tocsin.investigate.failures")
                await self._give_back(held, after_s=min(2.0**held.job.attempt, 300.0))

    async def _keep(self, held: Held, work: "asyncio.Future[None]") -> None:
        """Renew the lease; when it is lost, stop the work."""
        while True:
            await asyncio.sleep(self._ttl_s / 3)
            try:
                held.job = await self._journal.renew_job(held.job, ttl_s=self._ttl_s)
            except LeaseLost:
                work.cancel()
                return
            except (Busy, Unavailable) as error:
                _log.warning("the lease of investigation %r could not be renewed: %s", held.job.id, error)

    async def _give_back(self, held: Held, *, after_s: float) -> None:
        """To be claimed again; if even that fails, the lease runs out by itself."""
        due = self._journal.now() + round(after_s * SECOND)
        with suppress(JournalError):
            async with self._journal.unit(lease=held.job.lease) as unit:
                unit.reschedule(held.job, due=due)

    async def _work(self, held: Held) -> None:
        job = held.job
        try:
            task = Task.from_json(job.payload)
        except (TypeError, ValueError, KeyError) as error:
            _log.error("job %r of queue %r is no task and is dropped: %s", job.id, QUEUE, error)
            async with self._journal.unit(lease=job.lease) as unit:
                unit.finish(job)
            return
        investigation = await load(self._journal, task.investigation_id)
        if investigation is None or investigation.status in ("concluded", "failed"):
            async with self._journal.unit(lease=job.lease) as unit:
                unit.finish(job)
            return
        if job.attempt > ATTEMPTS:
            await self._fail(job, task, investigation)
            return
        playbook = await self._playbook(investigation)
        steps = await load_steps(self._journal, investigation.id)
        run = Run(
            held,
            task,
            investigation,
            playbook,
            steps,
            journal=self._journal,
            archive=self._archive,
            tools=self._tools,
            meters=self._meters,
        )
        with investigation_span(investigation.trace, playbook.name, investigation.id, investigation.incident_id):
            await run.go(gather=job.attempt <= GATHER_ATTEMPTS)

    async def _playbook(self, investigation: Investigation) -> Playbook:
        """The version the investigation began with."""
        current = self._library.get(investigation.playbook)
        if current is not None and current.version == investigation.playbook_version:
            return current
        key = version_key(investigation.playbook, investigation.playbook_version)
        frozen = await self._journal.get(PLAYBOOKS, key)
        if frozen is None:
            raise LookupError(f"playbook {key!r} of investigation {investigation.id!r} is not kept in the journal")
        return thaw(frozen)

    async def _fail(self, job: Job, task: Task, investigation: Investigation) -> None:
        """The very end: even the conclusion of last resort could not be written."""
        now = self._journal.now()
        reason = f"it broke {job.attempt - 1} times; see the log"
        failed = investigation.model_copy(update={"status": "failed", "error": reason, "finished_at": now})
        decision = decide(
            "investigation.failed",
            at=now,
            actor="system",
            because=reason,
            cause=(task.cause, investigation.id),
            data=InvestigationChanged(playbook=investigation.playbook, reason=reason, attempt=job.attempt),
            incident_id=investigation.incident_id,
            investigation_id=investigation.id,
            versions=Versions(playbook=investigation.playbook_version),
            rehearsal=investigation.incident.rehearsal,
            trace=investigation.trace,
        )
        async with self._journal.unit(lease=job.lease) as unit:
            unit.put(INVESTIGATIONS, failed.id, failed.to_json())
            unit.delete(RUNNING, failed.incident_id)
            unit.append(DECISIONS, recorded(decision))
            unit.append(INPUTS, recorded(ended(investigation, reason, at=now)))
            unit.finish(job)
