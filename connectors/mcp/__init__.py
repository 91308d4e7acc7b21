"""MCP: tools of other programs, asked by the Model Context Protocol and treated as strangers."""

from collections.abc import Sequence

from connectors.mcp.settings import McpSettings
from connectors.mcp.tools import McpTools
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import ToolSource


def tool_sources(settings: McpSettings, _instance: str) -> Sequence[ToolSource]:
    """One for each server of which any tool may be called."""
    return tuple(McpTools(name, server) for name, server in settings.servers.items() if server.allow)


def checkups(settings: McpSettings, _instance: str) -> Sequence[Checkup]:
    """Whether each server answers; a program is started for it, and ended."""
    return [
        Checkup(f"mcp.{name}", McpTools(name, server).answers, f"check mcp.servers.{name}; run its program by hand")
        for name, server in settings.servers.items()
        if server.allow
    ]


connector = Connector(
    name="mcp",
    summary="Tools of MCP servers (stdio, streamable HTTP), by allow-list",
    settings=McpSettings,
    tool_sources=tool_sources,
    checkups=checkups,
)
