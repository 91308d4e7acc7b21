"""Loki: log lines asked for, nothing written."""

from collections.abc import Sequence

from connectors.loki.settings import LokiSettings
from connectors.loki.tools import LokiLabels, LokiQuery
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: LokiSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a server to ask."""
    return (LokiQuery(settings), LokiLabels(settings)) if settings.url is not None else ()


connector = Connector(
    name="loki",
    summary="Log lines from Grafana Loki, with patterns before and after",
    settings=LokiSettings,
    tools=tools,
)
