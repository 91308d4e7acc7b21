"""Talking: the moves of an investigation in which a model takes part."""

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

from connectors.ports.model import Call
from processors.analyst.loop import compaction, completion
from processors.analyst.loop.acceptance import Refused, judge
from processors.analyst.loop.bounds import left_s
from processors.analyst.loop.case import Case, Window
from processors.analyst.loop.money import Planned, TooDear, expected_tokens, plan
from processors.analyst.loop.moves import Judge, Think
from processors.analyst.loop.names import BUDGET, CANCEL, COMPACTED, CONCLUDE, HAND_OVER, OWN, TRIAGE, WAIT
from processors.analyst.loop.next import COMPLETE, NEWS, SOUND, refusals
from processors.analyst.loop.prompt import characters
from processors.analyst.loop.slots import Told
from processors.analyst.loop.transcript import blocks_to_json
from processors.investigate import inbox
from processors.investigate.events import Asking
from processors.investigate.outcome import proposals
from processors.investigate.session import Session
from processors.investigate.spending import OverLimit
from processors.investigate.switchboard import Got
from schemas import Conclusion, Decision, ProposedAction

TRIAGE_SURE = 0.7
"""The least confidence with which the first look may conclude."""
LOOK_S = 5.0
"""While something is under way, the inbox is looked into so often for somebody who wants it stopped."""
_T = TypeVar("_T")


