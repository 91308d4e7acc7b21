"""What holds a telling that would not wait: times, silences that ask again, flapping, storms; and that what is held ends well."""

from typing import Any

from rules.limits import Limits
from schemas.decision import Decision
from schemas.time import to_rfc3339
from tests.support.rule_world import T0, World, at, command, signal

TIMES = 'times: {first: [{times: [{start_time: "10:00", end_time: "10:10"}]}], later: [{times: [{start_time: "10:20", end_time: "11:00"}]}]}\n'


def world(more: str, limits: Limits | None = None) -> World:
    return World(
        f"{TIMES}rules:\n  - {{name: r, when: type == 'alert', group_by: [service], playbook: p, {more}}}\n", limits
    )


def seen(decisions: list[Decision], *kinds: str) -> list[tuple[float, str, str]]:
    """When, which kind, and for holds and skips why."""
    return [
        ((d.at - T0) / 1e6, d.kind, str(d.data.get("reason", "")))
        for d in decisions
        if d.kind.startswith("playbook.") and (not kinds or d.kind in kinds)
    ]


def test_muted_times_hold_until_they_are_over() -> None:
    muted = world("muted: [first]")
    assert seen(muted.push(60, signal("a", 60))) == [(60, "playbook.held", "muted")]
    muted.restart()
    assert seen(muted.tick(700)) == [(600, "playbook.selected", "")]


def test_active_times_hold_until_they_begin() -> None:
    active = world("active: [later]")
    held = active.push(60, signal("a", 60))
    assert seen(held) == [(60, "playbook.held", "muted")]
    assert held[-1].because == "muted outside of later until 2026-11-21T10:20Z (19m)"
    assert seen(active.tick(1300)) == [(1200, "playbook.selected", "")]


def test_what_is_over_before_the_hold_ends_is_told_to_nobody() -> None:
    muted = world("muted: [first]")
    muted.push(60, signal("a", 60))
    assert seen(muted.push(90, signal("a", 90, status="resolved"))) == [(90, "playbook.skipped", "over")]
    assert seen(muted.tick(700)) == []


def test_a_hold_is_said_once_and_tells_of_all_that_came() -> None:
    muted = world("muted: [first]")
    out = [d for t in range(10, 100, 10) for d in muted.push(t, signal(f"a{t}", t))]
    assert len(seen(out, "playbook.held")) == 1
    selected = next(d for d in muted.tick(700) if d.kind == "playbook.selected")
    assert len(selected.data["signal_ids"]) == 9


def test_a_silence_that_hides_a_critical_incident_for_long_asks_again() -> None:
    quiet = world("severity: critical")
    until = to_rfc3339(at(12 * 3600))
    quiet.push(0, command("silence", 0, matcher="service == 'checkout'", until=until, reason="works"))
    assert seen(quiet.push(10, signal("a", 10))) == [(10, "playbook.held", "silenced")]
    quiet.restart()
    asked = [d for d in quiet.tick(6 * 3600) if d.kind == "silence.asked"]
    assert [(d.at - T0) / 1e6 for d in asked] == [3610, 3610 + 4 * 3600]
    assert asked[0].data["author"] == "human:ann" and asked[0].data["until"] == until
    assert "has hidden this critical incident for 1h" in asked[0].because
    assert asked[0].incident_id in quiet.state.incidents
    quiet.push(7 * 3600, command("acknowledge", 7 * 3600, incident_id=asked[0].incident_id))
    assert [d for d in quiet.tick(11 * 3600) if d.kind == "silence.asked"] == [], "somebody has it in hand"


def test_a_silence_that_hides_less_than_critical_does_not_ask() -> None:
    quiet = world("severity: error")
    quiet.push(0, command("silence", 0, matcher="service == 'checkout'", until=to_rfc3339(at(40_000))))
    quiet.push(10, signal("a", 10))
    assert [d for d in quiet.tick(30_000) if d.kind == "silence.asked"] == []


def flips(world: World, *moments: float) -> list[Decision]:
    """Begins and ends by turns."""
    out: list[Decision] = []
    for number, t in enumerate(moments):
        out += world.push(t, signal("a", t, status="resolved" if number % 2 else "firing"))
    return out


def test_what_begins_and_ends_too_often_is_told_of_once_until_it_is_steady() -> None:
    nervous = world("flapping: {changes: 4, within: 10m}")
    out = flips(nervous, 0, 10, 20, 30, 40)
    assert seen(out) == [
        (0, "playbook.selected", ""),
        (20, "playbook.skipped", "running"),
        (40, "playbook.held", "flapping"),
    ]
    held = next(d for d in out if d.kind == "playbook.held")
    assert held.because == "flapping: 4 beginnings and ends within 10m until 2026-11-21T10:10Z (10m)"
    nervous.restart()
    assert [kind for _, kind, _ in seen(nervous.tick(3700))] == ["playbook.skipped"], (
        "steady for ten minutes: asked, and running"
    )


