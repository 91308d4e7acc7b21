"""Ends and what they end in any order: what happened first is decided by the time of the events, within the lateness allowed."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.signal import Signal
from tests.support.rule_world import World, at, command, said, signal

ALERTS = """
rules:
  - {name: alerts, when: type == 'alert', group_by: [service], playbook: triage-alert, reopen_within: 1h}
"""
HOLDS = """
rules:
  - {name: holds, when: type == 'alert', group_by: [service], for: 10m}
"""
WAITS = """
rules:
  - {name: waits, when: type == 'alert', group_by: [service], group_wait: 30s, playbook: triage-alert}
"""


def test_what_comes_after_its_end_is_told_of_and_over_at_once() -> None:
    world = World(ALERTS)
    assert world.push(12, signal("a", 10, status="resolved")) == []
    world.restart()
    opened, selected, resolved = world.push(13, signal("a", 0))
    assert (opened.kind, selected.kind, resolved.kind) == ("incident.opened", "playbook.selected", "incident.resolved")
    assert resolved.data["signal_id"] == signal("a", 10, status="resolved").id
    assert resolved.data["incident"]["resolved_by"] == "alertmanager" and world.state.firing.of("a") == ()


def test_what_began_after_the_end_stays_open_and_so_does_what_began_with_it() -> None:
    for begins in (10, 11):
        world = World(ALERTS)
        world.push(12, signal("a", 10, status="resolved"))
        assert said(world.push(13, signal("a", begins))) == ["13s incident.opened", "13s playbook.selected"]


def test_an_end_is_remembered_for_as_long_as_lateness_says() -> None:
    world = World(ALERTS + "lateness: {alertmanager: 1m}\n")
    world.push(12, signal("a", 10, status="resolved"))
    assert len(list(world.state.rows.named("ended/"))) == 1
    world.tick(72)
    assert not world.state.ended and not list(world.state.rows.named("ended/"))
    assert said(world.push(73, signal("a", 0))) == ["73s incident.opened", "73s playbook.selected"]


def test_an_end_on_which_no_rule_acts_is_not_remembered() -> None:
    world = World(ALERTS)
    world.push(12, signal("a", 10, status="resolved", type="check_in"))
    assert not list(world.state.rows.named("ended/"))


def test_an_older_telling_of_what_ended_is_late_and_opens_nothing_again() -> None:
    world = World(ALERTS)
    world.push(0, signal("a", 0))
    world.push(10, signal("a", 10, status="resolved"))
    world.restart()
    assert world.push(11, signal("a", 5, severity="critical")) == []
    counted = [one for one in world.tick(200) if one.kind == "signal.unmatched" or one.data.get("reason") == "late"]
    assert [one.data["count"] for one in counted] == [1]
    assert said(world.push(210, signal("a", 205)))[0] == "210s incident.reopened"


def test_another_alert_of_the_group_is_not_late_for_the_end_of_the_first() -> None:
    world = World(ALERTS)
    world.push(0, signal("a", 0))
    world.push(10, signal("a", 10, status="resolved"))
    assert said(world.push(11, signal("b", 5)))[0] == "11s incident.reopened"


def test_an_end_before_its_beginning_takes_nothing_from_the_rest_of_the_group() -> None:
    world = World(ALERTS)
    world.push(0, signal("b", 0))
    world.push(12, signal("a", 10, status="resolved"))
    world.push(20, signal("a", 5))
    (row,) = (world.state.rows[key] for key in world.state.rows.named("group/"))
    assert row["status"] == "open" and list(row["firing"]) == ["alertmanager occurrence_id b"]


def test_what_waits_for_a_while_waits_no_more_when_its_end_came_first() -> None:
    world = World(HOLDS)
    world.push(12, signal("a", 10, status="resolved"))
    world.push(13, signal("a", 0))
    assert not list(world.state.rows.named("waiting/"))
    assert [one for one in world.tick(2000) if one.kind.startswith("incident.")] == []


def test_what_waits_for_a_while_does_not_begin_again_by_an_older_telling() -> None:
    world = World(HOLDS)
    world.push(0, signal("a", 0))
    world.push(10, signal("a", 10, status="resolved"))
    world.push(13, signal("a", 5))
    assert [one for one in world.tick(2000) if one.kind.startswith("incident.")] == []


def test_what_ended_while_its_group_waited_does_not_fire_in_it() -> None:
    world = World(HOLDS)
    world.push(0, signal("b", 0), signal("a", 0))
    world.push(10, signal("a", 10, status="resolved"))
    assert "incident.opened" in [one.kind for one in world.tick(600)]
    assert world.push(700, signal("b", 700, status="resolved"))[0].kind == "incident.resolved"


def test_rules_that_wait_merge_what_they_hear_of_an_alert_by_themselves() -> None:
    world = World(WAITS)
    world.push(12, signal("a", 10, status="resolved"))
    assert not list(world.state.rows.named("ended/"))


def test_a_resolution_by_a_person_makes_nothing_late() -> None:
    world = World(ALERTS)
    opened = world.push(0, signal("a", 0))[0]
    world.push(10, command("resolve", 10, incident_id=opened.incident_id))
    assert said(world.push(11, signal("a", 5)))[0] == "11s incident.reopened"


def _in_order(signals: list[Signal]) -> dict[str, bool]:
    """What fires at the end, by occurrence."""
    return {each.occurrence_id: each.status == "firing" for each in sorted(signals, key=lambda each: each.occurred_at)}


@st.composite
def lives(draw: st.DrawFn) -> list[Signal]:
    """A few alerts of one group, each told of several times and then over, or not; all within a minute."""
    found, moments = list[Signal](), count(1)
    for name in draw(st.lists(st.sampled_from("abcd"), unique=True, min_size=1)):
        tellings = draw(st.integers(1, 3))
        found += [signal(name, next(moments)) for _ in range(tellings)]
        if draw(st.booleans()):
            found.append(signal(name, next(moments), status="resolved"))
    return draw(st.permutations(found))


@pytest.mark.parametrize("text", [ALERTS, HOLDS])
@given(arriving=lives(), stops=st.sets(st.integers(0, 16)))
def test_in_whatever_order_they_come_the_same_fires_at_the_end(
    text: str, arriving: list[Signal], stops: set[int]
) -> None:
    world = World(text)
    for number, each in enumerate(arriving):
        world.push(60 + number, each)
        if number in stops:
            world.restart()
    world.tick(3600)
    fires: dict[str, Any] = _in_order(arriving)
    for name, fired in fires.items():
        keys = world.state.firing.of(f"alertmanager occurrence_id {name}")
        assert bool(keys) == fired, name
    rows = [world.state.rows[key] for key in world.state.rows.named("group/")]
    assert any(row["status"] != "resolved" for row in rows) == any(fires.values())
    assert at(0) < world.state.rows["begun"]["at"]


def test_an_incident_knows_the_ends_of_the_latest_of_its_alerts_alone() -> None:
    world, names = World(ALERTS), [f"a{number:02}" for number in range(30)]
    world.push(0, signal("lasts", 0), *(signal(name, 0) for name in names))
    world.push(10, *(signal(name, 10, status="resolved") for name in names))
    (row,) = (world.state.rows[key] for key in world.state.rows.named("group/"))
    assert [unit.rpartition(" ")[2] for unit in row["ended"]] == names[-20:]
    world.push(200, signal("lasts", 200, status="resolved"))
    assert [unit.rpartition(" ")[2] for unit in row["ended"]] == ["lasts"]
