"""Lines are found by what they say, templates compared with before, rates with what is usual."""

import asyncio
from typing import Any

import pytest

from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.stream import StreamSettings, connector
from schemas import Incident, Signal, to_rfc3339
from tests.support.checkout_story import NOW, START, ListArchive, checkout_incident, log_signal, night

TOOLS: dict[str, Tool] = {tool.name: tool for tool in connector.tools(StreamSettings(), "default")}
DAY = 86_400


def ask(name: str, archive: ListArchive, incident: Incident | None = None, **arguments: Any) -> Any:
    tool = TOOLS[name]
    context = ToolContext(incident or checkout_incident(), [], archive, NOW)
    return asyncio.run(tool.call(tool.arguments(**arguments), context))


def test_lines_are_found_by_words_expression_severity_service_and_label() -> None:
    _, _, archive = night()
    assert ask("logs.search", archive, text="coupon FAILED").total == 12
    assert ask("logs.search", archive, pattern=r"order \d{4}77 ").total == 0
    found = ask("logs.search", archive, pattern=r"took 1[23]12 ms")
    assert [line.text for line in found.lines] == ["slow query took 1212 ms", "slow query took 1312 ms"]
    assert ask("logs.search", archive, severity="error").total == 12
    assert ask("logs.search", archive, service="elsewhere").scanned == 0
    assert ask("logs.search", archive, labels={"pod": "a"}).total == 0
    assert sum(minute.count for minute in ask("logs.search", archive).per_minute) == 26


def test_an_expression_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(ToolFailed, match=r"pattern '\(' is no RE2 expression"):
        ask("logs.search", ListArchive(), pattern="(")


def test_a_moment_other_than_the_start_can_be_looked_around() -> None:
    _, _, archive = night()
    early = to_rfc3339(START - 400 * 1_000_000)
    assert ask("logs.search", archive, around=early, before_s=110, after_s=10).total == 2
    with pytest.raises(ToolFailed, match="is no moment; expected RFC 3339"):
        ask("logs.search", archive, around="last night")
    with pytest.raises(ToolFailed, match="there is no time; now is"):
        ask("logs.search", archive, around="2031-01-01T00:00:00Z")


def lines(text: str, *, first: float, every: float, count: int, severity: str = "info") -> list[Signal]:
    return [log_signal(first + every * number, f"{text} {number}", severity=severity) for number in range(count)]


def test_templates_are_told_new_gone_more_less_and_same() -> None:
    archive = ListArchive(
        [
            *lines("served request", first=-3590, every=60, count=70),
            *lines("retrying upstream", first=-3500, every=900, count=4),
            *lines("retrying upstream", first=10, every=10, count=40),
            *lines("cache refreshed", first=-3500, every=30, count=100),
            *lines("pool exhausted after", first=-60, every=20, count=20, severity="error"),
        ]
    )
    answer = ask("logs.templates", archive, after_s=600)
    states = {each.template: each.state for each in answer.templates}
    assert states == {
        "pool exhausted after <n>": "new",
        "retrying upstream <n>": "more",
        "cache refreshed <n>": "gone",
        "served request <n>": "same",
    }
    assert answer.templates[0].first_after_start_s == -60.0, "what came shortly before the start counts as after"
    assert answer.templates[1].ratio is not None and answer.templates[1].ratio > 30


def test_a_mined_template_is_taken_as_it_is() -> None:
    mined = log_signal(5, "user ann logged in").model_copy(update={"labels": {"template": "user <*> logged in"}})
    assert ask("logs.templates", ListArchive([mined])).templates[0].template == "user <*> logged in"


def test_a_rate_is_compared_with_the_time_before_and_its_rise_dated() -> None:
    archive = ListArchive(
        [
            *lines("warned", first=-3600, every=60, count=60, severity="warning"),
            *lines("failed", first=120, every=2, count=270, severity="error"),
        ]
    )
    answer = ask("signals.rate", archive)
    assert answer.usual_per_minute == pytest.approx(1, abs=0.05)
    assert answer.current_per_minute == pytest.approx(22.5, abs=1)
    assert answer.reading.shape == "shift" and answer.reading.shift.after_start_s == 120.0
    assert answer.by_service == {"checkout": 330}


def test_a_rate_is_compared_with_yesterday() -> None:
    archive = ListArchive(
        [
            *lines("warned", first=-3600 - DAY, every=10, count=400, severity="warning"),
            *lines("warned", first=0, every=10, count=70, severity="warning"),
        ]
    )
    answer = ask("signals.rate", archive, baseline="yesterday", before_s=0)
    assert answer.usual_per_minute == pytest.approx(3.3, abs=0.2)
    assert answer.current_per_minute == pytest.approx(5.8, abs=0.2)


def test_all_services_are_counted_on_request() -> None:
    archive = ListArchive([log_signal(1, "a"), log_signal(2, "b", service="web")])
    assert ask("signals.rate", archive).total == 1
    assert ask("signals.rate", archive, service="*").by_service == {"checkout": 1, "web": 1}
