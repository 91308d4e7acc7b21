"""Elasticsearch is asked with values as values, and documents of several shapes are read."""

from typing import Any

import pytest

from connectors.elasticsearch import connector
from connectors.elasticsearch.settings import ElasticsearchSettings
from connectors.ports.tool import ToolFailed
from schemas import to_rfc3339
from tests.support.api import Asked, Replied, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import START, checkout_incident


def at(seconds: float) -> str:
    return to_rfc3339(START + round(seconds * 1_000_000))


DOCUMENTS: list[dict[str, Any]] = [
    {"@timestamp": at(-30), "message": "slow query 12 ms", "log.level": "WARN", "service": {"name": "checkout"}},
    {"@timestamp": at(10), "message": "payment 7 failed", "log": {"level": "error"}, "service.name": "checkout"},
    {
        "@timestamp": (START + 20_000_000) // 1000,
        "body": {"text": "ERROR payment 8 failed"},
        "service": {"name": "checkout"},
    },
    {"message": "without a time"},
]


def elasticsearch(asked: Asked) -> Replied:
    """Enough of Elasticsearch: authenticates, insists on the shape of a search, answers with all documents."""
    if asked.headers.get("authorization") != "ApiKey c2VjcmV0":
        return Replied({"error": {"type": "security_exception", "reason": "missing authentication credentials"}}, 401)
    assert (asked.method, asked.path) == ("POST", "/logs-*,app-2026/_search")
    body = asked.body
    assert set(body) == {"size", "query", "sort", "timeout"}
    (window, *conditions) = body["query"]["bool"]["filter"]
    assert set(window["range"]["@timestamp"]) == {"gte", "lte", "format"}
    if any("text" in mapping for condition in conditions for mapping in condition.get("term", {}).items()):
        failure = {"reason": {"type": "illegal_argument_exception", "reason": "Text fields are not optimised"}}
        return Replied({"_shards": {"failures": [failure]}, "hits": {"hits": []}})
    hits = [{"_index": "logs-app", "_id": f"d{n}", "_source": each} for n, each in enumerate(DOCUMENTS)][: body["size"]]
    return Replied({"took": 1, "timed_out": False, "_shards": {}, "hits": {"total": {"value": 4}, "hits": hits}})


SETTINGS = {"api_key": "c2VjcmV0", "index": "logs-*,app-2026"}


def test_documents_are_shown_as_lines_that_can_be_cited() -> None:
    with serving(elasticsearch) as api:
        answer = ask(tools_of(connector, url=api.url, **SETTINGS)["elasticsearch.search"])
    assert [(line.after_start_s, line.severity, line.service, line.text, line.id) for line in answer.lines] == [
        (-30.0, "warning", "checkout", "slow query 12 ms", "logs-app/d0"),
        (10.0, "error", "checkout", "payment 7 failed", "logs-app/d1"),
        (20.0, "error", "checkout", "ERROR payment 8 failed", "logs-app/d2"),
    ]
    assert answer.complete and answer.query == "service.name='checkout' ''"


def test_what_is_asked_for_travels_as_values() -> None:
    evil = '"}}, {"script": {"source": "x"}}'
    with serving(elasticsearch) as api:
        tool = tools_of(connector, url=api.url, **SETTINGS)["elasticsearch.search"]
        ask(tool, text=evil, fields={"host.name": evil}, service="*", incident=checkout_incident(service=evil))
        ask(tool, incident=checkout_incident(service=None))
    conditions = api.asked[0].body["query"]["bool"]["filter"]
    assert conditions[1] == {"term": {"host.name": evil}}
    assert conditions[2]["simple_query_string"]["query"] == evil and len(conditions) == 3
    assert len(api.asked[1].body["query"]["bool"]["filter"]) == 1, "an incident without a service asks for all"


def test_failures_are_told_in_elasticsearch_s_words() -> None:
    with serving(elasticsearch) as api:
        with pytest.raises(
            ToolFailed, match=r"401.*missing authentication credentials.*check the configured credential"
        ):
            ask(tools_of(connector, url=api.url, index="x")["elasticsearch.search"])
        tool = tools_of(connector, url=api.url, **SETTINGS)["elasticsearch.search"]
        with pytest.raises(ToolFailed, match=r"asked Elasticsearch for text='a'.*Text fields are not optimised"):
            ask(tool, fields={"text": "a"}, service="*")
        assert not ask(tool, read=2).complete
    assert connector.tools(ElasticsearchSettings(), "default") == ()
