"""One investigation, from where its recorded steps end to its conclusion; every step is recorded before its result is used."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from connectors.ports.archive import Archive
from connectors.ports.journal import DECISIONS, INPUTS, Busy, Job, Journal, Unavailable, Unit, recorded
from connectors.ports.meters import Meters
from connectors.ports.tool import Tool, ToolContext
from playbooks.model import Playbook
from processors.analyst.conclude import conclude, with_actions
from processors.analyst.facts import SNAPSHOT
from processors.analyst.fallback import minimal
from processors.investigate.call import Answer, call
from processors.investigate.outcome import ending
from processors.investigate.plan import Ask, Conclude, Look, next_move
from processors.investigate.rows import INVESTIGATIONS, RUNNING, STEPS, Task
from processors.investigate.tracing import note_failure, tool_span
from schemas import Conclusion, Decision, DecisionKind, Investigation, Signal, Step, StepKind, Usage, Versions, decide
from schemas.payload import InvestigationChanged, StepTaken
from schemas.time import SECOND

LOOKED_AT = 12
"""Signals an investigation reads itself: the first ones and the latest."""
_log = logging.getLogger(__name__)


@dataclass
class Held:
    """A job while it is held; renewal replaces it."""

    job: Job


class Run:
    """One investigation under its job's lease. Everything it writes is fenced: once the lease is another's, nothing more happens."""

    def __init__(
        self,
        held: Held,
        task: Task,
        investigation: Investigation,
        playbook: Playbook,
        steps: Sequence[Step],
        *,
        journal: Journal,
        archive: Archive,
        tools: Mapping[str, Tool],
        meters: Meters,
    ) -> None:
        self._held, self._task = held, task
        self._investigation, self._playbook, self._steps = investigation, playbook, list(steps)
        self._journal, self._archive, self._tools, self._meters = journal, archive, tools, meters
        self._signals: tuple[Signal, ...] = ()

    async def go(self, *, gather: bool = True) -> None:
        """To the end. `gather` False concludes at once from what is recorded. Raises LeaseLost, Conflict."""
        await self._begin()
        self._signals = await self._read_signals()
        while gather:
            move = next_move(self._playbook, self._steps)
            match move:
                case Ask():
                    await self._ask(move)
                case Look():
                    await self._look(move)
                case Conclude():
                    break
                case _:
                    assert_never(move)
        await self._conclude("" if gather else f"it broke {self._held.job.attempt - 1} times before")

    async def _begin(self) -> None:
        first = self._investigation.started_at is None
        attempt = self._held.job.attempt
        now = self._journal.now()
        kind: DecisionKind = "investigation.started" if first else "investigation.resumed"
        because = (
            f"playbook {self._playbook.name!r} was selected"
            if first
            else f"a worker went away after {len(self._steps)} recorded steps"
        )
        self._investigation = self._investigation.model_copy(
            update={
                "status": "running",
                "attempt": attempt,
                "started_at": now if first else self._investigation.started_at,
                "steps": len(self._steps),
            }
        )
        data = InvestigationChanged(playbook=self._playbook.name, attempt=attempt)
        decision = self._decide(kind, because, data, now, attempt=attempt)

        def fill(unit: Unit) -> None:
            unit.put(INVESTIGATIONS, self._investigation.id, self._investigation.to_json())
            unit.append(DECISIONS, recorded(decision))

        await self._commit(fill)

    async def _read_signals(self) -> tuple[Signal, ...]:
        ids = self._task.signal_ids
        chosen = ids if len(ids) <= LOOKED_AT else (*ids[: LOOKED_AT // 2], *ids[-(LOOKED_AT // 2) :])
        found: list[Signal] = []
        for identity in chosen:
            try:
                signal = await self._archive.signal(identity)
            except (OSError, ValueError) as error:
                _log.warning(
                    "signal %r of investigation %r cannot be read: %s", identity, self._investigation.id, error
                )
                continue
            if signal is not None:
                found.append(signal)
        return tuple(sorted(found, key=lambda each: (each.occurred_at, each.id)))

    async def _ask(self, move: Ask) -> None:
        tool = self._tools.get(move.tool)
        context = ToolContext(self._investigation.incident, self._signals, self._archive, self._journal.now())
        started = self._journal.now()
        with tool_span(move.tool, self._step_id(move.index), tool.description if tool is not None else "") as span:
            answer = await call(self._tools, move.tool, {}, context, left_s=move.left_s)
            if answer.error is not None:
                note_failure(span, answer.error)
        self._meters.count("tocsin.investigate.tool_calls", tool=move.tool, success=str(answer.success).lower())
        took = max(0, self._journal.now() - started) / SECOND
        self._meters.observe("tocsin.investigate.tool_duration", took, tool=move.tool)
        await self._record(move.index, "tool_call", move.tool, answer, started)

    async def _look(self, move: Look) -> None:
        """The incident as it is now: it may have grown, or ended, while tools were asked."""
        started = self._journal.now()
        try:
            incident = await self._archive.incident(self._investigation.incident_id)
        except (OSError, ValueError) as error:
            answer = Answer(False, error=f"the incident cannot be read: {error}")
        else:
            shown = incident if incident is not None else self._investigation.incident
            answer = Answer(True, {"incident": shown.model_dump(mode="json", exclude_none=True)})
        await self._record(move.index, "event", SNAPSHOT, answer, started)

    async def _record(self, index: int, kind: StepKind, name: str, answer: Answer, started: int) -> None:
        finished = self._journal.now()
        step = Step(
            id=self._step_id(index),
            investigation_id=self._investigation.id,
            index=index,
            kind=kind,
            name=name,
            success=answer.success,
            result=answer.result,
            error=answer.error,
            started_at=started,
            finished_at=finished,
            usage=Usage(tool_calls=int(kind == "tool_call"), wall_s=max(0, finished - started) / SECOND),
        )
        usage = self._investigation.usage.plus(step.usage)
        investigation = self._investigation.model_copy(update={"steps": index + 1, "usage": usage})
        because = f"{name} {'answered' if step.success else f'did not answer: {step.error}'}"[:300]
        decision = self._decide("investigation.step", because, StepTaken(step=step), finished, index=index)

        def fill(unit: Unit) -> None:
            unit.create(STEPS, step.id, step.to_json())
            unit.put(INVESTIGATIONS, investigation.id, investigation.to_json())
            unit.append(DECISIONS, recorded(decision))

        await self._commit(fill)
        self._steps.append(step)
        self._investigation = investigation

    async def _conclude(self, broken: str) -> None:
        now = self._journal.now()
        conclusion, error = self._reason(now, broken)
        looked = (step.started_at for step in reversed(self._steps) if step.name == SNAPSHOT)
        as_of = next(looked, self._investigation.queued_at)
        end = ending(self._investigation, conclusion, self._playbook, at=now, as_of=as_of, error=error)

        def fill(unit: Unit) -> None:
            unit.put(INVESTIGATIONS, end.investigation.id, end.investigation.to_json())
            unit.delete(RUNNING, end.investigation.incident_id)
            for decision in end.decisions:
                unit.append(DECISIONS, recorded(decision))
            unit.append(INPUTS, recorded(end.command))
            unit.finish(self._held.job)

        await self._commit(fill)
        self._meters.count("tocsin.investigate.concluded", verdict=conclusion.verdict)
        self._meters.observe(
            "tocsin.investigate.duration", end.investigation.usage.wall_s, playbook=self._playbook.name
        )

    def _reason(self, now: int, broken: str) -> tuple[Conclusion, str | None]:
        """The analyst's conclusion, or one of last resort with the reason: never nothing."""
        incident, identity = self._investigation.incident, self._investigation.id
        if not broken:
            try:
                sound = conclude(incident, self._signals, self._steps, self._playbook, now, investigation_id=identity)
            except Exception as error:  # noqa: BLE001 - whatever the analyst does, there is a conclusion
                _log.exception("the analyst failed on investigation %r", identity)
                broken = f"{type(error).__name__}: {error}"[:500]
            else:
                return sound, None
        self._meters.count("tocsin.investigate.fallbacks", playbook=self._playbook.name)
        least = minimal(incident, self._signals, self._steps, broken)
        made = with_actions(least, incident, self._signals, self._steps, self._playbook, now, investigation_id=identity)
        return made, broken

    async def _commit(self, fill: Callable[[Unit], None]) -> None:
        """Write under the lease; a journal that cannot just now is waited for, while the lease is renewed beside."""
        while True:
            try:
                async with self._journal.unit(lease=self._held.job.lease) as unit:
                    fill(unit)
            except (Busy, Unavailable) as error:
                _log.warning("investigation %r waits for the journal: %s", self._investigation.id, error)
                await asyncio.sleep(error.retry_after_s)
            else:
                return

    def _decide(
        self, kind: DecisionKind, because: str, data: Any, at: int, *, index: int = 0, attempt: int = 0
    ) -> Decision:
        return decide(
            kind,
            at=at,
            actor="analyst",
            because=because,
            cause=(self._task.cause, self._investigation.id),
            data=data,
            index=index,
            attempt=attempt,
            incident_id=self._investigation.incident_id,
            investigation_id=self._investigation.id,
            versions=Versions(playbook=self._playbook.version),
            rehearsal=self._investigation.incident.rehearsal,
            trace=self._investigation.trace,
        )

    def _step_id(self, index: int) -> str:
        return f"{self._investigation.id}/{index}"
