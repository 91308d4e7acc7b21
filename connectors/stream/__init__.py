"""Our own stream as a place to ask: signals, logs, changes and incidents of the recorded past."""

from collections.abc import Sequence

from connectors.ports.connector import Connector, Settings
from connectors.ports.tool import Tool
from connectors.stream.around import SignalsAround
from connectors.stream.changes import ChangesBefore
from connectors.stream.lines import LogsSearch
from connectors.stream.logs import LogsAround
from connectors.stream.rate import SignalsRate
from connectors.stream.search import SignalsSearch
from connectors.stream.similar import IncidentsSimilar
from connectors.stream.templates import LogsTemplates


class StreamSettings(Settings):
    """Nothing to set: the archive is where the program keeps it."""


def tools(_settings: StreamSettings, _instance: str) -> Sequence[Tool]:
    """The tools, in the order they are listed to a reader."""
    return (
        SignalsAround(),
        SignalsSearch(),
        SignalsRate(),
        LogsAround(),
        LogsSearch(),
        LogsTemplates(),
        ChangesBefore(),
        IncidentsSimilar(),
    )


connector = Connector(
    name="stream",
    summary="Questions to what Tocsin itself has heard and decided",
    settings=StreamSettings,
    tools=tools,
    default=True,
)
