"""Workers: each holds one investigation at a time under a lease, renews it, and hands it on when it cannot go on."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from connectors.ports.archive import Archive
from connectors.ports.journal import (
    Busy,
    Conflict,
    Job,
    Journal,
    JournalError,
    LeaseLost,
    Unavailable,
)
from connectors.ports.meters import Meters, NullMeters
from connectors.ports.tool import Tool
from playbooks.library import Library
from playbooks.load import thaw
from playbooks.model import Playbook
from processors.investigate.failing import fail
from processors.investigate.means import Means
from processors.investigate.rows import (
    INVESTIGATIONS,
    PLAYBOOKS,
    QUEUE,
    Task,
    load_steps,
    version_key,
)
from processors.investigate.run import Held, Run
from processors.investigate.tracing import investigation_span
from schemas import Investigation
from schemas.time import SECOND

GATHER_ATTEMPTS = 4
"""After so many broken attempts nothing more is asked: the model-free analyst concludes from what is recorded."""
WEIGH_ATTEMPTS = 10
"""After so many nothing is weighed either: the conclusion of last resort says what is certain."""
ATTEMPTS = 12
"""After so many not even that could be written: it has failed, and somebody is told."""
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
        means: Means | None = None,
    ) -> None:
        """`means`: what else investigations work with (models, money, masks); without it there is no model."""
        self._journal, self._library = journal, library
        self._owner, self._concurrency, self._ttl_s = owner, concurrency, ttl_s
        self._meters = meters or NullMeters()
        self._means = means or Means(journal, archive, tools, self._meters)

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
            case Busy() | Unavailable():
                _log.warning("investigation %r waits for the journal: %s", held.job.id, error)
                await self._give_back(held, after_s=error.retry_after_s)
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
        before = await self._journal.get(INVESTIGATIONS, task.investigation_id)
        investigation = None if before is None else Investigation.from_json(before)
        if before is None or investigation is None or is_stale(investigation, task, job.id):
            async with self._journal.unit(lease=job.lease) as unit:
                unit.finish(job)
            return
        if job.attempt - task.polite > ATTEMPTS:
            await self._fail(job, task, investigation)
            return
        playbook = await self._playbook(investigation)
        most = playbook.front.analyst.concurrency
        if most is None:
            await self._run(held, task, investigation, playbook, before)
            return
        async with self._means.places.one_if_free(f"playbook/{playbook.name}", most) as free:
            if free:
                await self._run(held, task, investigation, playbook, before)
        if not free:
            await self._later(job, task)

    async def _run(
        self, held: Held, task: Task, investigation: Investigation, playbook: Playbook, before: bytes
    ) -> None:
        steps = await load_steps(self._journal, investigation.id)
        run = Run(
            held,
            task,
            investigation,
            playbook,
            steps,
            means=self._means,
            before=before,
            helpers=self._helpers(investigation, playbook),
        )
        with investigation_span(investigation.trace, playbook.name, investigation.id, investigation.incident_id):
            tried = held.job.attempt - task.polite
            await run.go(gather=tried <= GATHER_ATTEMPTS, weigh=tried <= WEIGH_ATTEMPTS)

    def _helpers(self, investigation: Investigation, playbook: Playbook) -> list[Playbook]:
        """Those its playbook names; helpers have none of their own."""
        if investigation.parent_id is not None:
            return []
        found = [self._library.playbooks.get(name) for name in playbook.front.helpers]
        return [each for each in found if each is not None and each.name != playbook.name]

    async def _later(self, job: Job, task: Task) -> None:
        """As many of this playbook as may are under way: others first."""
        task = replace(task, polite=task.polite + 1)
        due = self._journal.now() + round(min(5.0, 0.5 * (task.polite + 1)) * SECOND)
        async with self._journal.unit(lease=job.lease) as unit:
            unit.reschedule(job, due=due, payload=task.to_json())

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
        try:
            playbook: Playbook | None = await self._playbook(investigation)
        except (LookupError, ValueError) as error:
            _log.error("investigation %r fails without its playbook: %s", investigation.id, error)
            playbook = self._library.get(investigation.playbook)
        await fail(self._journal, job, task, investigation, playbook)


def is_stale(investigation: Investigation, task: Task, job_id: str) -> bool:
    """Whether this job has nothing to do any more: it is over, or another job has it since."""
    if task.question is not None:
        return investigation.status not in ("concluded", "failed")
    match investigation.status:
        case "queued":
            return False
        case "paused":
            return task.generation != investigation.generation
        case "running":
            return investigation.job not in (None, job_id)
        case _:
            return True
