"""The worker: takes one job at a time, and causes an effect only under its lease, after saying so durably."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace

from connectors.ports.action import ActionPort
from connectors.ports.journal import Busy, Conflict, Job, Journal, JournalError, LeaseLost, Unavailable
from connectors.ports.meters import Meters, NullMeters
from processors.act import changes
from processors.act.call import Happened, Later, No, NotFound, Outcome, Perhaps, execute, log_trouble, look
from processors.act.changes import Change
from processors.act.policy import PAGES
from processors.act.prepare import NotYet, Preparation, take_in
from processors.act.ring import Ringer
from processors.act.rows import QUEUE, Row, Task, effect_of, load, open_of, write
from processors.act.schedule import given_up, next_try
from schemas import Action
from schemas.time import SECOND

MARGIN_S = 30.0
"""A lease lasts so much longer than the call it covers."""
FAREWELL_S = 10.0
"""What a call in flight gets at most to be answered and written down when the program stops; a remote that hangs must not hold that up.
What has no answer by then is an unknown outcome at the next start."""
COMPLETE_WITHIN_S = 15 * 60.0
"""How long an action waits to be complete when nothing else of its incident is still to come."""
LOOK_EVERY_S = 60.0
"""So often it is looked whether it can be completed now."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One job in hand."""

    job: Job
    task: Task
    row: Row

    @property
    def action(self) -> Action:
        return self.row.action


