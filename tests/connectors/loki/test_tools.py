"""Loki is asked in its own words, and its lines are shown like any other's."""

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.loki import connector
from connectors.loki.settings import LokiSettings
from connectors.ports.tool import ToolFailed
from tests.support.api import Asked, Replied, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import START, checkout_incident

STREAMS: list[dict[str, Any]] = [
    {
        "stream": {"service_name": "checkout", "detected_level": "error"},
        "values": [(30, "payment 1 failed"), (90, "payment 2 failed")],
    },
    {"stream": {"app": "web", "pod": "web-1"}, "values": [(-60, 'level=warn msg="retrying 3"'), (5, "GET /cart 200")]},
]


def loki(asked: Asked) -> Replied:
    """Enough of Loki: checks what it would check, answers newest first with nanoseconds as text."""
    if asked.headers.get("x-scope-orgid") != "shop":
        return Replied("no org id", 401, {"content-type": "text/plain"})
    if asked.path == "/loki/api/v1/labels":
        return Replied({"status": "success", "data": ["app", "service_name", "pod"]})
    if asked.path == "/loki/api/v1/label/app/values":
        return Replied({"status": "success", "data": ["web", "cart"]})
    assert asked.path == "/loki/api/v1/query_range" and asked.method == "GET"
    query = asked.one("query")
    if not query.startswith("{"):
        return Replied(
            "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER", 400, {"content-type": "text/plain"}
        )
    if "rate(" in query:
        return Replied({"status": "success", "data": {"resultType": "matrix", "result": []}})
    assert asked.one("direction") == "backward"
    first, last = int(asked.one("start")), int(asked.one("end"))
    found = []
    for stream in STREAMS:
        values = [[str((START + after * 1_000_000) * 1000), line] for after, line in reversed(stream["values"])]
        values = [pair for pair in values if first <= int(pair[0]) <= last][: int(asked.one("limit"))]
        found.append({"stream": stream["stream"], "values": values})
    return Replied({"status": "success", "data": {"resultType": "streams", "result": found, "stats": {}}})


def test_lines_of_the_service_are_asked_for_and_shown_with_patterns() -> None:
    with serving(loki) as api:
        tools = tools_of(connector, url=api.url, headers={"X-Scope-OrgID": "shop"})
        answer = ask(tools["loki.query"])
    assert answer.query == '{service_name="checkout"}' and answer.total == 4 and answer.complete
    assert [(line.after_start_s, line.severity, line.service, line.text) for line in answer.lines] == [
        (-60.0, "warning", "web", 'level=warn msg="retrying 3"'),
        (5.0, "info", "web", "GET /cart 200"),
        (30.0, "error", "checkout", "payment 1 failed"),
        (90.0, "error", "checkout", "payment 2 failed"),
    ]
    assert (answer.patterns[0].pattern, answer.patterns[0].before, answer.patterns[0].after) == (
        "payment <n> failed",
        0,
        2,
    )


def test_text_is_quoted_into_the_query_and_cannot_leave_its_place() -> None:
    with serving(loki) as api:
        tools = tools_of(connector, url=api.url, headers={"X-Scope-OrgID": "shop"}, query='{app="%{service}"}')
        ask(
            tools["loki.query"], contains='a"b\\c\n| line_format "x"', incident=checkout_incident(service='x"} or {a="')
        )
    assert api.asked[0].one("query") == '{app="x\\"} or {a=\\""} |= "a\\"b\\\\c\\n| line_format \\"x\\""'


def test_fewer_lines_than_there_are_is_said() -> None:
    with serving(loki) as api:
        tools = tools_of(connector, url=api.url, headers={"X-Scope-OrgID": "shop"})
        assert not ask(tools["loki.query"], read=2).complete


def test_loki_s_own_words_are_passed_on() -> None:
    with serving(loki) as api:
        tools = tools_of(connector, url=api.url, headers={"X-Scope-OrgID": "shop"})
        with pytest.raises(ToolFailed, match="parse error at line 1"):
            ask(tools["loki.query"], query="nonsense")
        with pytest.raises(ToolFailed, match="gives 'matrix', expected streams: ask for lines"):
            ask(tools["loki.query"], query='{a="b"} | rate(')
        with pytest.raises(ToolFailed, match=r"401: 'no org id'; check the configured credential"):
            ask(tools_of(connector, url=api.url)["loki.query"])


def test_labels_and_their_values_are_listed() -> None:
    with serving(loki) as api:
        tools = tools_of(connector, url=api.url, headers={"X-Scope-OrgID": "shop"})
        assert ask(tools["loki.labels"]).values == ("app", "service_name", "pod")
        assert ask(tools["loki.labels"], label="app", contains="CA").values == ("cart",)
        with pytest.raises(ValidationError):
            ask(tools["loki.labels"], label="../../config")


def test_without_a_url_there_are_no_tools_and_unknown_blanks_are_refused() -> None:
    assert connector.tools(LokiSettings(), "default") == ()
    with pytest.raises(ValidationError, match="servce"):
        LokiSettings(query='{a="%{servce}"}')
