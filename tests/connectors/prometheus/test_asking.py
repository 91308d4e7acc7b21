"""What a Prometheus may answer, and how it is asked."""

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.ports.tool import ToolFailed
from connectors.prometheus import connector
from connectors.prometheus.settings import PrometheusSettings
from tests.support.api import Asked, Replied, serving
from tests.support.asking import ask, tools_of


def success(kind: str, result: Any, **more: Any) -> Replied:
    return Replied({"status": "success", "data": {"resultType": kind, "result": result}, **more})


def test_credentials_and_headers_go_along_and_redirects_are_not_followed() -> None:
    def answer(asked: Asked) -> Replied:
        if asked.headers.get("authorization") != "Bearer hush" or asked.headers.get("x-scope-orgid") != "shop":
            return Replied({"error": "no"}, 401)
        return Replied("", 302, {"location": "http://elsewhere.example/login"})

    with serving(answer) as api:
        tools = tools_of(connector, url=api.url, token="hush", headers={"X-Scope-OrgID": "shop"})
        with pytest.raises(ToolFailed, match=r"HTTP 302.*redirects are not followed.*elsewhere\.example") as told:
            ask(tools["prometheus.query"], query="up")
        assert "hush" not in str(told.value)
        wrong = tools_of(connector, url=api.url, username="ann", password="secret")
        with pytest.raises(ToolFailed, match=r"HTTP 401.*check the configured credential"):
            ask(wrong["prometheus.query"], query="up")
    assert api.asked[1].headers["authorization"].startswith("Basic ")


def test_warnings_are_passed_on_and_what_is_no_number_is_left_out() -> None:
    rows = [
        {"metric": {"__name__": "up", "job": "a"}, "values": [[1e9, "NaN"], [1e9 + 60, "1"], [1e9 + 120, "+Inf"], "?"]},
        {"metric": {"__name__": "up", "job": "b"}, "values": []},
    ]
    with serving(lambda _: success("matrix", rows, warnings=["half of the blocks could not be read"])) as api:
        answer = ask(tools_of(connector, url=api.url)["prometheus.range"], query="up")
    assert answer.warnings == ("half of the blocks could not be read",)
    assert [(each.name, each.reading.points) for each in answer.series] == [('up{job="a"}', 1), ('up{job="b"}', 0)]


def test_what_changed_most_comes_first_and_the_number_of_series_is_said() -> None:
    def values(level: float) -> list[list[Any]]:
        return [[1_773_450_000 + 15 * n, str(1.0 if n < 120 else level)] for n in range(240)]

    rows = [{"metric": {"pod": f"p{n}"}, "values": values(50 if n == 31 else 1)} for n in range(60)]
    with serving(lambda _: success("matrix", rows)) as api:
        answer = ask(tools_of(connector, url=api.url, most_series=5)["prometheus.range"], query="up")
    assert (answer.total, len(answer.series), answer.series[0].name) == (60, 5, '{pod="p31"}')


@pytest.mark.parametrize(
    ("replied", "words"),
    [
        (Replied("<html>login</html>"), "expected JSON, found '<html>login</html>': is 'http"),
        (
            Replied({"status": "error", "errorType": "timeout", "error": "query timed out"}),
            "'timeout': query timed out",
        ),
        (
            Replied({"message": "slow down"}, 429, {"retry-after": "30"}),
            "it limits the rate, ask less and not before 30 s",
        ),
        (Replied(status=0), "RemoteProtocolError"),
        (Replied(status=-1), "no answer within 0.2 s; narrow the question"),
    ],
)
def test_whatever_goes_wrong_is_said_with_the_question(replied: Replied, words: str) -> None:
    with serving(lambda _: replied) as api:
        tools = tools_of(connector, url=api.url, deadline_s=0.2 if replied.status == -1 else 15)
        with pytest.raises(ToolFailed, match="asked Prometheus for 'up'") as told:
            ask(tools["prometheus.query"], query="up")
    assert words in str(told.value)


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in (
        {"url": "prometheus:9090"},
        {"url": "http://ann:pw@prometheus:9090"},
        {"url": "http://p", "queries": {"q": "%{servce}"}},
        {"url": "http://p", "token": "a", "username": "b", "password": "c"},
        {"url": "http://p", "username": "b"},
    ):
        with pytest.raises(ValidationError):
            PrometheusSettings.model_validate(wrong)
    assert connector.tools(PrometheusSettings(), "default") == ()