class Worker:
    """One of several; `owner` names it in leases."""

    def __init__(
        self,
        journal: Journal,
        preparation: Preparation,
        *,
        owner: str,
        ringer: Ringer | None = None,
        meters: Meters | None = None,
        ttl_s: float = 60.0,
    ) -> None:
        self._journal, self._preparation, self._owner, self._ringer = journal, preparation, owner, ringer
        self._meters = meters or NullMeters()
        self._ttl_s = ttl_s
        self._dropped: Job | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._give_back()
                await self.work_one(timeout_s=None)
            except (LeaseLost, Conflict) as error:
                _log.warning("somebody else has this action now: %s", error)
            except (Unavailable, Busy) as error:
                _log.warning("the journal cannot be written, waiting %.1f s: %s", error.retry_after_s, error)
                await self._ring_waiting()
                await asyncio.sleep(error.retry_after_s)

    async def work_one(self, *, timeout_s: float | None) -> bool:
        """Take the next due job, waiting so long for one; False when there was none. Raises JournalError."""
        job = await self._journal.claim(QUEUE, owner=self._owner, ttl_s=self._ttl_s, timeout_s=timeout_s)
        if job is None:
            return False
        self._dropped = job
        await self._do(job)
        self._dropped = None
        return True

    async def _give_back(self) -> None:
        """The job that was dropped in the middle, to be claimed at once rather than when its lease ends. Raises Busy, Unavailable."""
        if self._dropped is not None:
            with suppress(LeaseLost, Conflict):
                async with self._journal.unit(lease=self._dropped.lease) as unit:
                    unit.reschedule(self._dropped, due=self._dropped.due)
            self._dropped = None

    async def _do(self, job: Job) -> None:
        try:
            task = Task.from_json(job.payload)
        except (TypeError, ValueError) as error:
            _log.error("job %r is no task, left out: %s", job.id, error)
            await self._finish(job)
            return
        row = await load(self._journal, task.action_id)
        if row is None:
            _log.error("job %r is about an action that is not there, left out", job.id)
            await self._finish(job)
            return
        turn = _Turn(job, task, row)
        match task.step:
            case "prepare":
                await self._prepare(turn)
            case "expire":
                await self._expire(turn)
            case "execute":
                await self._execute(turn)

    async def _prepare(self, turn: _Turn) -> None:
        action, now = turn.action, self._journal.now()
        if action.state != "proposed":
            await self._finish(turn.job)
            return
        ready = await self._preparation.prepare(action, now=now)
        if not isinstance(ready, NotYet):
            async with self._journal.unit(lease=turn.job.lease) as unit:
                take_in(unit, turn.row, ready, proposal=turn.task.proposal, now=now)
                unit.finish(turn.job)
            return
        others = [other for other in await open_of(self._journal, action.incident_id) if other != action.id]
        alone_since = None if others else turn.task.alone_since or now
        alone = alone_since is not None and now - alone_since > COMPLETE_WITHIN_S * SECOND
        if alone or given_up(since=turn.task.since, now=now):
            await self._end(turn, changes.failed(action, ready.error, now=now))
            return
        task = replace(turn.task.again(), alone_since=alone_since)
        due = min(next_try(action.id, tries=task.tries, now=now), now + round(LOOK_EVERY_S * SECOND))
        async with self._journal.unit(lease=turn.job.lease) as unit:
            write(unit, turn.row, Change(action.model_copy(update={"error": ready.error}), ()))
            unit.reschedule(turn.job, due=due, payload=task.to_json())

    async def _expire(self, turn: _Turn) -> None:
        if turn.action.state == "proposed":
            await self._end(turn, changes.expired(turn.action, now=turn.job.due))
        else:
            await self._finish(turn.job)

    async def _execute(self, turn: _Turn) -> None:
        action, now = turn.action, self._journal.now()
        port = self._preparation.ports.get(action.kind)
        if action.state not in ("approved", "executing", "unknown"):
            await self._finish(turn.job)
        elif await self._rang(turn):
            return
        elif (effect := await effect_of(self._journal, action.idempotency_key)) is not None:
            await self._end(turn, changes.succeeded(action, effect, now=now))
        elif action.state == "executing":
            await self._not_known(turn, "the process ended between the attempt and its result", now)
        elif given_up(since=turn.task.since, now=now):
            await self._end(turn, changes.failed(action, action.error or "no attempt was possible in time", now=now))
        elif port is None or port.missing() is not None:
            missing = self._preparation.missing(action) or ""
            if action.state == "unknown":
                await self._put_off(turn, action)
            else:
                await self._put_off(turn, changes.put_off(action, missing))
        elif action.state == "unknown":
            await self._resolve(turn, port)
        else:
            await self._attempt(turn, port)

    async def _resolve(self, turn: _Turn, port: ActionPort) -> None:
        """An earlier attempt may have happened: go on as its effect class allows."""
        match turn.action.effect:
            case "keyed" | "at_least_once":
                await self._attempt(turn, port)
            case "ask":
                await self._finish(turn.job)
            case "look_first":
                found = await look(port, turn.action)
                match found:
                    case Happened(effect):
                        done = changes.succeeded(turn.action, effect, now=self._journal.now(), looked_up=True)
                        await self._end(turn, done)
                    case NotFound():
                        await self._attempt(turn, port)
                    case Later(_, retry_after_s):
                        await self._put_off(turn, turn.action, retry_after_s=retry_after_s)

    async def _attempt(self, turn: _Turn, port: ActionPort) -> None:
        job = await self._journal.renew_job(turn.job, ttl_s=port.deadline_s + MARGIN_S)
        change = changes.attempted(turn.action, now=self._journal.now())
        try:
            # Committed only if the lease is still ours: nothing stands between this and the effect.
            async with self._journal.unit(lease=job.lease) as unit:
                row = write(unit, turn.row, change)
        except (Unavailable, Busy):
            if self._ringer is not None and turn.action.kind in PAGES:
                await self._ringer.ring(turn.action, now=self._journal.now())
            raise
        calling = asyncio.create_task(self._call(_Turn(job, turn.task, row), port))
        try:
            await asyncio.shield(calling)
        except asyncio.CancelledError:
            # The program stops: a call in flight still gets its answer written down, rather than becoming an unknown outcome.
            await asyncio.wait({calling}, timeout=FAREWELL_S)
            calling.cancel()
            raise

    async def _call(self, turn: _Turn, port: ActionPort) -> None:
        started = self._journal.now()
        outcome = await execute(port, turn.action)
        self._meters.observe("tocsin.act.duration", (self._journal.now() - started) / SECOND, kind=port.kind)
        self._meters.count("tocsin.act.attempts", kind=port.kind, outcome=type(outcome).__name__.lower())
        log_trouble(turn.action, outcome)
        await self._conclude(turn, outcome)

    async def _conclude(self, turn: _Turn, outcome: Outcome) -> None:
        """Write down what came of the call, however long the journal refuses: the effect cannot be taken back."""
        while True:
            now = self._journal.now()
            try:
                match outcome:
                    case Happened(effect):
                        await self._end(turn, changes.succeeded(turn.action, effect, now=now))
                    case No(error):
                        await self._end(turn, changes.failed(turn.action, error, now=now))
                    case Later(error, retry_after_s):
                        await self._put_off(turn, changes.put_off(turn.action, error), retry_after_s=retry_after_s)
                    case Perhaps(error):
                        await self._not_known(turn, error, now)
            except (Unavailable, Busy) as refusal:
                _log.warning("the outcome of %s cannot be written yet: %s", turn.action.id, refusal)
                if turn.action.kind in PAGES and self._ringer is not None:
                    if isinstance(outcome, Happened):
                        self._ringer.remember(turn.action, outcome.effect, now=now)
                    elif not isinstance(outcome, No):
                        # The next attempt cannot be recorded either: it is the bell's.
                        await self._ringer.ring(turn.action, now=now)
                await asyncio.sleep(refusal.retry_after_s)
            else:
                return

    async def _not_known(self, turn: _Turn, error: str, now: int) -> None:
        change = changes.unknown(turn.action, error, now=now)
        if change.action.effect == "ask":
            await self._end(turn, change)
        else:
            await self._put_off(turn, change.action, change=change)

    async def _rang(self, turn: _Turn) -> bool:
        """Whether the bell sent this page while nothing could be written: then it is recorded, and not sent again."""
        if self._ringer is None or turn.action.kind not in PAGES:
            return False
        key, now = turn.action.idempotency_key, self._journal.now()
        effect = await self._ringer.went_out(key)
        if effect is None:
            return False
        before = changes.Change(turn.action, ())
        if turn.action.state == "approved":
            before = changes.attempted(turn.action, now=now)
        done = changes.succeeded(before.action, effect, now=now)
        await self._end(turn, Change(done.action, (*before.decisions, *done.decisions)))
        return True

    async def _ring_waiting(self) -> None:
        """Nothing can be claimed: pages that are approved, or may not have gone out, do so by the bell."""
        if self._ringer is None:
            return
        try:
            rows = [await load(self._journal, action_id) for action_id in await open_of(self._journal, "")]
        except JournalError as error:
            _log.error("waiting pages cannot be read: %s", error)
            return
        for row in rows:
            if row is not None and row.action.kind in PAGES and row.action.state in ("approved", "unknown"):
                await self._ringer.ring(row.action, now=self._journal.now())

    async def _put_off(
        self, turn: _Turn, after: Action, *, change: Change | None = None, retry_after_s: float | None = None
    ) -> None:
        task = turn.task.again()
        due = next_try(after.id, tries=task.tries, now=self._journal.now(), retry_after_s=retry_after_s)
        async with self._journal.unit(lease=turn.job.lease) as unit:
            write(unit, turn.row, change or Change(after, ()))
            unit.reschedule(turn.job, due=due, payload=task.to_json())

    async def _end(self, turn: _Turn, change: Change) -> None:
        """Write the change; this job has nothing more to do."""
        async with self._journal.unit(lease=turn.job.lease) as unit:
            write(unit, turn.row, change)
            unit.finish(turn.job)
        if self._ringer is not None and turn.action.kind in PAGES:
            await self._ringer.settle(turn.action.idempotency_key)

    async def _finish(self, job: Job) -> None:
        async with self._journal.unit(lease=job.lease) as unit:
            unit.finish(job)
