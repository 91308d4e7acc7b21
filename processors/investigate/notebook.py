"""The notebook: all that one investigation writes, each unit fenced by the lease of its job."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.ports.journal import DECISIONS, INPUTS, Job, Journal, Unit, recorded
from playbooks.model import Playbook
from processors.analyst.loop.case import Waiting
from processors.analyst.loop.names import HELPER
from processors.investigate import inbox
from processors.investigate.outcome import ending
from processors.investigate.rows import (
    INVESTIGATIONS,
    PLAYBOOKS,
    QUEUE,
    RUNNING,
    SHARING,
    STEPS,
    Task,
    load,
    version_key,
)
from processors.investigate.spending import Account, Spending, Spent, difference
from schemas import (
    Conclusion,
    Decision,
    DecisionKind,
    Investigation,
    Step,
    Usage,
    Versions,
    decide,
    digest,
    severity_rank,
)
from schemas.payload import InvestigationChanged, StepTaken
from schemas.time import SECOND


@dataclass
class Held:
    """A job while it is held; renewal replaces it."""

    job: Job


class Notebook:
    """`investigation` and `steps` are always what is durable."""

    def __init__(
        self,
        held: Held,
        task: Task,
        investigation: Investigation,
        playbook: Playbook,
        steps: Sequence[Step],
        *,
        journal: Journal,
        spending: Spending,
    ) -> None:
        self._held, self._task, self._playbook, self._spending = held, task, playbook, spending
        self._journal = journal
        self.investigation, self.steps = investigation, list(steps)

    @property
    def attempt(self) -> int:
        """How often this job was begun in earnest."""
        return self._held.job.attempt - self._task.polite

    def step_id(self, index: int) -> str:
        """What evidence cites."""
        return f"{self.investigation.id}/{index}"

    async def begin(self, before: bytes, helpers: Sequence[Playbook], tools: Container[str] = ()) -> None:
        """Take it up, or up again; `before` is its row as it was read. Helpers begin with it. `tools`: those there are now, by which it is
        decided what it gathers. Raises Conflict when another job was faster."""
        now, was = self._journal.now(), self.investigation
        first = was.started_at is None
        waited = max(0, now - was.paused_at) / SECOND if was.status == "paused" and was.paused_at is not None else 0.0
        children = [self._child(playbook, now) for playbook in helpers] if first else []
        update: dict[str, Any] = {
            "status": "running" if self._task.question is None else was.status,
            "attempt": self.attempt,
            "started_at": now if first else was.started_at,
            "steps": len(self.steps),
            "job": self._held.job.id,
            "waited_s": was.waited_s + waited,
            "paused_at": None,
            "waits_for": None,
        }
        if first:
            update["gathers"] = self._playbook.gathers(tools)
        if children:
            update["helpers"] = tuple(child.id for child, _ in children)
        begun = was.model_copy(update=update)
        kind: DecisionKind = "investigation.started" if first else "investigation.resumed"
        data = InvestigationChanged(playbook=self._playbook.name, attempt=self.attempt)
        mark = self.attempt + 1000 * self._task.generation
        decision = self.decision(kind, self._why(was, first), data, now, index=len(self.steps), attempt=mark)

        def fill(unit: Unit) -> None:
            unit.replace(INVESTIGATIONS, was.id, before, begun.to_json())
            unit.append(DECISIONS, recorded(decision))
            for child, playbook in children:
                unit.create(INVESTIGATIONS, child.id, child.to_json())
                unit.put(PLAYBOOKS, version_key(playbook.name, playbook.version), playbook.freeze())
                unit.enqueue(
                    QUEUE, child.id, inbox.task_of(child).to_json(), priority=severity_rank(was.incident.severity) + 1
                )

        await self._commit(fill)
        self.investigation = begun

    def _why(self, was: Investigation, first: bool) -> str:
        if first:
            return f"playbook {self._playbook.name!r} was selected"
        if self._task.question is not None:
            return f"{self._task.question.author} asks about it"
        if was.status == "paused":
            return f"it waited for {was.waits_for or 'something'}"
        return f"a worker went away after {len(self.steps)} recorded steps"

    def _child(self, playbook: Playbook, now: int) -> tuple[Investigation, Playbook]:
        mine = self.investigation
        child = Investigation(
            id=digest("inv", mine.id, playbook.name),
            incident_id=mine.incident_id,
            playbook=playbook.name,
            playbook_version=playbook.version,
            incident=mine.incident,
            queued_at=now,
            trace=mine.trace,
            cause=mine.cause or self._task.cause,
            signal_ids=self._task.signal_ids,
            parent_id=mine.id,
        )
        return child, playbook

    async def reserve(self, usage: Usage, accounts: Sequence[Account]) -> None:
        """Set aside what a model call may cost at most, before it is made. Raises OverLimit when others left too little."""
        reserved = self.investigation.model_copy(update={"reserved": usage})
        booked = {account.key: difference(usage, None) for account in accounts}
        await self._spending.write(
            self._held.job.lease,
            lambda unit: unit.put(INVESTIGATIONS, reserved.id, reserved.to_json()),
            booked,
            capped=accounts,
        )
        self.investigation = reserved

    async def record(
        self,
        step: Step,
        because: str,
        *,
        accounts: Sequence[Account] = (),
        joined: Waiting | None = None,
        decisions: Sequence[Decision] = (),
        finish: bool = False,
    ) -> None:
        """One step, before its result is used. `accounts`: where a model call is booked, in place of what was set aside for it."""
        was = self.investigation
        settled = step.kind == "model_call" or bool(accounts)
        booked = {each.key: difference(step.usage, was.reserved) for each in accounts}
        booked = {key: spent for key, spent in booked.items() if spent != Spent()}
        changed = was.model_copy(
            update={
                "steps": step.index + 1,
                "usage": was.usage.plus(step.usage),
                "reserved": None if settled else was.reserved,
            }
        )
        taken = self.decision(
            "investigation.step", because[:300], StepTaken(step=step), step.finished_at, index=step.index
        )

        def fill(unit: Unit) -> None:
            unit.create(STEPS, step.id, step.to_json())
            unit.put(INVESTIGATIONS, changed.id, changed.to_json())
            unit.append(DECISIONS, recorded(taken))
            for decision in decisions:
                unit.append(DECISIONS, recorded(decision))
            if joined is not None:
                inbox.taken(unit, changed.id, joined)
            if finish:
                unit.finish(self._held.job)

        await self._commit(fill, booked)
        self.steps.append(step)
        self.investigation = changed

    async def forget(self, event: Waiting) -> None:
        """It brings no news."""
        await self._commit(lambda unit: inbox.taken(unit, self.investigation.id, event))

    async def pause(self, reason: str, for_s: float) -> None:
        """Let go of the job until something is laid into the inbox, or the time is over."""
        now, was = self._journal.now(), self.investigation
        paused = was.model_copy(
            update={
                "status": "paused",
                "generation": was.generation + 1,
                "waits_for": reason,
                "paused_at": now,
                "job": None,
            }
        )
        data = InvestigationChanged(playbook=self._playbook.name, reason=reason, attempt=self.attempt)
        decision = self.decision(
            "investigation.paused", f"waits for {reason}"[:300], data, now, attempt=paused.generation
        )

        def fill(unit: Unit) -> None:
            unit.put(INVESTIGATIONS, paused.id, paused.to_json())
            unit.append(DECISIONS, recorded(decision))
            inbox.wake(unit, paused, "timer", due=now + round(for_s * SECOND))
            unit.finish(self._held.job)

        await self._commit(fill)
        self.investigation = paused
        if await inbox.waiting(self._journal, paused.id):
            # It came in between: whoever laid it in saw it running.
            await inbox.woken(self._journal, paused.id, "between")

    async def conclude(self, conclusion: Conclusion, *, as_of: int, error: str | None) -> Investigation:
        """The end: the conclusion, what it proposes, and what triage is told; of a helper, what the one it helps is told."""
        was = self.investigation
        if was.parent_id is not None:
            conclusion = conclusion.model_copy(update={"actions": ()})
        end = ending(was, conclusion, self._playbook, at=self._journal.now(), as_of=as_of, error=error)
        members = await self._journal.scan(SHARING, f"{was.id}/")
        followers = [found for _, raw in members if (found := await load(self._journal, raw.decode())) is not None]
        parent = await load(self._journal, was.parent_id) if was.parent_id is not None else None

        def fill(unit: Unit) -> None:
            unit.put(INVESTIGATIONS, end.investigation.id, end.investigation.to_json())
            for decision in end.decisions:
                unit.append(DECISIONS, recorded(decision))
            if was.parent_id is None:
                unit.delete(RUNNING, was.incident_id)
                unit.append(INPUTS, recorded(end.command))
            else:
                inbox.put(unit, was.parent_id, _findings(end.investigation, conclusion))
                if parent is not None:
                    inbox.wake(unit, parent, f"helper-{was.id}")
            for key, _ in members:
                unit.delete(SHARING, key)
            for follower in followers:
                inbox.wake(unit, follower, "shared")
            unit.finish(self._held.job)

        await self._commit(fill)
        self.investigation = end.investigation
        if was.parent_id is not None:
            await inbox.woken(self._journal, was.parent_id, f"again-{was.id}")
        return end.investigation

    async def finish(self) -> None:
        """Nothing is left to do."""
        await self._commit(lambda unit: unit.finish(self._held.job))

    def decision(
        self, kind: DecisionKind, because: str, data: Any, at: int, *, index: int = 0, attempt: int = 0
    ) -> Decision:
        """About this investigation."""
        was = self.investigation
        return decide(
            kind,
            at=at,
            actor="analyst",
            because=because,
            cause=(self._task.cause, was.id),
            data=data,
            index=index,
            attempt=attempt,
            incident_id=was.incident_id,
            investigation_id=was.id,
            versions=Versions(playbook=self._playbook.version),
            rehearsal=was.incident.rehearsal,
            trace=was.trace,
        )

    async def _commit(self, fill: Callable[[Unit], None], booked: dict[str, Spent] | None = None) -> None:
        await self._spending.write(self._held.job.lease, fill, booked or {})


def _findings(helper: Investigation, conclusion: Conclusion) -> Waiting:
    """What a helper found, for the one it helps. Evidence names the helper's own steps, which can be cited as they are."""
    found = conclusion.model_dump(
        mode="json", exclude={"actions", "schema_version", "analyst", "unmet"}, exclude_none=True
    )
    return Waiting(
        key=f"{HELPER}/{helper.id}",
        kind=HELPER,
        text=f"The helper {helper.playbook!r} has finished.",
        author=f"helper:{helper.playbook}",
        at=helper.finished_at or 0,
        data={"investigation": helper.id, "playbook": helper.playbook, "found": found},
    )
