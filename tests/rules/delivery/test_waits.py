"""Groups in their own time: each row of what Alertmanager does with group_wait, group_interval, repeat_interval and its log of notifications."""

from typing import Any

import pytest

from rules.limits import Limits
from schemas.decision import Decision
from schemas.time import to_rfc3339
from tests.support.rule_world import T0, World, at, command, signal

PACED = """
times: {{night: [{{times: [{{start_time: "10:05", end_time: "10:30"}}]}}], later: [{{times: [{{start_time: "10:30", end_time: "24:00"}}]}}]}}
rules:
  - name: pages
    when: source == "alertmanager"
    group_by: [labels.g]
    group_wait: {wait}
    group_interval: {interval}
    repeat_interval: {repeat}
    playbook: page
    {more}
"""


def paced(wait: str = "30s", interval: str = "60s", repeat: str = "1h", more: str = "", rest: str = "") -> World:
    return World(PACED.format(wait=wait, interval=interval, repeat=repeat, more=more) + rest)


def alert(name: str, t: float = 0, group: str = "a", **fields: Any) -> Any:
    return signal(name, t, labels={"g": group, "name": name, **fields.pop("labels", {})}, **fields)


def resolved(name: str, t: float, group: str = "a", **fields: Any) -> Any:
    return alert(name, t, group, status="resolved", **fields)


def told(decisions: list[Decision]) -> list[tuple[float, str, str]]:
    """When, why, and what: + for what fires, - for what is over."""
    found = []
    for decision in decisions:
        if decision.kind == "playbook.notified":
            names = {
                signal_of(one["id"]): "+" if one["status"] == "firing" else "-" for one in decision.data["signals"]
            }
            shown = " ".join(sorted(f"{name}{sign}" for name, sign in names.items()))
            found.append(((decision.at - T0) / 1e6, decision.data["reason"], shown))
    return found


NAMES: dict[str, str] = {}


def signal_of(identity: str) -> str:
    return NAMES[identity]


def story(world: World, *events: tuple[float, Any], until: float) -> list[Decision]:
    """Push at each moment what comes then, and let time pass up to the end."""
    out: list[Decision] = []
    for t, record in events:
        if hasattr(record, "occurrence_id"):
            NAMES[record.id] = record.occurrence_id
        out += world.push(t, record)
    return out + world.tick(until)


def test_alertmanager_group_wait_gathers_the_first_telling() -> None:
    out = story(paced(), (0, alert("x")), (10, alert("y", 10)), (20, alert("z", 20, "b")), until=55)
    assert told(out) == [(30, "first", "x+ y+"), (50, "first", "z+")]
    selected = [decision for decision in out if decision.kind == "playbook.selected"]
    assert [(decision.at, len(decision.data["signal_ids"])) for decision in selected] == [(at(30), 2), (at(50), 1)]
    waiting = [decision for decision in out if decision.kind == "playbook.held"]
    assert [(d.data["reason"], d.data["until"]) for d in waiting] == [
        ("waiting", to_rfc3339(at(30))),
        ("waiting", to_rfc3339(at(50))),
    ]


def test_alertmanager_group_wait_has_passed_for_what_began_before() -> None:
    world = paced()
    old = alert("x", occurred_at=at(-40))
    assert told(story(world, (0, old), (0, alert("y", 0)), until=1)) == [(0, "first", "x+ y+")]


def test_alertmanager_group_wait_of_nothing_tells_all_of_one_moment_together() -> None:
    assert told(story(paced(wait="0s"), (0, alert("x")), (0, alert("y")), until=1)) == [(0, "first", "x+ y+")]


def test_alertmanager_group_wait_says_nothing_of_what_was_over_within_it() -> None:
    out = story(paced(), (0, alert("x")), (10, resolved("x", 10)), until=500)
    assert told(out) == []
    assert [decision.kind for decision in out if decision.kind.startswith("incident")] == [
        "incident.opened",
        "incident.resolved",
    ]


def test_alertmanager_group_interval_holds_changes_until_the_next_look() -> None:
    out = story(paced(wait="5s"), (0, alert("x")), (10, alert("y", 10)), until=200)
    assert told(out) == [(5, "first", "x+"), (65, "new", "x+ y+")]


def test_alertmanager_flush_tells_that_some_or_all_of_it_is_over() -> None:
    events = ((0, alert("x")), (0, alert("y")), (40, resolved("x", 40)), (100, resolved("y", 100)))
    assert told(story(paced(), *events, until=400)) == [
        *((30, "first", "x+ y+"), (90, "some_resolved", "x- y+"), (150, "all_resolved", "y-"))
    ]  # fmt: skip


