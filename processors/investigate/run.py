"""One investigation, from where its recorded steps end to its conclusion; every step is recorded before its result is used."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, assert_never

from playbooks.model import Playbook
from processors.analyst.conclude import conclude, with_actions
from processors.analyst.echo import unechoed
from processors.analyst.facts import SNAPSHOT
from processors.analyst.fallback import minimal
from processors.analyst.loop.acceptance import seen_in
from processors.analyst.loop.case import Case, Waiting
from processors.analyst.loop.moves import (
    Ask,
    Compact,
    Conclude,
    Join,
    Judge,
    Look,
    Move,
    Note,
    Pause,
    Reply,
    Think,
    Use,
    Weigh,
)
from processors.analyst.loop.names import ANSWER, CANCEL, OWN, QUESTION, WEIGHED
from processors.analyst.loop.news import news
from processors.analyst.loop.next import next_move
from processors.analyst.loop.records import answer_from_records
from processors.analyst.loop.slots import Asked, Told
from processors.analyst.weigh import weigh
from processors.investigate import sharing
from processors.investigate.events import Asking, Began, Ended, Event, Replied
from processors.investigate.events import Paused as PausedEvent
from processors.investigate.means import Means
from processors.investigate.notebook import Held
from processors.investigate.rows import Task
from processors.investigate.session import Session
from processors.investigate.signals import read_signals
from processors.investigate.talking import Talking
from processors.investigate.watching import events_of
from schemas import Conclusion, Incident, Investigation, Signal, Step

_log = logging.getLogger(__name__)

__all__ = ["Held", "Run"]


class Run(Session):
    """One investigation under its job's lease. Everything it writes is fenced: once the lease is another's, nothing more happens."""

    def __init__(
        self,
        held: Held,
        task: Task,
        investigation: Investigation,
        playbook: Playbook,
        steps: Sequence[Step],
        *,
        means: Means,
        before: bytes,
        helpers: Sequence[Playbook] = (),
    ) -> None:
        """`before`: its row as it was read. `helpers`: playbooks that begin beside it, if this is its beginning."""
        super().__init__(held, task, investigation, playbook, steps, means=means)
        self._before, self._helpers = before, helpers
        self._talking = Talking(self)

    async def go(self, *, gather: bool = True, weigh: bool = True) -> None:
        """To the end, or to a pause. `gather` False concludes at once from what is recorded, without a model; `weigh` False says what is
        certain alone. Raises LeaseLost, Conflict."""
        identity = self.notebook.investigation.id
        try:
            await self._begin()
            if gather and await self._share():
                return
            while gather and await self._next():
                pass
            if not gather:
                await self._at_last(f"it broke {self.notebook.attempt - 1} times before", weigh=weigh)
        finally:
            self.means.interrupts.over(identity)

    def events(self, *, gather: bool = True) -> AsyncGenerator[Event, None]:
        """The same, told as it happens: the steps as they are recorded, and the pieces of what a model writes."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self.heard = queue.put_nowait
        return events_of(self.go(gather=gather), queue)

    async def _begin(self) -> None:
        book = self.notebook
        lost = book.investigation.reserved
        self.means.interrupts.of(book.investigation.id)
        await book.begin(self._before, self._helpers, self.means.tools)
        self.tell(Began(book.investigation))
        self.signals = await read_signals(self.means.archive, self.task.signal_ids, book.investigation.id)
        if lost is not None:
            await self.lost(lost, "a worker went away while a model was asked; what was set aside for it is booked")
        question = self.task.question
        if question is not None and not self._asked(question.command_id):
            conclusion = book.investigation.conclusion
            result: dict[str, Any] = {"text": question.text}
            if conclusion is not None:
                result["conclusion"] = conclusion.model_dump(mode="json", exclude={"actions"}, exclude_none=True)
            about = {"author": question.author, "command_id": question.command_id}
            await self.record("event", QUESTION, Told(True, result), self.means.journal.now(), arguments=about)

    def _asked(self, command_id: str) -> bool:
        return any(
            step.name == QUESTION and step.arguments.get("command_id") == command_id for step in self.notebook.steps
        )

    async def _share(self) -> bool:
        """Take the conclusion of the one it shares, if that has one; else look for itself."""
        investigation = self.notebook.investigation
        if investigation.shares is None:
            return False
        conclusion = await sharing.conclusion(
            self.means, investigation, self.playbook, self.signals, self.means.journal.now()
        )
        if conclusion is None:
            self.notebook.investigation = investigation.model_copy(update={"shares": None})
            return False
        self.means.meters.count("tocsin.investigate.shared", playbook=self.playbook.name)
        await self._end(conclusion, None)
        return True

    async def _next(self) -> bool:
        """One move; False at the end, or at a pause."""
        case = await self.case()
        move: Move = next_move(case)
        match move:
            case Ask():
                await self._ask(move)
            case Look():
                await self._look()
            case Weigh():
                await self._weigh(case)
            case Join(event):
                await self._join(event, case)
            case Note(name, about, text):
                await self.record("event", name, Told(True, {"text": text}), case.now, arguments={"about": about})
            case Compact():
                await self._talking.compact(case)
            case Think():
                ended = await self._talking.think(move, case)
                if ended is not None:
                    return await self._give_up(ended, case)
            case Use(calls):
                await self._talking.use(calls, case)
            case Judge():
                conclusion = await self._talking.judge(move, case)
                if conclusion is not None:
                    await self._end(conclusion, None)
                    return False
            case Pause(reason, for_s):
                await self.notebook.pause(reason, for_s)
                self.tell(PausedEvent(reason))
                return False
            case Reply(text, because):
                await self._reply(text, because, case)
                return False
            case Conclude(because):
                await self._conclude(because)
                return False
            case _:
                assert_never(move)
        return True

    async def _give_up(self, because: str, case: Case) -> bool:
        if case.question is not None:
            await self._reply(None, because, case)
        else:
            await self._conclude(because)
        return False

    async def _ask(self, move: Ask) -> None:
        context = self.context()
        started = self.means.journal.now()
        self.tell(Asking("tool", move.tool))
        told = await self.executor.gather(
            move.tool, context, step_id=self.notebook.step_id(move.index), left_s=move.left_s
        )
        told = self.slots.told(Asked("", move.tool, {}), told, await self.case()) if self.slots.after_tool else told
        await self.record("tool_call", move.tool, told, started)

    async def _look(self) -> None:
        """The incident as it is now: it may have grown, or ended, while tools were asked."""
        started = self.means.journal.now()
        try:
            incident = await self.means.archive.incident(self.notebook.investigation.incident_id)
        except (OSError, ValueError) as error:
            told = Told(False, error=f"the incident cannot be read: {error}")
        else:
            shown = incident if incident is not None else self.notebook.investigation.incident
            told = Told(True, {"incident": shown.model_dump(mode="json", exclude_none=True)})
        await self.record("event", SNAPSHOT, told, started)

    async def _weigh(self, case: Case) -> None:
        started = self.means.journal.now()
        try:
            found = await asyncio.to_thread(weigh, case.incident, self.signals, case.steps, case.now)
            told = Told(True, found.model_dump(mode="json", exclude_none=True))
        except Exception as error:  # noqa: BLE001 - the model goes on without that start
            _log.exception("investigation %r cannot be weighed", case.investigation.id)
            told = Told(False, error=f"{type(error).__name__}: {error}"[:500])
        await self.record("event", WEIGHED, told, started)

    async def _join(self, event: Waiting, case: Case) -> None:
        name, text, data = event.kind, event.text, dict(event.data)
        if "incident" in data:
            after = Incident.model_validate(data["incident"])
            heard = news(case.incident, after)
            if heard is None:
                await self.notebook.forget(event)
                return
            name, text = heard
        about = {"author": event.author, "key": event.key}
        await self.record("event", name, Told(True, {"text": text, **data}), case.now, arguments=about, joined=event)

    async def _reply(self, text: str | None, because: str, case: Case) -> None:
        if text is None:
            text = answer_from_records(
                str((case.question or case.steps[-1]).result["text"]), case.investigation.conclusion, seen_in(case)
            )
            text += f"\n\n(No model answered: {because})" if because else ""
        else:
            text = self.builder.mask.reveal(text)
        about = dict(case.question.arguments) if case.question is not None else {}
        await self.record("event", ANSWER, Told(True, {"text": text}), case.now, arguments=about, finish=True)
        self.tell(Replied(text))

    async def _conclude(self, because: str, *, broken: bool = False) -> None:
        if self.task.question is not None:
            await self.notebook.finish()
            return
        conclusion, error = await self._reason(self.means.journal.now(), because, broken=broken)
        if any(step.name == CANCEL for step in self.notebook.steps):
            conclusion = conclusion.model_copy(update={"actions": ()})
        await self._end(conclusion, error)

    async def _at_last(self, because: str, *, weigh: bool) -> None:
        """From what is recorded alone."""
        case = await self.case() if self.task.question is not None and weigh else None
        if case is not None and not any(step.name == ANSWER for step in case.round):
            await self._reply(None, because, case)
        else:
            await self._conclude(because, broken=not weigh)

    async def _end(self, conclusion: Conclusion, error: str | None) -> None:
        looked = (step.started_at for step in reversed(self.notebook.steps) if step.name == SNAPSHOT)
        as_of = next(looked, self.notebook.investigation.queued_at)
        done = await self.notebook.conclude(conclusion, as_of=as_of, error=error)
        self.tell(Ended(conclusion))
        self.means.meters.count("tocsin.investigate.concluded", verdict=conclusion.verdict)
        self.means.meters.observe("tocsin.investigate.duration", done.usage.wall_s, playbook=self.playbook.name)

    async def _reason(self, now: int, because: str, *, broken: bool) -> tuple[Conclusion, str | None]:
        """The model-free analyst's conclusion, or one of last resort with the reason: never nothing."""
        incident, identity = self.notebook.investigation.incident, self.notebook.investigation.id
        seen = (*self.notebook.steps, *await self.helped(self.notebook.steps))
        steps = tuple(
            unechoed(step)
            for step in seen
            if step.name == SNAPSHOT or (step.kind == "tool_call" and step.name not in OWN)
        )
        if not broken:
            try:
                sound = await asyncio.to_thread(
                    _concluded, conclude, incident, self.signals, steps, self.playbook, now, identity
                )
            except Exception as error:  # noqa: BLE001 - whatever the analyst does, there is a conclusion
                _log.exception("the analyst failed on investigation %r", identity)
                because = f"{type(error).__name__}: {error}"[:500]
            else:
                if because:
                    self.means.meters.count("tocsin.investigate.fallbacks", playbook=self.playbook.name)
                return sound, because or None
        self.means.meters.count("tocsin.investigate.fallbacks", playbook=self.playbook.name)
        least = minimal(incident, self.signals, steps, because)
        made = with_actions(least, incident, self.signals, steps, self.playbook, now, investigation_id=identity)
        return made, because


def _concluded(
    analyst: Callable[..., Conclusion],
    incident: Incident,
    signals: Sequence[Signal],
    steps: Sequence[Step],
    playbook: Playbook,
    now: int,
    identity: str,
) -> Conclusion:
    return analyst(incident, signals, steps, playbook, now, investigation_id=identity)