def test_slow_changes_are_no_flapping() -> None:
    calm = world("flapping: {changes: 4, within: 1m}")
    assert "playbook.held" not in [kind for _, kind, _ in seen(flips(calm, 0, 30, 60, 90, 120))]


def storm_of(number: int, world: World, every: float = 1) -> list[Decision]:
    return [d for n in range(number) for d in world.push(n * every, signal(f"s{n}", n * every, service=f"svc{n}"))]


def test_many_groups_at_once_are_one_storm_that_lists_them() -> None:
    wild = world("storm: {groups: 5, within: 1m}")
    out = storm_of(12, wild)
    selected = [d for d in out if d.kind == "playbook.selected"]
    assert [(d.at - T0) / 1e6 for d in selected] == [0, 1, 2, 3, 4]
    storm = selected[-1].data["incident"]
    assert storm["title"] == "Storm: 5 groups of rule r within 1m" and len(storm["members"]) == 5
    held = [d for d in out if d.kind == "playbook.held"]
    assert len(held) == 8 and {(d.data["reason"], d.data["by"]) for d in held} == {("storm", storm["id"])}
    wild.restart()
    out = wild.tick(200)
    grown = [d for d in out if d.incident_id == storm["id"]]
    assert grown[0].kind == "incident.updated" and len(grown[0].data["incident"]["members"]) == 12
    assert (grown[-1].kind, (grown[-1].at - T0) / 1e6) == ("incident.resolved", 71)
    assert len({*grown[0].data["incident"]["members"]} & set(wild.state.incidents)) == 12, (
        "each is an incident of its own"
    )


def test_after_a_storm_groups_are_told_of_one_by_one() -> None:
    wild = world("storm: {groups: 3, within: 1m}")
    storm_of(5, wild)
    wild.tick(300)
    assert seen(wild.push(301, signal("late", 301, service="other"))) == [(301, "playbook.selected", "")]
    again = [d for n in range(3) for d in wild.push(400 + n, signal(f"t{n}", 400 + n, service=f"new{n}"))]
    storms = [d.data["incident"] for d in again if d.kind == "incident.opened" and d.data["incident"]["members"]]
    assert [storm["episode"] for storm in storms] == [2]


def test_groups_that_come_slowly_are_no_storm() -> None:
    assert all(
        kind == "playbook.selected"
        for _, kind, _ in seen(storm_of(10, world("storm: {groups: 3, within: 30s}"), every=20))
    )


def test_rules_activated_anew_keep_what_is_held() -> None:
    text = f"{TIMES}rules:\n  - {{name: r, when: type == 'alert', group_by: [service], playbook: p, muted: [first]}}\n"
    held = World(text)
    held.push(60, signal("a", 60))
    from tests.support.rule_world import rules

    other = rules(text.replace("playbook: p", "playbook: q"))
    held.engine.offer(other)
    held.push(100, command("activate_rules", 100, version=other.version))
    selected: Any = next(d for d in held.tick(700) if d.kind == "playbook.selected")
    assert selected.data["playbook"] == "q"


def test_an_end_in_a_muted_time_is_told_when_it_is_over_if_the_beginning_was() -> None:
    muted = World(
        'times: {late: [{times: [{start_time: "10:05", end_time: "10:10"}]}]}\n'
        "rules:\n  - {name: r, when: type == 'alert', group_by: [service], playbook: p, muted: [late]}\n"
    )
    assert seen(muted.push(0, signal("a", 0))) == [(0, "playbook.selected", "")]
    out = muted.push(400, signal("a", 400, status="resolved"))
    assert out[0].kind == "incident.resolved" and out[0].data["waits"] is True
    assert seen(out) == [(400, "playbook.held", "muted")]
    muted.restart()
    assert seen(muted.tick(700)) == [(600, "playbook.notified", "all_resolved")]


def test_what_is_back_before_its_end_was_told_is_told_of_neither() -> None:
    muted = World(
        'times: {late: [{times: [{start_time: "10:05", end_time: "10:10"}]}]}\n'
        "rules:\n  - {name: r, when: type == 'alert', group_by: [service], playbook: p, muted: [late]}\n"
    )
    muted.push(0, signal("a", 0))
    muted.push(400, signal("a", 400, status="resolved"))
    assert seen(muted.push(500, signal("a", 500))) == []
    assert seen(muted.tick(700)) == []