def test_alertmanager_flush_without_send_resolved_says_nothing_of_ends() -> None:
    events = (
        (0, alert("x")),
        (0, alert("y")),
        (40, resolved("x", 40)),
        (100, resolved("y", 100)),
        (300, alert("x", 300)),
    )
    found = told(story(paced(more="send_resolved: false"), *events, until=400))
    assert found == [(30, "first", "x+ y+"), (330, "first", "x+")]


def test_alertmanager_repeat_interval_is_looked_at_only_at_flushes() -> None:
    assert [t for t, _, _ in told(story(paced(repeat="100s"), (0, alert("x")), until=400))] == [30, 150, 270, 390]


def test_alertmanager_repeat_interval_equal_to_the_group_interval_repeats_every_second_time() -> None:
    found = told(story(paced(wait="6s", repeat="60s"), (0, alert("x")), until=300))
    assert [(t, why) for t, why, _ in found] == [(6, "first"), (126, "repeat"), (246, "repeat")]


def test_alertmanager_flapping_between_two_flushes_is_silent() -> None:
    events = ((0, alert("x")), (40, resolved("x", 40)), (50, alert("x", 50)))
    assert told(story(paced(), *events, until=200)) == [(30, "first", "x+")]


def test_alertmanager_flapping_after_the_end_was_told_is_a_new_group() -> None:
    events = ((0, alert("x")), (40, resolved("x", 40)), (95, alert("x", 95)))
    assert told(story(paced(), *events, until=200)) == [
        (30, "first", "x+"),
        (90, "all_resolved", "x-"),
        (125, "first", "x+"),
    ]


def test_alertmanager_firing_is_derived_from_the_end_that_was_said() -> None:
    found = told(story(paced(), (0, alert("x", expires_at=at(75))), until=400))
    assert found == [(30, "first", "x+"), (90, "all_resolved", "x-")]


def test_alertmanager_one_alert_may_be_in_several_routes_each_with_its_group() -> None:
    world = World(
        PACED.format(wait="10s", interval="60s", repeat="1h", more="rules:\n")
        + '      - {name: db, when: labels.team == "db", playbook: page-db, continue: true}\n'
        + '      - {name: all, when: "true", playbook: page-all, group_wait: 20s}\n'
    )
    out = story(world, (0, alert("x", labels={"team": "db"})), until=30)
    assert [(d.at, d.data["playbook"]) for d in out if d.kind == "playbook.notified"] == [
        (at(10), "page-db"),
        (at(20), "page-all"),
    ]


def test_alertmanager_group_labels_that_are_absent_are_absent_from_the_group() -> None:
    out = story(paced(), (0, signal("x", labels={"other": "1"})), (0, alert("y", 0, "b")), until=40)
    groups = {NAMES[d.data["signals"][0]["id"]]: d.data["group"] for d in out if d.kind == "playbook.notified"}
    assert groups == {"x": {}, "y": {"labels.g": "b"}}


def test_alertmanager_resolved_handling_an_end_that_comes_while_muted_is_told_when_the_hold_ends() -> None:
    world = paced(more="muted: [night]")
    out = story(world, (0, alert("x")), (600, resolved("x", 600)), until=2000)
    # 10:05 to 10:30 is muted: Alertmanager would never tell of the end.
    assert told(out) == [(30, "first", "x+"), (1830, "all_resolved", "x-")]


def test_alertmanager_resolved_handling_an_end_that_comes_while_muted_is_forgotten_where_the_rule_says_so() -> None:
    world = paced(more="{muted: [night], held_ends: forget}".replace("{", "").replace("}", "").replace(", ", "\n    "))
    assert told(story(world, (0, alert("x")), (600, resolved("x", 600)), until=2000)) == [(30, "first", "x+")]


def test_alertmanager_an_end_whose_beginning_was_never_told_is_not_told_either() -> None:
    world = paced(more="muted: [night]")
    assert told(story(world, (400, alert("x", 400)), (600, resolved("x", 600)), until=2000)) == []


def test_alertmanager_a_muted_flush_is_passed_over_and_told_when_the_time_opens() -> None:
    out = story(paced(more="muted: [night]"), (400, alert("x", 400)), until=2000)
    assert told(out) == [(1810, "first", "x+")]
    held = next(d for d in out if d.kind == "playbook.held" and d.data["reason"] == "muted")
    assert (held.data["by"], held.data["until"]) == ("night", "2026-11-21T10:30:00.000000Z")
    assert held.because == "muted in night until 2026-11-21T10:30Z (22m50s)"


def test_alertmanager_outside_of_active_times_nobody_is_told() -> None:
    out = story(paced(more="active: [later]"), (0, alert("x")), until=2000)
    assert told(out) == [(1830, "first", "x+")]
    assert {d.data["reason"] for d in out if d.kind == "playbook.held"} == {"waiting", "muted"}


