"""Steps as the tools record them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.ports.tool import ToolContext
from connectors.stream import StreamSettings, connector
from schemas import Incident, Signal, Step
from tests.support.checkout_story import NOW, ListArchive

TOOLS = {tool.name: tool for tool in connector.tools(StreamSettings(), "default")}
GATHERED = ("signals.around", "logs.around", "changes.before", "incidents.similar")

Gather = Callable[..., list[Step]]


def step(index: int, name: str, result: Any = None, error: str | None = None) -> Step:
    return Step(
        id=f"inv_1/{index}",
        investigation_id="inv_1",
        index=index,
        kind="tool_call",
        name=name,
        success=error is None,
        result=result,
        error=error,
        started_at=NOW,
        finished_at=NOW,
    )


@pytest.fixture
def gather() -> Gather:
    """The real tools of our own stream, asked; `more` are results of others by name."""

    def ask(incident: Incident, signals: Sequence[Signal], archive: ListArchive, **more: Any) -> list[Step]:
        async def answers() -> list[Any]:
            context = ToolContext(incident, signals, archive, NOW)
            return [await TOOLS[name].call(TOOLS[name].arguments(), context) for name in GATHERED]

        found = [each.model_dump(mode="json") for each in asyncio.run(answers())]
        named = [
            *zip(GATHERED, found, strict=True),
            *((name.replace("__", "."), result) for name, result in more.items()),
        ]
        return [step(index, name, result) for index, (name, result) in enumerate(named)]

    return ask
