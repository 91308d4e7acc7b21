"""Runbooks: what people wrote down, found for an incident."""

from collections.abc import Sequence

from connectors.ports.connector import Connector
from connectors.ports.tool import Tool
from connectors.runbooks.settings import RunbooksSettings
from connectors.runbooks.shelf import Shelf
from connectors.runbooks.tools import RunbooksRead, RunbooksSearch


def tools(settings: RunbooksSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a folder to search."""
    if not settings.folders:
        return ()
    shelf = Shelf(settings.folders)
    return (RunbooksSearch(settings, shelf), RunbooksRead(settings, shelf))


connector = Connector(
    name="runbooks",
    summary="Searches folders of Markdown runbooks",
    settings=RunbooksSettings,
    tools=tools,
)