def test_alertmanager_silences_hide_alerts_of_a_group_and_not_the_group() -> None:
    quiet = command("silence", 1, matcher='labels.name == "x"', until=to_rfc3339(at(100)))
    out = story(paced(), (0, alert("x")), (0, alert("y")), (1, quiet), until=200)
    assert told(out) == [(30, "first", "y+"), (150, "new", "x+ y+")]
    held = next(d for d in out if d.kind == "playbook.held" and d.data["reason"] == "silenced")
    assert held.data["until"] == to_rfc3339(at(100))


def test_alertmanager_an_end_that_comes_while_silenced_is_told_when_the_silence_is_over() -> None:
    quiet = command("silence", 40, matcher='labels.name == "x"', until=to_rfc3339(at(300)))
    out = story(paced(), (0, alert("x")), (40, quiet), (50, resolved("x", 50)), until=600)
    assert told(out) == [(30, "first", "x+"), (330, "all_resolved", "x-")]


def test_alertmanager_order_of_gates_a_group_with_nothing_left_does_not_touch_the_log() -> None:
    quiet = command("silence", 40, matcher='labels.g == "a"', until=to_rfc3339(at(300)))
    out = story(paced(repeat="2h"), (0, alert("x")), (40, quiet), until=600)
    assert told(out) == [(30, "first", "x+")], "after the silence nothing is new"


def test_a_person_who_resolves_the_incident_ends_the_group() -> None:
    world = paced()
    story(world, (0, alert("x")), until=31)
    incident = next(iter(world.state.incidents))
    assert told(story(world, (40, command("resolve", 40, incident_id=incident)), until=200)) == [
        (90, "all_resolved", "x-")
    ]


def test_a_rule_without_a_playbook_tells_nobody() -> None:
    assert told(story(World(PACED.format(wait="5s", interval="60s", repeat="1h", more="").replace("playbook: page", "")),
                      (0, alert("x")), until=100)) == []  # fmt: skip


def test_an_incident_is_open_while_its_telling_waits() -> None:
    out = story(paced(), (0, alert("x")), until=1)
    assert [decision.kind for decision in out] == ["incident.opened", "playbook.held"]


def test_waits_that_are_not_said_are_alertmanagers() -> None:
    world = World("rules:\n  - {name: r, when: 'true', group_by: [], group_interval: 5m, playbook: p}\n")
    assert told(story(world, (0, alert("x")), (100, alert("y", 100)), until=400)) == [
        (30, "first", "x+"),
        (330, "new", "x+ y+"),
    ]


@pytest.mark.parametrize("stop", [5, 35, 89, 91, 200])
def test_alertmanager_restart_anywhere_changes_nothing(stop: float) -> None:
    events = [
        (0, alert("x")),
        (10, alert("y", 10)),
        (40, resolved("x", 40)),
        (95, alert("z", 95, expires_at=at(120))),
        (300, resolved("y", 300)),
    ]
    whole = story(paced(more="muted: [night]"), *events, until=2500)
    world = paced(more="muted: [night]")
    before = story(world, *[event for event in events if event[0] <= stop], until=stop)
    world.restart()
    after = story(world, *[event for event in events if event[0] > stop], until=2500)
    assert [d.id for d in before + after] == [d.id for d in whole]


def test_alertmanager_limits_a_group_has_so_many_members_and_the_oldest_go_first() -> None:
    world = World(PACED.format(wait="30s", interval="60s", repeat="1h", more=""), Limits(group_members=3))
    out = story(world, *((n, alert(f"n{n}", n)) for n in range(5)), until=31)
    assert told(out) == [(30, "first", "n2+ n3+ n4+")]
    evicted = [d for d in world.tick(100) if d.kind == "state.evicted"]
    assert [(d.data["count"], d.data["by"]) for d in evicted] == [(2, "pages")]


def test_alertmanager_order_of_gates_an_inhibition_is_named_before_a_silence() -> None:
    text = PACED.format(wait="5s", interval="60s", repeat="1h", more="")
    world = World(
        text
        + '  - {name: down, when: labels.name == "down", inhibit: {when: labels.name != "down", equal: [labels.g]}}\n'
    )
    quiet = command("silence", 0, matcher='labels.name == "x"', until=to_rfc3339(at(300)))
    out = story(world, (0, quiet), (0, alert("down")), (1, alert("x", 1)), until=10)
    assert told(out) == [(5, "first", "down+")]
    assert [d.data["reason"] for d in out if d.kind == "playbook.held"] == ["waiting", "inhibited"]
