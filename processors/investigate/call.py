"""One call of a tool: within its deadline and size, and whatever happens, an answer that can be recorded."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connectors.ports.tool import Tool, ToolContext, ToolFailed
from processors.analyst.facts import UNCONFIGURED

GRACE_S = 0.5
"""What a tool that was told to stop may take to do so before it is left behind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`result` is plain JSON; `error` says what was asked and what went wrong."""

    success: bool
    result: Any = None
    error: str | None = None


async def call(
    tools: Mapping[str, Tool], name: str, arguments: Mapping[str, Any], context: ToolContext, *, left_s: float
) -> Answer:
    """Ask the tool. Never raises but for cancellation: failing, hanging, unknown and too talkative tools are answers too."""
    tool = tools.get(name)
    if tool is None:
        return Answer(
            False, error=f"{UNCONFIGURED}{name!r} is configured; there is {', '.join(sorted(tools)) or 'none'}"
        )
    if left_s <= 0:
        return Answer(False, error=f"{name!r} was not asked: the time of the investigation is used up")
    try:
        asked = tool.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        return Answer(False, error=f"{name!r} does not take {dict(arguments)!r}: {error}")
    deadline_s = min(tool.deadline_s, left_s)
    work = asyncio.ensure_future(tool.call(asked, context))
    try:
        done, _ = await asyncio.wait({work}, timeout=deadline_s)
        if not done:
            return Answer(False, error=f"{name!r} gave no answer within {deadline_s:g} s")
        return _answer(tool, work.result())
    except ToolFailed as error:
        return Answer(False, error=str(error)[:2000])
    except asyncio.CancelledError:
        if work.cancelled():
            return Answer(False, error=f"{name!r} gave up by itself")
        raise
    except Exception as error:  # noqa: BLE001 - a tool's own fault is recorded, and the investigation goes on
        return Answer(False, error=f"{name!r} broke: {type(error).__name__}: {error}"[:2000])
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=GRACE_S)


def _answer(tool: Tool, result: Any) -> Answer:
    text = result.model_dump_json()
    size = len(text.encode())
    if size > tool.max_bytes:
        return Answer(
            False, error=f"{tool.name!r} answered {size} bytes, at most {tool.max_bytes} are taken: narrow it"
        )
    return Answer(True, json.loads(text))
