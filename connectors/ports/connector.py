"""A connector: what one outside system offers, declared in one place so that the program can find and configure it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from connectors.ports.action import ActionPort
from connectors.ports.checkup import Checkup
from connectors.ports.poller import Poller
from connectors.ports.source import Source
from connectors.ports.tool import Tool, ToolSource


class Settings(BaseModel):
    """Configuration of one connector instance: closed (an unknown key is a fault), every field described."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Connector:
    """Declared as `connector = Connector(...)` in `connectors/NAME/__init__.py`, or under the entry-point group
    `tocsin.connectors`. The builders get (settings of this connector's `settings` type, instance name)."""

    name: str
    summary: str
    settings: type[Settings]
    source: Callable[[Any, str], Source] | None = None
    tools: Callable[[Any, str], Sequence[Tool]] = field(default=lambda _settings, _instance: ())
    actions: Callable[[Any, str], Sequence[ActionPort]] = field(default=lambda _settings, _instance: ())
    pollers: Callable[[Any, str], Sequence[Poller]] = field(default=lambda _settings, _instance: ())
    checkups: Callable[[Any, str], Sequence[Checkup]] = field(default=lambda _settings, _instance: ())
    """What `tocsin doctor` asks, of what is configured."""
    tool_sources: Callable[[Any, str], Sequence[ToolSource]] = field(default=lambda _settings, _instance: ())
    default: bool = False
    """Present with default settings even when the configuration does not name it."""
