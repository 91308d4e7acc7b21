"""Who is on call is told right across turns, overrides and changes of the clock, by each source."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.oncall import connector
from connectors.oncall.duty import on_duty, turn
from connectors.oncall.settings import OncallSettings, Rotation, Schedule
from connectors.ports.tool import ToolFailed
from schemas import from_rfc3339, to_rfc3339
from schemas.time import SECOND
from tests.support.api import Asked, Replied, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import checkout_incident

BERLIN = "Europe/Berlin"


def local(written: str) -> int:
    return round(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(BERLIN)).timestamp()) * SECOND


WEEKLY = Rotation(people=("ann", "bob", "cem"), starts="2026-03-23T09:00:00")
"""Changes on Mondays at nine; the clock goes forward on Sunday, 29 March."""


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-03-23T09:00:00", "ann"),
        ("2026-03-30T08:59:59", "ann"),
        ("2026-03-30T09:00:00", "bob"),
        ("2026-04-06T09:00:00", "cem"),
        ("2026-04-13T09:00:00", "ann"),
        ("2026-03-23T08:59:59", "cem"),
        ("2026-10-26T08:59:59", "ann"),
        ("2026-10-26T09:00:00", "bob"),
    ],
)
def test_a_turn_changes_at_one_time_of_day_on_the_wall(moment: str, who: str) -> None:
    assert turn(WEEKLY, BERLIN, local(moment))[0] == who


@given(
    st.integers(from_rfc3339("2020-01-01T00:00:00Z") // SECOND, from_rfc3339("2035-01-01T00:00:00Z") // SECOND),
    st.integers(1, 40),
)
def test_every_moment_falls_into_one_turn_and_the_next_begins_where_it_ends(seconds: int, days: int) -> None:
    rotation = Rotation(people=("ann", "bob"), starts="2026-03-29T02:30:00", every_days=days)
    who, since, until = turn(rotation, BERLIN, seconds * SECOND)
    assert since <= seconds * SECOND < until
    other, begins, _ = turn(rotation, BERLIN, until)
    assert begins == until and other != who


def test_an_override_holds_for_the_first_level_and_a_coming_one_ends_the_turn_early() -> None:
    schedule = Schedule.model_validate(
        {
            "zone": BERLIN,
            "levels": [WEEKLY.model_dump(), {"people": ["dee"]}],
            "overrides": [{"who": "eve", "starts": "2026-03-25T00:00:00Z", "ends": "2026-03-26T00:00:00Z"}],
        }
    )
    before = on_duty(schedule, from_rfc3339("2026-03-24T12:00:00Z"))
    assert [(level, who) for level, who, _ in before] == [(1, "ann"), (2, "dee")]
    assert before[0][2] == from_rfc3339("2026-03-25T00:00:00Z")
    assert on_duty(schedule, from_rfc3339("2026-03-25T12:00:00Z"))[0][1] == "eve"


PEOPLE: dict[str, Any] = {"ann": {"email": "ann@shop.example", "contact": "+49 1"}, "bob": {}}
SCHEDULES: dict[str, Any] = {
    "shop": {"services": ["checkout", "cart"], "zone": BERLIN, "levels": [{"people": ["ann"]}]},
    "rest": {"levels": [{"people": ["bob"]}]},
}


def test_the_schedule_of_the_service_is_asked_and_else_the_one_for_the_rest() -> None:
    tool = tools_of(connector, people=PEOPLE, schedules=SCHEDULES)["oncall.now"]
    (found,) = ask(tool).people
    assert (found.who, found.email, found.contact, found.schedule, found.level) == (
        "ann",
        "ann@shop.example",
        "+49 1",
        "shop",
        1,
    )
    assert [each.who for each in ask(tool, service="search").people] == ["bob"]
    assert [each.who for each in ask(tool, incident=checkout_incident(service=None)).people] == ["bob"]
    with pytest.raises(ToolFailed, match="is no moment"):
        ask(tool, at="tonight")


def remotes(asked: Asked) -> Replied:
    if asked.path == "/oncalls":
        if asked.headers["authorization"] != "Token token=pd":
            return Replied({"error": {"message": "Authentication failed"}}, 401)
        assert asked.headers["accept"] == "application/vnd.pagerduty+json;version=2"
        assert asked.query["escalation_policy_ids[]"] == ["P1", "P2"] and asked.one("since") == asked.one("until")
        user = {"id": "U1", "summary": "Dee", "name": "Dee", "email": "dee@shop.example"}
        policy = {"summary": "Shop"}
        return Replied(
            {
                "oncalls": [
                    {"user": user, "escalation_policy": policy, "schedule": None, "escalation_level": 2, "end": None},
                    {"user": user, "escalation_policy": policy, "schedule": {"summary": "Primary"}, "escalation_level": 1,
                     "end": "2026-03-16T09:00:00Z"},
                ]
            }
        )  # fmt: skip
    assert asked.path == "/v2/schedules/Shop team/on-calls" and asked.headers["authorization"] == "GenieKey og"
    assert asked.one("scheduleIdentifierType") == "name" and asked.one("flat") == "true"
    return Replied({"data": {"onCallRecipients": ["eve@shop.example"]}})


def test_pagerduty_and_opsgenie_are_asked_beside_our_own_and_the_first_to_call_comes_first() -> None:
    with serving(remotes) as api:
        tool = tools_of(
            connector,
            people=PEOPLE,
            schedules=SCHEDULES,
            pagerduty={"token": "pd", "url": api.url, "services": {"checkout": ["P1", "P2"]}},
            opsgenie={"api_key": "og", "url": api.url, "services": {"*": ["Shop team"]}},
        )["oncall.now"]
        found = ask(tool)
        assert [(each.who, each.level, each.source) for each in found.people] == [
            ("ann", 1, "tocsin.yaml"),
            ("Dee", 1, "pagerduty"),
            ("eve@shop.example", 1, "opsgenie"),
            ("Dee", 2, "pagerduty"),
        ]
        assert found.people[1].until == "2026-03-16T09:00:00Z" and found.failed == {}
        elsewhere = ask(tool, service="search")
        assert {each.source for each in elsewhere.people} == {"tocsin.yaml", "opsgenie"}, (
            "its policies are for checkout"
        )


def test_a_source_that_fails_is_named_beside_what_the_others_say() -> None:
    with serving(remotes) as api:
        pagerduty = {"token": "wrong", "url": api.url}
        found = ask(tools_of(connector, people=PEOPLE, schedules=SCHEDULES, pagerduty=pagerduty)["oncall.now"])
        assert [each.who for each in found.people] == ["ann"] and "Authentication failed" in found.failed["pagerduty"]
        with pytest.raises(ToolFailed, match=r"401.*check the configured credential"):
            ask(tools_of(connector, pagerduty=pagerduty)["oncall.now"])


def test_schedules_that_cannot_work_are_refused() -> None:
    for schedule in (
        {"levels": []},
        {"levels": [{"people": ["zoe"]}]},
        {"levels": [{"people": ["ann"]}], "zone": "Mars/Olympus"},
        {"levels": [{"people": ["ann"], "starts": "monday"}]},
        {
            "levels": [{"people": ["ann"]}],
            "overrides": [{"who": "ann", "starts": "2026-01-02T00:00:00Z", "ends": "2026-01-01T00:00:00Z"}],
        },
    ):
        with pytest.raises(ValidationError):
            OncallSettings.model_validate({"people": PEOPLE, "schedules": {"s": schedule}})
    assert connector.tools(OncallSettings(), "default") == ()
    assert to_rfc3339(local("2026-03-30T09:00:00")).startswith("2026-03-30T07:00")
