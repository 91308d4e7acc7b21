"""A stock Prometheus is asked, and what it says is read."""

from collections.abc import Iterator

import pytest

from connectors.ports.tool import Tool, ToolFailed
from connectors.prometheus import connector
from schemas import Incident, Link
from schemas.time import SECOND
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import START, checkout_incident, error_signal
from tests.support.servers import Prometheus, prometheus

MINUTE = 60 * SECOND
STEP_UP = f"vector(10 + 90 * (time() > bool {START / SECOND - 300:.0f})) + sin(vector(time()))"
"""Rises from 10 to 100 five minutes before the incident's start: an expression of time alone, so that no data is needed."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), alertmanagers=[], rules=[]) as started:
        yield started


@pytest.fixture
def tools(server: Prometheus) -> dict[str, Tool]:
    return tools_of(
        connector,
        url=server.url,
        queries={
            "step": f'({STEP_UP}) + on() group_left(service) label_replace(vector(0), "service", "%{{service}}", "", "")',
            "needs a label": 'up{job="%{labels.job}"}',
        },
    )


def test_a_level_shift_is_found_where_it_is(tools: dict[str, Tool]) -> None:
    answer = ask(tools["prometheus.range"], query=STEP_UP)
    (series,) = answer.series
    assert series.reading.shape == "shift"
    assert series.reading.shift.direction == "up"
    assert abs(series.reading.shift.after_start_s + 300) <= answer.step_s
    assert series.reading.shift.before == pytest.approx(10, abs=1.5)
    assert series.reading.shift.after == pytest.approx(100, abs=1.5)
    assert "x" in series.reading.says and series.reading.says.startswith("rose from")
    assert 10 <= len(series.samples) <= 31 and series.reading.points == 145


def test_what_follows_another_is_said_to_follow_it(tools: dict[str, Tool]) -> None:
    lead, follow = "sin(vector(time() / 150))", "sin(vector((time() - 60) / 150))"
    answer = ask(tools["prometheus.range"], query=lead, compare=(follow, "vector(1)"), step_s=30)
    (pair,) = answer.moves_together
    assert (pair.lag_s, pair.correlation) == (60, pytest.approx(1, abs=0.01))
    assert lead in pair.first and follow in pair.second


def test_the_configured_queries_are_asked_when_none_is_given_and_one_that_cannot_be_filled_is_named(
    tools: dict[str, Tool],
) -> None:
    answer = ask(tools["prometheus.range"])
    (series,) = answer.series
    assert series.query == "step" and series.labels == {"service": "checkout"}
    assert "labels.job" in answer.failed["needs a label"]


def test_a_service_s_name_cannot_change_the_question(server: Prometheus) -> None:
    tools = tools_of(connector, url=server.url, queries={"q": 'vector(1) and on() up{job="%{service}"} or vector(7)'})
    evil = checkout_incident(service='x"} or vector(99) or up{job="')
    answer = ask(tools["prometheus.range"], incident=evil)
    assert {each.reading.maximum for each in answer.series} == {7}


def alerted() -> Incident:
    url = "http://prometheus.example:9090/graph?g0.expr=vector%2842%29+%3E+40&g0.tab=1"
    return checkout_incident([error_signal(0, links=(Link(rel="source", url=url),))])


def test_the_expression_of_the_alert_is_asked_by_default(tools: dict[str, Tool]) -> None:
    signal = error_signal(0, links=alerted().links)
    answer = ask(tools["prometheus.query"], incident=alerted(), signals=[signal])
    assert answer.query == "vector(42) > 40" and answer.results[0].value == 42
    over_time = ask(tools["prometheus.range"], incident=alerted(), signals=[signal])
    assert "the alert's own: vector(42) > 40" in [each.query for each in over_time.series]


def test_scalars_and_texts_are_answers_too(tools: dict[str, Tool]) -> None:
    assert ask(tools["prometheus.query"], query="1/4").results[0].value == 0.25
    assert ask(tools["prometheus.query"], query='"words"').text == "words"
    nothing = ask(tools["prometheus.query"], query="vector(0) / 0")
    assert nothing.results[0].value is None, "no number can be said"


def test_an_expression_that_is_none_is_refused_in_prometheus_s_words(tools: dict[str, Tool]) -> None:
    with pytest.raises(ToolFailed, match=r"asked Prometheus for 'rate\(up'.*HTTP 400.*parse error"):
        ask(tools["prometheus.query"], query="rate(up")
    partly = ask(tools["prometheus.range"], query="vector(1)", compare=("rate(up",))
    assert "parse error" in partly.failed["rate(up"] and len(partly.series) == 1


def test_names_that_have_values_are_listed(tools: dict[str, Tool]) -> None:
    assert ask(tools["prometheus.metrics"]).total == 0, "it scrapes nothing"


def test_too_many_points_are_refused_in_prometheus_s_words(tools: dict[str, Tool]) -> None:
    with pytest.raises(ToolFailed, match="exceeded maximum resolution"):
        ask(tools["prometheus.range"], query="vector(1)", step_s=1, before_s=86_400)