class Talking:
    """One investigation's. Every method ends with what it did being recorded."""

    def __init__(self, session: Session) -> None:
        self._run = session

    async def compact(self, case: Case) -> None:
        """Go on from a digest of the conversation."""
        text = compaction.compacted(case, self._run.builder.mask)
        await self._run.record("compaction", COMPACTED, Told(True, {"text": text}), case.now)

    async def think(self, move: Think, case: Case) -> str | None:
        """The model's next answer; a reason when there cannot be one any more."""
        run, last = self._run, move.must_call is not None
        window = case.roles.get(move.role, Window())
        request = run.slots.request(run.builder.build(case, role=move.role, must_call=move.must_call), case)
        if compaction.needed(case, window, expected_tokens(request, case.round)):
            await self.compact(case)
            return None
        planned = plan(case, request, window, last=last)
        accounts = run.accounts()
        if isinstance(planned, Planned):
            if request.deadline_s <= 0:
                return "its time is used up"
            try:
                await run.notebook.reserve(planned.reserved, accounts)
            except OverLimit as error:
                planned = TooDear(str(error))
        if isinstance(planned, TooDear):
            if last or case.question is not None:
                return planned.because
            text = f"Too little is left to go on ({planned.because}). Conclude now with what you have."
            await run.record("event", BUDGET, Told(True, {"text": text}), case.now, arguments={"about": "end"})
            return None
        started = run.means.journal.now()
        switchboard = run.means.switchboard
        run.tell(Asking("model", move.role))
        got = await self._unless_stopped(switchboard.ask(move.role, planned.request, run.tell))
        if got is None:
            await run.lost(
                planned.reserved, "it was stopped while a model was asked; what was set aside for that is booked"
            )
            return None
        asked: dict[str, Any] = {
            "role": move.role,
            "characters": characters(planned.request),
            "max_tokens": planned.request.max_tokens,
            "tools": [tool.name for tool in planned.request.tools],
        }
        if move.must_call is not None:
            asked["must_call"] = move.must_call
        if isinstance(got, Got):
            answer = run.slots.answer(got.answer, case)
            if got.failures:
                asked["failures"] = list(got.failures)
            result = {"blocks": blocks_to_json(answer.blocks), "stop": answer.stop, "model": answer.model}
            await run.record(
                "model_call",
                got.model,
                Told(True, result),
                started,
                arguments=asked,
                usage=got.usage,
                accounts=accounts,
            )
            self._count(got)
        else:
            name = switchboard.roster.roles[move.role][0]
            asked["failed"] = got.kind
            await run.record(
                "model_call",
                name,
                Told(False, error=got.error),
                started,
                arguments=asked,
                usage=got.usage,
                accounts=accounts,
            )
        return None

    def _count(self, got: Got) -> None:
        meters, usage = self._run.means.meters, got.usage
        meters.count("tocsin.investigate.microdollars", round(usage.cost_usd * 1_000_000), model=got.model)
        for kind, count in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ):
            if count:
                meters.count("tocsin.investigate.tokens", count, model=got.model, kind=kind)

    async def use(self, calls: tuple[Call, ...], case: Case) -> None:
        """Answer calls: our own at once, tools side by side, all recorded in their order."""
        for group in _grouped(calls):
            if group[0].name in OWN:
                await self._own(group[0], case)
            else:
                await self._tools(group, case)

    async def _tools(self, calls: tuple[Call, ...], case: Case) -> None:
        run, analyst = self._run, case.playbook.front.analyst
        spent = sum(step.kind == "tool_call" and step.name not in OWN for step in case.round)
        used = run.executor.use(
            calls, case, run.slots, run.context(), first_index=len(run.notebook.steps),
            left_s=left_s(analyst, case.timed, last=False), room=max(0, analyst.max_tool_calls - spent),
        )  # fmt: skip
        for call in calls:
            run.tell(Asking("tool", call.name))
        async with aclosing(used):
            while (each := await self._unless_stopped(anext(used, None))) is not None:
                await run.record(
                    "tool_call", each.asked.name, each.told, each.started_at, arguments=dict(each.asked.arguments),
                    call_id=each.asked.call_id, provenance=dict(each.asked.provenance), finished_at=each.finished_at,
                )  # fmt: skip

    async def _own(self, call: Call, case: Case) -> None:
        decisions: tuple[Decision, ...] = ()
        arguments = dict(self._run.builder.mask.reveal_value(dict(call.arguments)))
        match call.name:
            case "conclude":
                arguments = {"refused": NEWS}
                told = Told(
                    False,
                    error="Something joined that you had not read when you concluded. Take it into account, and conclude again.",
                )
            case "wait":
                told = Told(True, {"text": "Go on: what came is said; if nothing is, nothing came in time."})
            case "hand_over":
                told = Told(True, {"text": "Another model goes on from here."})
            case _:
                told, decisions = self._proposed(call, arguments, case)
        await self._run.record(
            "tool_call", call.name, told, case.now, arguments=arguments, call_id=call.id, decisions=decisions
        )

    def _proposed(self, call: Call, arguments: dict[str, Any], case: Case) -> tuple[Told, tuple[Decision, ...]]:
        """An action proposed before the conclusion. A model gives its words alone, never where it goes: that could be a stranger's wish, and a
        person who approves words may not notice. Even so a person decides, whatever the playbook says."""
        kind, given = str(arguments.get("kind", "")), arguments.get("arguments") or {}
        allowed = case.playbook.front.analyst.may_propose
        if call.fault is not None or kind not in allowed or not isinstance(given, dict):
            why = (
                call.fault
                or f"{kind!r} cannot be proposed; there is {', '.join(allowed) or 'none'}, with arguments as an object"
            )
            return Told(False, error=why), ()
        written = case.playbook.arguments_of(kind)
        foreign = sorted(set(given) - set(written))
        if foreign:
            why = f"{', '.join(foreign)} of {kind!r}: where an action goes is the configuration's to say; give {', '.join(written) or 'no arguments'} alone"
            return Told(False, error=why), ()
        run, index = self._run, len(self._run.notebook.steps)
        wanted = ProposedAction(kind=kind, arguments=given, why=str(arguments.get("why", ""))[:500])
        (decision,) = proposals(
            (wanted,), case.incident, case.playbook, at=run.means.journal.now(), cause=run.notebook.step_id(index),
            scope=run.notebook.step_id(index), investigation_id=case.investigation.id, trace=case.investigation.trace, ask=True,
        )  # fmt: skip
        text = f"Proposed as {decision.action_id}; it waits for a person. Call `{WAIT}` if you need to know what becomes of it, or go on."
        return Told(True, {"text": text, "action_id": decision.action_id}), (decision,)

    async def judge(self, move: Judge, case: Case) -> Conclusion | None:
        """The conclusion, if it is accepted; else it goes back, or on to the deeper model."""
        found = (
            Refused((move.call.fault,))
            if move.call.fault
            else judge(move.call.arguments, case, self._run.builder.mask, model=move.model)
        )
        if isinstance(found, Refused):
            await self._back(move, case, str(found), SOUND)
            return None
        wanted = case.playbook.front.before_concluding
        missing = completion.unmet(wanted, found, case.incident, (*case.steps, *case.others))
        if missing and refusals(case.round, COMPLETE) < wanted.retries:
            await self._back(move, case, str(Refused(missing)), COMPLETE)
            return None
        if move.role == TRIAGE and case.playbook.front.analyst.model != TRIAGE and _needs_more(found, missing):
            told = Told(True, {"text": "A deeper look is wanted. Another model goes on from here."})
            about = {"why": f"{found.verdict} at {found.hypothesis.confidence:.2f}"}
            await self._run.record("tool_call", HAND_OVER, told, case.now, arguments=about, call_id=move.call.id)
            return None
        return found.model_copy(update={"unmet": missing}) if missing else found

    async def _back(self, move: Judge, case: Case, because: str, kind: str) -> None:
        told = Told(False, error=because)
        await self._run.record("tool_call", CONCLUDE, told, case.now, arguments={"refused": kind}, call_id=move.call.id)

    async def _unless_stopped(self, work: Awaitable[_T]) -> _T | None:
        """None when somebody wants it stopped meanwhile; the work is ended then."""
        run = self._run
        identity = run.notebook.investigation.id
        stop = run.means.interrupts.of(identity)
        doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
        try:
            while not doing.done():
                await asyncio.wait({doing, stopping}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                if doing.done():
                    break
                stop.clear()
                if any(each.kind == CANCEL for each in await inbox.waiting(run.means.journal, identity)):
                    return None
                if stopping.done():
                    stopping = asyncio.ensure_future(stop.wait())
            return doing.result()
        finally:
            for task in (doing, stopping):
                task.cancel()
            await asyncio.gather(doing, stopping, return_exceptions=True)


def _needs_more(found: Conclusion, missing: tuple[str, ...]) -> bool:
    """The first look settles what is clear and wakes nobody."""
    return found.verdict == "urgent" or found.hypothesis.confidence < TRIAGE_SURE or bool(missing)


def _grouped(calls: tuple[Call, ...]) -> list[tuple[Call, ...]]:
    """Tools that stand together are asked together."""
    groups: list[tuple[Call, ...]] = []
    for call in calls:
        if groups and call.name not in OWN and groups[-1][0].name not in OWN:
            groups[-1] = (*groups[-1], call)
        else:
            groups.append((call,))
    return groups
