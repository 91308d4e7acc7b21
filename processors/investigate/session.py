"""A session: what one investigation works with while a worker holds it, and what it knows."""

from collections.abc import Callable, Sequence
from typing import Any

from connectors.ports.tool import ToolContext
from playbooks.model import Playbook
from processors.analyst.loop.case import Case, Waiting
from processors.analyst.loop.masking import Mask
from processors.analyst.loop.names import HELPER, LOST, OWN
from processors.analyst.loop.prompt import PromptBuilder
from processors.analyst.loop.slots import Slots, Told, default_slots
from processors.investigate import inbox
from processors.investigate.events import Event, Recorded
from processors.investigate.executor import Executor
from processors.investigate.means import Means
from processors.investigate.notebook import Held, Notebook
from processors.investigate.rows import Task, load, load_steps
from processors.investigate.sentence import sentence
from processors.investigate.spending import Account, accounts
from schemas import Investigation, Signal, Step, StepKind, Usage
from schemas.time import SECOND


class Session:
    """One worker's hold of one investigation."""

    def __init__(
        self,
        held: Held,
        task: Task,
        investigation: Investigation,
        playbook: Playbook,
        steps: Sequence[Step],
        *,
        means: Means,
    ) -> None:
        self.task, self.playbook, self.means = task, playbook, means
        self.notebook = Notebook(
            held, task, investigation, playbook, steps, journal=means.journal, spending=means.book()
        )
        mask = Mask(on=means.mask, redact=means.redact)
        self.builder = PromptBuilder(investigation.id, mask)
        own, more = default_slots(mask, redact=means.redact), means.slots
        self.slots = Slots(
            more.build_prompt,
            more.before_model,
            more.after_model,
            (*own.before_tool, *more.before_tool),
            (*own.after_tool, *more.after_tool),
        )
        self.executor = Executor(means.tools, now=means.journal.now, meters=means.meters)
        self.signals: tuple[Signal, ...] = ()
        self.heard: Callable[[Event], None] | None = None
        self._others: dict[str, tuple[Step, ...]] = {}

    def tell(self, event: Event) -> None:
        """To those who watch."""
        self.means.watch(self.notebook.investigation.id, event)
        if self.heard is not None:
            self.heard(event)

    async def case(self) -> Case:
        """Everything the next move depends on."""
        book, means = self.notebook, self.means
        investigation, steps = book.investigation, tuple(book.steps)
        talks = self.playbook.front.analyst.model != "none" and bool(means.switchboard.roster.models)
        waiting = await inbox.waiting(means.journal, investigation.id)
        pending = await self._pending(steps, waiting) if investigation.helpers else ()
        return Case(
            investigation=investigation,
            playbook=self.playbook,
            signals=self.signals,
            steps=steps,
            now=means.journal.now(),
            others=await self.helped(steps),
            tools=self.executor.shapes(self.playbook) if talks else {},
            roles=means.switchboard.roster.windows() if talks else {},
            shared=await means.book().shared(self.accounts()) if talks else (),
            waiting=waiting,
            pending=pending,
        )

    def accounts(self) -> tuple[Account, ...]:
        """Where a model call of now is booked."""
        analyst, investigation = self.playbook.front.analyst, self.notebook.investigation
        limits, now = self.means.book().limits, self.means.journal.now()
        return accounts(self.playbook.name, analyst.day_cost_usd, investigation.storm, limits, now)

    async def _pending(self, steps: Sequence[Step], waiting: Sequence[Waiting]) -> tuple[str, ...]:
        heard = {step.result["investigation"] for step in steps if step.name == HELPER and step.kind == "event"}
        heard |= {each.data["investigation"] for each in waiting if each.kind == HELPER}
        found = [
            await load(self.means.journal, each) for each in self.notebook.investigation.helpers if each not in heard
        ]
        return tuple(
            each.playbook for each in found if each is not None and each.status in ("queued", "running", "paused")
        )

    async def helped(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Steps of helpers whose findings have joined."""
        for step in steps:
            if step.kind == "event" and step.name == HELPER and step.result["investigation"] not in self._others:
                identity = step.result["investigation"]
                self._others[identity] = tuple(await load_steps(self.means.journal, identity))
        return tuple(step for steps_of_one in self._others.values() for step in steps_of_one)

    def context(self) -> ToolContext:
        """What tools may know."""
        return ToolContext(
            self.notebook.investigation.incident, self.signals, self.means.archive, self.means.journal.now()
        )

    async def record(
        self,
        kind: StepKind,
        name: str,
        told: Told,
        started: int,
        *,
        arguments: dict[str, Any] | None = None,
        usage: Usage | None = None,
        **more: Any,
    ) -> Step:
        """One step, durable when this returns. `more`: further fields of the step, and what `Notebook.record` takes."""
        index, finished = len(self.notebook.steps), self.means.journal.now()
        spent = usage or Usage(tool_calls=int(kind == "tool_call" and name not in OWN))
        step = Step(
            id=self.notebook.step_id(index),
            investigation_id=self.notebook.investigation.id,
            index=index,
            kind=kind,
            name=name,
            arguments=arguments or {},
            success=told.success,
            result=told.result,
            error=told.error,
            started_at=started,
            finished_at=more.pop("finished_at", finished),
            call_id=more.pop("call_id", None),
            provenance=more.pop("provenance", {}),
            usage=spent.model_copy(update={"wall_s": max(0, finished - started) / SECOND}),
        )
        await self.notebook.record(step, sentence(step), **more)
        self.tell(Recorded(step))
        return step

    async def lost(self, reserved: Usage, why: str) -> None:
        """Book what was set aside for a model call nobody knows the end of."""
        await self.record(
            "event", LOST, Told(True, {"text": why}), self.means.journal.now(), usage=reserved, accounts=self.accounts()
        )
