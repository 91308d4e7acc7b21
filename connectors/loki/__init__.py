"""Loki: log lines asked for, nothing written."""

from collections.abc import Sequence
from functools import partial

from connectors.loki.settings import LokiSettings
from connectors.loki.tools import LokiLabels, LokiQuery, answers
from connectors.ports.checkup import Checkup, quick
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: LokiSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a server to ask."""
    return (LokiQuery(settings), LokiLabels(settings)) if settings.url is not None else ()


def checkups(settings: LokiSettings, _instance: str) -> Sequence[Checkup]:
    """Whether it answers."""
    if settings.url is None:
        return ()
    look = partial(answers, quick(settings.remote("Loki")))
    return (Checkup("loki", look, "check loki.url, its credential and its tenant (headers: X-Scope-OrgID)"),)


connector = Connector(
    name="loki",
    summary="Log lines from Grafana Loki, with patterns before and after",
    settings=LokiSettings,
    tools=tools,
    checkups=checkups,
)
