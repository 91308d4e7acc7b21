"""A tool: one typed, read-only question to the outside, asked by a playbook or an analyst."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from connectors.ports.archive import Archive
from schemas import Incident, Signal


class ToolFailed(Exception):
    """The question could not be answered. The message states the query, the range and the remote's own words."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know without being told by its arguments. `now` is journal time, microseconds."""

    incident: Incident
    signals: Sequence[Signal]
    """The signals that triggered the investigation, oldest first."""
    archive: Archive
    now: int


class Tool(Protocol):
    """One tool, one page. `name` is `SYSTEM.VERB`; the docstring of `arguments` and `description` are written for the reader who
    chooses (a model, or a person writing a playbook)."""

    name: str
    description: str
    arguments: type[BaseModel]
    """Every field needs a default: `gather` calls tools with no arguments."""
    result: type[BaseModel]
    deadline_s: float
    max_bytes: int
    """A result that encodes to more is refused with "narrow it", never truncated in silence."""
    trusted: bool = True
    """Whether it may be told what is masked for models. A stranger's (an MCP server, a tool of the configuration) is not, unless configured."""

    async def call(self, arguments: BaseModel, context: ToolContext) -> BaseModel:
        """Raises ToolFailed."""


class ToolSource(Protocol):
    """Tools that come and go while the program runs, such as a server's that describes itself: asked again before each turn of a
    model."""

    name: str

    async def tools(self) -> Sequence[Tool]:
        """What it offers now; by its last word when it does not answer within a few seconds, and nothing before the first. Never raises."""


async def tools_now(known: Mapping[str, Tool], sources: Sequence[ToolSource]) -> dict[str, Tool]:
    """The tools there are at this moment, by name: those known, and what the sources offer beside them. A name that is known stays
    whose it is."""
    offered = await asyncio.gather(*(source.tools() for source in sources))
    return {tool.name: tool for tools in reversed(offered) for tool in reversed(tools)} | dict(known)
