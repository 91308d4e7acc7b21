"""The tool shows the latest event of an incident, or says that there is none."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from connectors.ports.archive import Archive
from connectors.ports.tool import ToolContext, ToolFailed
from connectors.sentry.latest_event import LatestEvent, LatestEventArguments, LatestEventTool
from connectors.sentry.settings import SentrySettings
from connectors.sentry.source import SentrySource
from schemas import Incident, Signal
from tests.support.requests import RECEIVED_AT, load_request

PAYLOADS = Path(__file__).parent / "payloads"


def signals(*names: str) -> list[Signal]:
    source = SentrySource(SentrySettings(), "default")
    return [
        Signal.from_json(signal.to_json())
        for name in names
        for signal in source.receive(load_request(PAYLOADS / name, trusted=True)).signals
    ]


def ask(found: list[Signal], **arguments: int) -> LatestEvent:
    incident = Incident(
        id="inc_1",
        rule="r",
        group={},
        group_id="g",
        severity="error",
        title="t",
        first_seen=1,
        last_seen=1,
        opened_at=1,
    )
    no_archive = cast(Archive, None)  # The tool must not look anywhere else.
    context = ToolContext(incident=incident, signals=found, archive=no_archive, now=RECEIVED_AT)
    return asyncio.run(LatestEventTool().call(LatestEventArguments(**arguments), context))


def test_an_sdk_event_shows_its_chain_its_culprit_tags_and_breadcrumbs() -> None:
    event = ask(signals("python_chained_exception_attachment.envelope"))
    assert [exception.type for exception in event.exceptions] == ["ZeroDivisionError", "RuntimeError"]
    assert event.culprit is not None
    assert (event.culprit.file, event.culprit.line, event.culprit.in_app) == ("s1.py", 22, True)
    assert event.culprit.context_line.strip().startswith("except ZeroDivisionError as e: raise RuntimeError")
    assert event.tags == {"service": "checkout"}
    assert event.release == "checkout@1.4.2"
    assert [crumb.level for crumb in event.breadcrumbs] == ["warning", "error"]


def test_the_culprit_is_the_innermost_frame_of_own_code() -> None:
    event = ask(signals("node_exception_no_length.envelope"))
    assert event.culprit is not None
    assert (event.culprit.file, event.culprit.line) == ("/srv/app/live/node/s.mjs", 4)


def test_less_is_shown_when_asked_and_what_is_left_out_is_counted() -> None:
    event = ask(signals("node_exception_no_length.envelope", "python_exception.envelope"), frames=1, breadcrumbs=0)
    (exception,) = event.exceptions
    assert len(exception.frames) == 1
    assert exception.frames_left_out > 0
    chained = ask(signals("python_chained_exception_attachment.envelope"), breadcrumbs=1)
    assert ([crumb.level for crumb in chained.breadcrumbs], chained.breadcrumbs_left_out) == (["error"], 1)


def test_the_latest_of_several_events_is_shown_and_webhooks_count_too() -> None:
    assert ask(signals("python_exception.envelope", "node_exception_no_length.envelope")).title.startswith("TypeError")
    hook = ask(signals("event_alert_python_message.json", "issue_created.json"))
    assert (hook.title, hook.tags["server_name"]) == ("A simple message-based issue.", "hp-pavilion")


def test_without_an_event_the_tool_says_what_it_looked_at() -> None:
    with pytest.raises(ToolFailed, match=r"1 signals of incident inc_1 .*sentry issue"):
        ask(signals("issue_created.json"))
    with pytest.raises(ToolFailed, match="none"):
        ask([])


def test_every_shown_event_fits_its_size() -> None:
    for path in PAYLOADS.glob("*exception*.envelope"):
        event = ask(signals(path.name))
        assert len(event.model_dump_json()) < LatestEventTool.max_bytes
