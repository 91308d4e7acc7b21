"""Time, order and consumption, row by row of what other engines do (rules.md, section 1)."""

from typing import Any

from rules.load import load_texts
from schemas.decision import Decision
from schemas.time import from_rfc3339
from tests.support.rule_world import T0, World, at, said, signal


def opened(decisions: list[Decision]) -> list[tuple[float, str]]:
    return [
        ((decision.at - T0) / 1e6, decision.data["incident"]["rule"])
        for decision in decisions
        if decision.kind == "incident.opened"
    ]


def step(kind: str, t: float, **more: Any) -> Any:
    return signal(f"{kind}@{t}", t, type="log", labels={"k": kind}, **more)


def test_deadlines_fall_at_their_moments_in_their_order_whatever_the_ticks() -> None:
    """rules.md 1.3, time: there, deadlines fire up to one tick late and payload times are ignored."""
    text = """rules:
  - {name: five, match: {steps: {a: labels.k == "a", b: labels.k == "b"}, expect: all, within: 5s}}
  - {name: three, match: {steps: {a: labels.k == "a", b: labels.k == "c"}, expect: all, within: 3s}}
"""
    fine, coarse = World(text), World(text)
    for world in (fine, coarse):
        world.push(1.25, step("a", 1.25))
    by_tick = [decision for tenth in range(13, 100) for decision in fine.tick(tenth / 10)]
    assert opened(by_tick) == opened(coarse.tick(3600)) == [(4.25, "three"), (6.25, "five")]


def test_windows_go_by_the_time_of_the_event_and_deadlines_by_that_of_acceptance() -> None:
    """rules.md 1.6: two clocks, both recorded."""
    world = World("rules:\n  - {name: w, when: own == false, group_by: [], match: {count: 2, within: 10s}}\n")
    world.push(100, step("a", 0))
    assert opened(world.push(101, step("b", 50))) == []
    world = World(
        "rules:\n  - {name: d, match: {steps: {a: labels.k == 'a', b: labels.k == 'b'}, expect: all, within: 10s}}\n"
    )
    world.push(100, step("a", 0))
    assert opened(world.tick(200)) == [(110, "d")]


def test_every_matching_rule_sees_every_signal() -> None:
    """rules.md 1.3, consumption: there, the first matching rule takes an event from all others, a step from a later rule."""
    text = """rules:
  - {name: single, when: labels.k == "a"}
  - {name: both, match: {steps: {a: labels.k == "a", b: labels.k == "b"}, within: 1m}}
  - {name: last, when: labels.k == "b"}
"""
    world = World(text)
    assert opened(world.push(0, step("a", 0))) == [(0, "single")]
    assert opened(world.push(1, step("b", 1))) == [(1, "both"), (1, "last")]


def test_a_signal_that_meets_two_of_several_conditions_fires_once() -> None:
    """rules.md 1.3, any."""
    world = World('rules:\n  - {name: r, when: \'labels.k == "a" || severity == "error"\', group_by: [id]}\n')
    assert opened(world.push(0, step("a", 0))) == [(0, "r")]


def test_what_a_rule_sets_is_there_for_the_next_signal_however_soon_it_comes() -> None:
    """rules.md 1.3, actions: there, set_fact races the next event."""
    text = """rules:
  - {name: sets, when: labels.k == "a", set_fact: {mode: labels.k}}
  - {name: reads, when: has(fact.mode) && fact.mode == "a", group_by: [id]}
"""
    world = World(text)
    assert opened(world.push(0, step("a", 0), step("b", 0))) == [(0, "sets"), (0, "reads")]


def test_partial_matches_facts_and_deadlines_survive_a_restart() -> None:
    """rules.md 1.3, restart: there, in memory only."""
    text = """rules:
  - {name: sets, when: labels.k == "f", set_fact: {on: true}, opens: false}
  - {name: both, match: {steps: {a: labels.k == "a", b: labels.k == "b"}, within: 1m}}
  - {name: stuck, match: {steps: {a: labels.k == "a", c: labels.k == "c"}, expect: all, within: 1m}}
  - {name: reads, when: has(fact.on) && labels.k == "z"}
"""
    world = World(text)
    world.push(0, step("a", 0), step("f", 0))
    for t, kind in ((1, "b"), (2, "z")):
        world.restart()
        assert opened(world.push(t, step(kind, t)))
    world.restart()
    assert opened(world.tick(99)) == [(60, "stuck")]


def test_an_incident_of_a_session_ends_with_it_and_a_new_session_is_a_new_one() -> None:
    """rules.md 1.4, correlation rule: there, an incident is reused while its newest alert is young, and can run for ever."""
    text = """rules:
  - name: s
    when: type == "log"
    group_by: [service]
    match: {count: 2, within: 10s, span: session}
    resolve_after: 10s
    reopen_within: 0
"""
    world = World(text)
    for t in (0, 9, 18, 27, 60, 61):
        world.push(t, step("a", t))
    told = [decision for decision in world.tick(200) if decision.kind.startswith("incident.")]
    assert said(told)[-1] == "71s incident.resolved"
    assert told[-1].data["incident"]["episode"] == 2


def test_the_order_of_files_and_priority_decide_who_acts_first_and_nothing_else() -> None:
    one = load_texts(
        {"a.yaml": "rules: [{name: x, when: own}]", "b.yaml": "rules: [{name: y, when: own, priority: 3}]"}
    )
    assert [rule.name for rule in one.rules] == ["y", "x"]


def test_a_late_signal_re_evaluates_and_nothing_waits_out_the_lateness() -> None:
    """rules.md 1.6 and 1.5, out of order."""
    world = World("rules:\n  - {name: w, when: type == 'log', group_by: [], match: {count: 2, within: 5s}}\n")
    world.push(0, step("a", 0))
    assert opened(world.push(1, step("b", 1))) == [(1, "w")]
    world = World("rules:\n  - {name: w, when: type == 'log', group_by: [], match: {count: 2, within: 5s}}\n")
    world.push(100, step("a", 10))
    world.push(101, step("b", 60))
    assert opened(world.push(102, step("c", 12))) == [(102, "w")]
    assert from_rfc3339("2026-11-21T10:00:00Z") == at(0)
