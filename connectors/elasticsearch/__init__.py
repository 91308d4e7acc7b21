"""Elasticsearch and OpenSearch: log documents asked for, nothing written."""

from collections.abc import Sequence

from connectors.elasticsearch.search import ElasticsearchSearch
from connectors.elasticsearch.settings import ElasticsearchSettings
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: ElasticsearchSettings, _instance: str) -> Sequence[Tool]:
    """The tool, where there is a cluster to ask."""
    return (ElasticsearchSearch(settings),) if settings.url is not None else ()


connector = Connector(
    name="elasticsearch",
    summary="Log lines from Elasticsearch or OpenSearch, with patterns before and after",
    settings=ElasticsearchSettings,
    tools=tools,
)
