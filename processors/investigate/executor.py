"""The executor: the calls of one answer, side by side, through the slots, each within its deadline; usable without the loop."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from connectors.ports.meters import Meters, NullMeters
from connectors.ports.model import Call, ToolShape
from connectors.ports.tool import Tool, ToolContext
from playbooks.model import Playbook
from processors.analyst.loop.case import Case
from processors.analyst.loop.slots import Asked, Denied, Slots, Told
from processors.investigate.call import call
from processors.investigate.tracing import note_failure, tool_span
from schemas.time import SECOND


@dataclass(frozen=True, slots=True)
class Used:
    """One call and its answer; times in microseconds."""

    asked: Asked
    told: Told
    started_at: int
    finished_at: int


class Executor:
    """Asks tools. `tools` is read anew for each call, so one that comes or goes meanwhile is seen. `now`: journal time."""

    def __init__(self, tools: Mapping[str, Tool], *, now: Callable[[], int], meters: Meters | None = None) -> None:
        self._tools, self._now = tools, now
        self._meters = meters or NullMeters()

    def shapes(self, playbook: Playbook) -> dict[str, ToolShape]:
        """The tools this playbook may ask, as they are now."""
        return {
            name: ToolShape(name, tool.description, _schema(tool.arguments), trusted=tool.trusted)
            for name, tool in self._tools.items()
            if playbook.may_ask(name)
        }

    async def gather(self, name: str, context: ToolContext, *, step_id: str, left_s: float) -> Told:
        """A tool without arguments."""
        return await self._call(Asked("", name, {}), context, step_id, left_s)

    async def use(
        self,
        calls: Sequence[Call],
        case: Case,
        slots: Slots,
        context: ToolContext,
        *,
        first_index: int,
        left_s: float,
        room: int,
    ) -> AsyncGenerator[Used, None]:
        """Answers in the order of the calls, whichever comes first; identical calls of one answer are asked once. `room`: how many may still be
        asked. Closing the iterator ends what is under way."""
        work: list[asyncio.Task[Used]] = []
        judged: list[Asked | Denied] = []
        for place, each in enumerate(calls):
            asked = Asked(each.id, each.name, each.arguments, each.fault)
            verdict = slots.asked(asked, case)
            if isinstance(verdict, Asked):
                twin = next((before for before in judged if isinstance(before, Asked) and _same(before, verdict)), None)
                if twin is not None:
                    verdict = Denied(
                        f"The same was asked a moment ago (call {twin.call_id!r}); its answer is this one's too."
                    )
                elif sum(isinstance(before, Asked) for before in judged) >= room:
                    verdict = Denied(f"{each.name!r} was not asked: the bound of tool calls is used up")
            judged.append(verdict)
            step_id = f"{case.investigation.id}/{first_index + place}"
            work.append(asyncio.create_task(self._one(asked, verdict, case, slots, context, step_id, left_s)))
        try:
            for task in work:
                yield await task
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _one(
        self,
        asked: Asked,
        verdict: Asked | Denied,
        case: Case,
        slots: Slots,
        context: ToolContext,
        step_id: str,
        left_s: float,
    ) -> Used:
        started = self._now()
        if isinstance(verdict, Denied):
            return Used(asked, Told(False, error=verdict.because), started, started)
        told = slots.told(verdict, await self._call(verdict, context, step_id, left_s), case)
        return Used(verdict, told, started, self._now())

    async def _call(self, asked: Asked, context: ToolContext, step_id: str, left_s: float) -> Told:
        tool = self._tools.get(asked.name)
        started = self._now()
        with tool_span(asked.name, step_id, tool.description if tool is not None else "") as span:
            answer = await call(self._tools, asked.name, asked.arguments, context, left_s=left_s)
            if answer.error is not None:
                note_failure(span, answer.error)
        self._meters.count("tocsin.investigate.tool_calls", tool=asked.name, success=str(answer.success).lower())
        took = max(0, self._now() - started) / SECOND
        self._meters.observe("tocsin.investigate.tool_duration", took, tool=asked.name)
        return Told(answer.success, answer.result, answer.error)


@lru_cache(maxsize=1024)
def _schema(arguments: type[BaseModel]) -> Mapping[str, Any]:
    """Making it costs far more than what it is used for."""
    return arguments.model_json_schema()


def _same(one: Asked, other: Asked) -> bool:
    return one.name == other.name and dict(one.arguments) == dict(other.arguments)
