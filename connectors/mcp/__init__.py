"""MCP: tools of other programs, asked by the Model Context Protocol and treated as strangers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.mcp.settings import McpServer, McpSettings
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import ToolSource

if TYPE_CHECKING:
    from connectors.mcp.tools import McpTools


def tool_sources(settings: McpSettings, _instance: str) -> Sequence[ToolSource]:
    """One for each server of which any tool may be called."""
    return tuple(_tools(name, server) for name, server in settings.servers.items() if server.allow)


def checkups(settings: McpSettings, _instance: str) -> Sequence[Checkup]:
    """Whether each server answers; a program is started for it, and ended."""
    return [
        Checkup(f"mcp.{name}", _tools(name, server).answers, f"check mcp.servers.{name}; run its program by hand")
        for name, server in settings.servers.items()
        if server.allow
    ]


def _tools(name: str, server: McpServer) -> "McpTools":
    from connectors.mcp.tools import McpTools  # the protocol's library takes 17 MB that most programs need not have

    return McpTools(name, server)


connector = Connector(
    name="mcp",
    summary="Tools of MCP servers (stdio, streamable HTTP), by allow-list",
    settings=McpSettings,
    tool_sources=tool_sources,
    checkups=checkups,
)
