"""Elasticsearch and OpenSearch: log documents asked for, nothing written."""

from collections.abc import Sequence
from functools import partial

from connectors.elasticsearch.search import ElasticsearchSearch, answers
from connectors.elasticsearch.settings import ElasticsearchSettings
from connectors.ports.checkup import Checkup, quick
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: ElasticsearchSettings, _instance: str) -> Sequence[Tool]:
    """The tool, where there is a cluster to ask."""
    return (ElasticsearchSearch(settings),) if settings.url is not None else ()


def checkups(settings: ElasticsearchSettings, _instance: str) -> Sequence[Checkup]:
    """Whether it answers."""
    if settings.url is None:
        return ()
    look = partial(answers, quick(settings.cluster()), settings.index)
    return (Checkup("elasticsearch", look, "check elasticsearch.url, its credential and index"),)


connector = Connector(
    name="elasticsearch",
    summary="Log lines from Elasticsearch or OpenSearch, with patterns before and after",
    settings=ElasticsearchSettings,
    tools=tools,
    checkups=checkups,
)
