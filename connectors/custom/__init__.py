"""Custom: tools described in the configuration."""

from collections.abc import Sequence

from connectors.custom.settings import CustomSettings
from connectors.custom.tool import MadeTool
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: CustomSettings, _instance: str) -> Sequence[Tool]:
    """One for each that is described."""
    return tuple(MadeTool(name, made) for name, made in settings.tools.items())


connector = Connector(
    name="custom",
    summary="Tools of your own: HTTP questions and commands with typed parameters",
    settings=CustomSettings,
    tools=tools,
)
