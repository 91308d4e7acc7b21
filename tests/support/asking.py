"""Asking a connector's tool as an investigation does."""

import asyncio
from collections.abc import Sequence
from typing import Any

from connectors.ports.archive import Archive
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool, ToolContext
from schemas import Incident, Signal
from tests.support.checkout_story import NOW, ListArchive, checkout_incident, error_signal


def tools_of(connector: Connector, /, **settings: Any) -> dict[str, Tool]:
    """The tools of one configured instance, by name."""
    made = connector.tools(connector.settings.model_validate(settings), "default")
    return {tool.name: tool for tool in made}


def ask(
    tool: Tool,
    /,
    *,
    incident: Incident | None = None,
    signals: Sequence[Signal] | None = None,
    archive: Archive | None = None,
    now: int = NOW,
    **arguments: Any,
) -> Any:
    """Its answer, read back from the JSON it is recorded as. Raises ToolFailed, pydantic.ValidationError."""
    signals = [error_signal(0)] if signals is None else signals
    context = ToolContext(incident or checkout_incident(signals), signals, archive or ListArchive(), now)
    answer = asyncio.run(tool.call(tool.arguments.model_validate(arguments), context))
    assert isinstance(answer, tool.result)
    written = answer.model_dump_json()
    assert len(written.encode()) <= tool.max_bytes
    return tool.result.model_validate_json(written)
