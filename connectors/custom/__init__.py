"""Custom: tools described in the configuration."""

import os
from collections.abc import Sequence
from functools import partial

from connectors.custom.settings import CustomSettings
from connectors.custom.tool import MadeTool
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool, ToolFailed


def tools(settings: CustomSettings, _instance: str) -> Sequence[Tool]:
    """One for each that is described."""
    return tuple(MadeTool(name, made) for name, made in settings.tools.items())


def checkups(settings: CustomSettings, _instance: str) -> Sequence[Checkup]:
    """Whether programs are there; an address is not asked, as nobody knows what that would cost."""
    return [
        Checkup(f"custom.{name}", partial(_found, made.command.run[0]), f"correct custom.tools.{name}.command.run")
        for name, made in settings.tools.items()
        if made.command is not None
    ]


async def _found(program: str) -> str:
    if not os.access(program, os.X_OK):
        raise ToolFailed(f"{program!r} is not there, or may not be run")
    return f"{program} can be run"


connector = Connector(
    name="custom",
    summary="Tools of your own: HTTP questions and commands with typed parameters",
    settings=CustomSettings,
    tools=tools,
    checkups=checkups,
)
