"""Runbooks: what people wrote down, found for an incident."""

from collections.abc import Sequence

from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool, ToolFailed
from connectors.runbooks.settings import RunbooksSettings
from connectors.runbooks.shelf import Shelf
from connectors.runbooks.tools import RunbooksRead, RunbooksSearch


def tools(settings: RunbooksSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a folder to search."""
    if not settings.folders:
        return ()
    shelf = Shelf(settings.folders)
    return (RunbooksSearch(settings, shelf), RunbooksRead(settings, shelf))


def checkups(settings: RunbooksSettings, _instance: str) -> Sequence[Checkup]:
    """Whether there is anything to read."""
    if not settings.folders:
        return ()

    async def look() -> str:
        missing = [str(folder) for folder in settings.folders if not folder.is_dir()]
        if missing:
            raise ToolFailed(f"{', '.join(missing)} is no folder")
        return f"{sum(1 for folder in settings.folders for _ in folder.rglob('*.md'))} files"

    return (Checkup("runbooks", look, "correct runbooks.folders"),)


connector = Connector(
    name="runbooks",
    summary="Searches folders of Markdown runbooks",
    settings=RunbooksSettings,
    tools=tools,
    checkups=checkups,
)
