"""Our own stream answers what was around, what changed before, and what was like it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.ports.texts import masked
from connectors.ports.tool import Tool, ToolContext
from connectors.stream import StreamSettings, connector
from connectors.stream.similar import similarities
from schemas import Incident, Signal
from tests.support.checkout_story import (
    NOW,
    ListArchive,
    checkout_incident,
    deploy_signal,
    earlier_incident,
    error_signal,
    log_signal,
    night,
)

TOOLS: dict[str, Tool] = {tool.name: tool for tool in connector.tools(StreamSettings(), "default")}


def ask(
    name: str, archive: ListArchive, incident: Incident, signals: list[Signal] | None = None, **arguments: Any
) -> Any:
    tool = TOOLS[name]
    return asyncio.run(tool.call(tool.arguments(**arguments), ToolContext(incident, signals or [], archive, NOW)))


def test_the_tools_have_the_names_playbooks_call_them_by_and_need_no_arguments() -> None:
    assert list(TOOLS) == [
        "signals.around",
        "signals.search",
        "signals.rate",
        "logs.around",
        "logs.search",
        "logs.templates",
        "changes.before",
        "incidents.similar",
    ]
    assert connector.default
    for tool in TOOLS.values():
        tool.arguments()
        with pytest.raises(ValidationError):
            tool.arguments.model_validate({"unheard_of": 1})


def test_neighbours_come_in_order_of_time_with_who_failed_first_and_how_many_a_minute() -> None:
    incident, signals, archive = night()
    later = error_signal(9, title="upstream checkout failed", service="web", raw={})
    answer = ask("signals.around", ListArchive([*archive.kept, later]), incident, signals)
    assert [each.after_start_s for each in answer.signals] == sorted(each.after_start_s for each in answer.signals)
    assert not any(each.type == "log" for each in answer.signals), "log lines have a tool of their own"
    assert list(answer.first_failing) == ["checkout", "web"]
    assert [minute.count for minute in answer.per_minute] == [2, 2]
    assert {each.id for each in answer.signals if each.own} == {each.id for each in signals}


def test_what_was_rehearsed_did_not_happen_except_in_a_rehearsal() -> None:
    incident, signals, archive = night()
    played = ListArchive(
        [each.model_copy(update={"rehearsal": True}) for each in archive.kept],
        [each.model_copy(update={"rehearsal": True}) for each in archive.known],
    )
    rehearsed = incident.model_copy(update={"rehearsal": True})
    empty = {
        "signals.around": "signals",
        "logs.around": "patterns",
        "changes.before": "changes",
        "incidents.similar": "incidents",
    }
    for name, field in empty.items():
        assert not getattr(ask(name, played, incident, signals), field), name
        assert getattr(ask(name, played, rehearsed, signals), field), name
        assert getattr(ask(name, archive, rehearsed, signals), field), "a rehearsal sees what is real too"


def test_of_too_many_neighbours_those_of_the_same_service_and_near_the_start_are_kept() -> None:
    incident = checkout_incident()
    crowd = [error_signal(n, service="other", raw={}) for n in range(20)] + [error_signal(-20, raw={})]
    answer = ask("signals.around", ListArchive(crowd), incident, limit=5)
    assert answer.total == 21 and len(answer.signals) == 5
    assert answer.signals[0].service == "checkout"
    assert max(each.after_start_s for each in answer.signals) == 90


def test_log_patterns_that_are_new_since_the_start_come_first() -> None:
    incident, signals, archive = night()
    fresh = log_signal(5, "panic: coupon 12 is None")
    answer = ask("logs.around", ListArchive([*archive.kept, fresh]), incident, signals)
    assert answer.patterns[0].example == "panic: coupon 12 is None"
    assert (answer.patterns[0].before, answer.patterns[0].after) == (0, 1)
    failed = next(each for each in answer.patterns if "payment for order" in each.pattern)
    assert failed.before + failed.after == 12 and failed.pattern == "payment for order <n> failed: coupon is None"
    assert answer.scanned == answer.total == 27


def test_changes_after_the_start_are_shown_as_such_and_old_ones_are_not_shown() -> None:
    incident, signals, archive = night()
    old = deploy_signal(60 * 30, title="Last week")
    answer = ask("changes.before", ListArchive([*archive.kept, old]), incident, signals)
    assert [(each.title, each.before_start_s, each.same_service) for each in answer.changes] == [
        ("Roll back checkout to 2.4.0", -360.0, True),
        ("Deploy checkout 2.4.1", 600.0, True),
        ("Deploy search 7.0.0", 1500.0, False),
    ]
    assert answer.changes[1].version == "2.4.1" and answer.changes[1].url == "https://ci.example/deploys/981"


def test_an_incident_like_it_is_found_with_how_it_ended() -> None:
    incident, signals, archive = night()
    twin = earlier_incident(
        id="inc_twin", group_id=incident.group_id, title="quite another title", verdict="noise", feedback=("noise",)
    )
    stranger = earlier_incident(
        id="inc_stranger", title="Disk full", service="db", labels={}, rule="disks", group_id="g"
    )
    answer = ask("incidents.similar", ListArchive([], [*archive.known, twin, stranger]), incident, signals)
    assert [each.id for each in answer.incidents] == ["inc_twin", earlier_incident().id]
    assert answer.incidents[0].same_problem and answer.incidents[0].similarity == 1.0
    assert 0.5 < answer.incidents[1].similarity < 0.95, "another attribute is another problem"
    assert answer.incidents[1].external[0].title == "OPS-12" and answer.incidents[1].lasted_s == 2400


def test_numbers_and_ids_are_no_difference_between_incidents() -> None:
    one = checkout_incident(title="Order 4711 failed for 10.0.0.7 after 300ms")
    other = checkout_incident(title="Order 12 failed for 192.168.1.1 after 20ms", id="inc_2")
    assert similarities(one, [other]) == [1.0]


def test_a_search_says_how_much_there_was_and_gives_the_latest() -> None:
    incident, signals, archive = night()
    answer = ask("signals.search", archive, incident, signals, text="ORDER", types=("log",), limit=3)
    assert answer.total == 12 and len(answer.signals) == 3
    assert answer.signals[-1].after_start_s == 145.0


def test_an_answer_says_when_there_was_more_than_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    incident, signals, archive = night()
    assert ask("signals.search", archive, incident, signals, types=("log",)).complete
    monkeypatch.setattr("connectors.stream.ask.SCANNED", 5)
    assert not ask("signals.search", archive, incident, signals, types=("log",)).complete


def test_answers_stay_within_their_size_whatever_signals_say() -> None:
    loud = [
        error_signal(
            n, title="x" * 9000, body="y" * 90_000, raw={}, labels={f"l{i}" * 40: "v" * 900 for i in range(60)}
        )
        for n in range(200)
    ] + [log_signal(n, chr(97 + n % 26) * 20 + "z" * 50_000) for n in range(200)]
    archive = ListArchive([*loud, *(deploy_signal(n / 10, title="d" * 9000) for n in range(200))])
    for tool in TOOLS.values():
        answer = ask(tool.name, archive, checkout_incident())
        size = len(answer.model_dump_json().encode())
        assert size < 3 * tool.max_bytes, "the fields are clipped; the caller refuses what is too much all the same"


@given(st.text(max_size=400))
def test_masking_never_fails_and_is_stable(text: str) -> None:
    assert masked(masked(text)) == masked(masked(masked(text)))


def test_masks_tell_what_was_there() -> None:
    assert masked("GET /o/8842 from 10.1.2.3:80 took 31ms id=9f1c7d1e-0b8a-4a3f-b1f2-a4a0c6a0c001") == (
        "GET /o/<n> from <ip> took <n>ms id=<uuid>"
    )


def test_a_start_at_the_epoch_asks_for_no_negative_time() -> None:
    incident = checkout_incident(first_seen=0, last_seen=0, opened_at=0)
    for tool in TOOLS.values():
        assert ask(tool.name, ListArchive(), incident) is not None
