"""Prometheus: metrics asked for and read, nothing written."""

from collections.abc import Sequence
from functools import partial

from connectors.ports.checkup import Checkup, quick
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool
from connectors.prometheus.answers import answers_queries
from connectors.prometheus.instant import PrometheusMetrics, PrometheusQuery
from connectors.prometheus.over_time import PrometheusRange
from connectors.prometheus.settings import PrometheusSettings


def tools(settings: PrometheusSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a server to ask."""
    if settings.url is None:
        return ()
    return (PrometheusRange(settings), PrometheusQuery(settings), PrometheusMetrics(settings))


def checkups(settings: PrometheusSettings, _instance: str) -> Sequence[Checkup]:
    """Whether it answers."""
    if settings.url is None:
        return ()
    look = partial(answers_queries, quick(settings.remote("Prometheus")))
    return (Checkup("prometheus", look, "check prometheus.url and its credential"),)


connector = Connector(
    name="prometheus",
    summary="Metrics from Prometheus and what speaks like it, with a reading of what changed",
    settings=PrometheusSettings,
    tools=tools,
    checkups=checkups,
)
