"""Steps: what comes together, in order or not, what must not come, and what does not follow in time."""

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.limits import Limits
from rules.load import RulesInvalid
from rules.match.combinations import Effort, Entry, Shape, every, first
from tests.support.rule_world import World, at, said, signal

DEPLOY = """rules:
  - name: suspect-deploy
    match:
      steps: {deploy: 'type == "change"', errors: 'type == "error"'}
      same: service
      order: listed
      within: 30m
    playbook: suspect
"""


def steps(match: str, more: str = "") -> str:
    return f"rules:\n  - {{name: r, match: {{steps: {{a: labels.k == 'a', b: labels.k == 'b'}}, {match}}}{more}}}\n"


def step(kind: str, t: float, **labels: str) -> Any:
    return signal(f"{kind}@{t}{labels}", t, type="log", labels={"k": kind, **labels})


def fired(world: World, *moments: tuple[str, float]) -> list[float]:
    """The times at which the rule fires, the first and every further one."""
    found = []
    for kind, t in moments:
        out = world.push(t, step(kind, t))
        if any(
            decision.kind in ("incident.opened", "incident.reopened") or "fired" in decision.data.get("changes", ())
            for decision in out
        ):
            found.append(t)
    return found


def test_steps_in_their_order_fire_with_the_one_that_completes_them() -> None:
    world = World(DEPLOY)
    assert world.push(0, signal("release", type="change")) == []
    out = world.push(1799, signal("boom", 1799, type="error"))
    assert said(out)[-2:] == ["1799s incident.opened", "1799s playbook.selected"]
    opened, selected = out[-2:]
    assert opened.data["incident"]["group"] == {"service": "checkout"}
    assert opened.because == "deploy then errors within 30m (rule suspect-deploy, service=checkout)"
    assert selected.data["signal_ids"] == [signal("release", type="change").id, signal("boom", 1799, type="error").id]


def test_steps_are_joined_by_equal_values() -> None:
    world = World(DEPLOY)
    world.push(0, signal("release", type="change", service="search"))
    assert not any("opened" in kind for kind in said(world.push(10, signal("boom", 10, type="error"))))


def test_temporal_holds_in_any_order_within_the_span() -> None:
    """rules.md 1.5, temporal: all rules within the span in any order; both ends inside."""
    for order in (("a", "b"), ("b", "a")):
        assert fired(World(steps("within: 10s"), Limits(update_every=0)), (order[0], 0), (order[1], 10)) == [10]
        assert fired(World(steps("within: 10s"), Limits(update_every=0)), (order[0], 0), (order[1], 10.5)) == []


def test_temporal_fires_again_on_every_member_while_it_holds() -> None:
    """rules.md 1.5, firing."""
    world = World(steps("within: 10s"), Limits(update_every=0))
    assert fired(world, ("a", 0), ("b", 1), ("b", 2), ("a", 3), ("a", 12.5), ("b", 30)) == [1, 2, 3]


def test_temporal_ordered_takes_equal_times_either_way_and_b_a_b_at_the_second_b() -> None:
    """rules.md 1.5, temporal_ordered."""
    world = World(steps("within: 10s, order: listed"), Limits(update_every=0))
    assert fired(world, ("b", 0), ("a", 1), ("b", 2)) == [2]
    world = World(steps("within: 10s, order: listed"))
    world.push(5, step("b", 5))
    assert "6s incident.opened" in said(world.push(6, step("a", 5)))


def test_some_of_the_steps_suffice_where_so_many_are_asked_for() -> None:
    """rules.md 1.5, temporal: gte n of the rules."""
    text = "rules:\n  - name: r\n    match: {steps: {a: labels.k == 'a', b: labels.k == 'b', c: labels.k == 'c'}, at_least: 2, within: 10s}\n"
    assert fired(World(text, Limits(update_every=0)), ("a", 0), ("a", 1), ("c", 5), ("b", 30)) == [5]


def test_which_steps_happened_may_be_a_condition_of_its_own() -> None:
    """rules.md 1.5, temporal: conditions beyond gte, each member event looked at by itself."""
    moments = (("a", 0), ("b", 5), ("a", 6), ("a", 16), ("b", 30), ("a", 41))
    for holds, expected in (
        ("steps.a && !steps.b", [0, 16, 41]),
        ("steps.a != steps.b", [0, 16, 30, 41]),
        ("[steps.a, steps.b].filter(s, s).size() == 2", [5, 6]),
        ("!steps.a", [30]),
    ):
        world = World(steps(f"within: 10s, holds: '{holds}'"), Limits(update_every=0))
        assert fired(world, *moments) == expected, holds
    opened = World(steps("within: 10s, holds: '!steps.a'")).push(0, step("b", 0))[-2]
    assert opened.because.startswith("!steps.a within 10s")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("holds: steps.c", "steps.NAME"),
        ("holds: steps.a.x == 1", "steps.NAME"),
        ("holds: severity == 'info'", "severity"),
        ("holds: steps.a, at_least: 1", "goes with none of"),
        ("holds: steps.a, order: listed", "goes with none of"),
        ("holds: steps.a &&", "expected a value"),
    ],
)
def test_a_condition_over_steps_is_about_them_alone(more: str, words: str) -> None:
    with pytest.raises(RulesInvalid, match=re.escape(words)):
        World(steps(f"within: 10s, {more}"))


def test_aliases_name_the_field_of_each_step() -> None:
    """rules.md 1.5, group-by / aliases."""
    world = World(steps("within: 1m, same: {a: labels.user, b: labels.actor}"))
    world.push(0, step("a", 0, user="ann"))
    assert not any("opened" in kind for kind in said(world.push(1, step("b", 1, user="ann", actor="bob"))))
    out = world.push(2, step("b", 2, actor="ann"))
    assert out[-2].data["incident"]["group"] == {"labels.user": "ann"}


def test_a_signal_that_lacks_what_joins_is_no_member_and_that_is_said() -> None:
    world = World(steps("within: 1m, same: labels.user"))
    world.push(0, step("a", 0), step("b", 0))
    counted = [decision.data for decision in world.tick(60) if decision.data.get("reason") == "no_key"]
    assert [data["count"] for data in counted] == [2]


def test_a_step_may_be_the_firing_of_another_rule_with_its_own_group() -> None:
    """rules.md 1.5, chaining: only its own group-by applies."""
    text = """rules:
  - {name: many-failed, when: labels.k == "fail", group_by: [labels.host], match: {count: 3, within: 1m}}
  - name: broke-in
    match: {steps: {tried: {rule: many-failed}, won: labels.k == "ok"}, same: labels.user, order: listed, within: 10m}
"""
    world = World(text)
    for t in range(3):
        world.push(t, step("fail", t, host="h", user="ann" if t == 2 else "bob"))
    assert not any("broke-in" in decision.actor for decision in world.push(10, step("ok", 10, user="bob")))
    out = world.push(11, step("ok", 11, user="ann"))
    assert next(decision.kind for decision in out if decision.actor == "rule:broke-in") == "incident.opened"


def test_a_rule_that_only_serves_as_a_step_opens_nothing() -> None:
    """rules.md 1.5, generate: rules that others refer to do not fire by themselves unless they say so."""
    text = """rules:
  - {name: inner, when: labels.k == "a", opens: false}
  - {name: outer, match: {steps: {x: {rule: inner}, y: labels.k == "b"}, within: 1m}}
"""
    world = World(text)
    assert world.push(0, step("a", 0)) == []
    out = world.push(1, step("b", 1))
    assert [decision.data["incident"]["rule"] for decision in out if decision.kind == "incident.opened"] == ["outer"]


def test_what_begins_and_does_not_all_come_fires_at_its_deadline_with_the_first_signal() -> None:
    """rules.md 1.3, not_all + timeout: the window opens at the first step seen; completion must come before its end."""
    text = steps("within: 10s, expect: all")
    world = World(text)
    world.push(3, step("b", 3))
    out = [decision for decision in world.tick(60) if decision.kind.startswith(("incident", "playbook"))]
    assert said(out) == ["13s incident.opened", "13s playbook.skipped"]
    assert out[0].because == "a did not follow within 10s (rule r)"
    assert out[0].data["incident"]["signal_ids"] == [step("b", 3).id]
    complete = World(text)
    complete.push(3, step("b", 3))
    complete.push(12.9, step("a", 12.9))
    assert not any("opened" in kind for kind in said(complete.tick(99)))
    late = World(text)
    late.push(3, step("b", 3))
    assert "13s incident.opened" in said(late.push(13, step("a", 13)))
    assert said(World(text).tick(99)) == []


def test_leftovers_of_a_window_open_no_further_one() -> None:
    """rules.md 1.3, not_all + timeout: the spurious second firing from leftovers is a defect, not to be copied."""
    world = World(steps("within: 10s, expect: all"), Limits(update_every=0))
    world.push(0, step("b", 0))
    world.push(4, step("b", 4))
    opened = [decision for decision in world.tick(99) if decision.kind.startswith("incident")]
    assert said(opened) == ["10s incident.opened"]


def test_what_one_signal_for_several_steps_would_complete_is_lost_where_said() -> None:
    """rules.md 1.3, all: an event that satisfies two steps is discarded there, with what would have made it complete."""
    text = """
rules:
  - name: r
    match:
      steps: {a: labels.x == "1", b: labels.y == "1", c: labels.z == "1"}
      within: 2h
      combinations: each
      consume: true
      doubles: lost
    playbook: p
"""

    def chosen(text: str, *events: str) -> list[list[int]]:
        world, found, ids = World(text), [], list[str]()
        for t, letters in enumerate(events):
            event = signal(f"s{t}", t, type="log", labels=dict.fromkeys(letters, "1"))
            ids.append(event.id)
            out = [one.data["signal_ids"] for one in world.push(t, event) if one.kind == "playbook.selected"]
            found += [[ids.index(name) for name in named] for named in out]
        return found

    assert chosen(text, "xyz", "x", "y", "z") == [[1, 2, 3]]
    assert chosen(text, "xy", "z", "x", "y", "z") == [[2, 3, 4]]
    assert chosen(text, "x", "yz", "z", "y") == []
    assert chosen(text, "x", "y", "xz") == [[0, 1, 2]]
    assert chosen(text.replace("doubles: lost", "doubles: wait"), "xy", "z", "x") == [[2, 0, 1]]


def test_each_window_that_nothing_closed_is_an_incident_of_its_own_where_said() -> None:
    world = World(steps("within: 10s, expect: all, combinations: each"), Limits(update_every=0))
    found = said(world.push(0, step("b", 0)) + world.tick(19) + world.push(20, step("a", 20)) + world.tick(99))
    assert [kind for kind in found if "incident" in kind] == ["10s incident.opened", "30s incident.opened"]


def test_combinations_each_are_incidents_of_their_own_and_consumed_where_said() -> None:
    """rules.md 1.3, all: every combination: two x then one y = two firings, then consumed."""
    world = World(steps("within: 2h, combinations: each, consume: true", ", playbook: p"))
    world.push(0, step("a", 0))
    world.push(1, step("a", 1))
    chosen = [
        decision.data["signal_ids"] for decision in world.push(2, step("b", 2)) if decision.kind == "playbook.selected"
    ]
    assert chosen == [[step("a", 0).id, step("b", 2).id], [step("a", 1).id, step("b", 2).id]]
    assert not any(kind.endswith("selected") for kind in said(world.push(3, step("b", 3))))
    kept = World(steps("within: 2h, combinations: each", ", playbook: p"))
    for t, kind in ((0, "a"), (1, "b")):
        kept.push(t, step(kind, t))
    assert sum(kind.endswith("selected") for kind in said(kept.push(2, step("b", 2)))) == 1


def test_partial_matches_live_as_long_as_the_span() -> None:
    """rules.md 1.3, all: partial matches live 2 h (7199 s yes, 7201 s no); within W the difference of any two may be <= W."""
    for t, fires in ((7199, True), (7200, True), (7201, False)):
        world = World(steps("within: 2h, combinations: each, consume: true"))
        world.push(0, step("a", 0))
        assert any("opened" in kind for kind in said(world.push(t, step("b", t)))) is fires


def test_one_signal_stands_for_one_step_unless_it_may_overlap() -> None:
    """rules.md 1.3, all: an event that satisfies two steps is not lost, and a condition twice needs two events."""
    text = "rules:\n  - name: r\n    match: {{steps: {{a: labels.k == 'a', b: labels.j == 'b'}}, within: 1m{more}}}\n"
    both = step("a", 0, j="b")
    assert not any("opened" in kind for kind in said(World(text.format(more="")).push(0, both)))
    assert any("opened" in kind for kind in said(World(text.format(more=", overlap: true")).push(0, both)))
    world = World(text.format(more=""))
    world.push(0, both)
    assert any("opened" in kind for kind in said(world.push(1, step("x", 1, j="b"))))
    twice = World("rules:\n  - name: r\n    match: {steps: {a: labels.k == 'a', b: labels.k == 'a'}, within: 1m}\n")
    twice.push(0, step("a", 0))
    assert any("opened" in kind for kind in said(twice.push(1, step("a", 1))))


def test_steps_that_are_not_joined_come_together_with_whatever_they_meet() -> None:
    text = """rules:
  - name: r
    match:
      steps: {a: labels.k == "a", b: labels.k == "b", c: labels.k == "c"}
      same: {a: labels.h, b: labels.h}
      within: 1m
"""
    world = World(text)
    world.push(0, step("c", 0), step("a", 0, h="x"))
    assert not any("opened" in kind for kind in said(world.push(1, step("b", 1, h="y"))))
    assert any("opened" in kind for kind in said(world.push(2, step("b", 2, h="x"))))


def test_a_condition_over_the_combination_reads_the_signals_of_its_steps() -> None:
    text = steps("within: 1m, where: 'steps.b.measures.n > steps.a.measures.n'")
    world = World(text)
    world.push(0, signal("x", type="log", labels={"k": "a"}, measures={"n": 5.0}))
    assert not any(
        "opened" in kind
        for kind in said(world.push(1, signal("y", 1, type="log", labels={"k": "b"}, measures={"n": 5.0})))
    )
    assert any(
        "opened" in kind
        for kind in said(world.push(2, signal("z", 2, type="log", labels={"k": "b"}, measures={"n": 6.0})))
    )


@pytest.mark.parametrize(
    ("moments", "fires"),
    [((("a", 0), ("b", 5)), [5]), ((("a", 0), ("n", 3), ("b", 5)), []), ((("n", 0), ("a", 1), ("b", 5)), [5])],
)
def test_nothing_of_a_negated_step_may_come_between(moments: tuple[tuple[str, float], ...], fires: list[float]) -> None:
    text = "rules:\n  - name: r\n    match: {steps: {a: labels.k == 'a', n: {not: labels.k == 'n'}, b: labels.k == 'b'}, order: listed, within: 1m}\n"
    assert fired(World(text, Limits(update_every=0)), *moments) == fires


def test_what_must_not_follow_is_waited_for_until_the_end_of_the_window() -> None:
    text = "rules:\n  - name: r\n    match: {steps: {down: labels.k == 'down', up: {not: labels.k == 'up'}}, order: listed, within: 1m}\n"
    world = World(text)
    world.push(0, step("down", 0))
    assert "60s incident.opened" in said(world.tick(99))
    world = World(text)
    world.push(0, step("down", 0))
    world.push(59, step("up", 59))
    assert not any("opened" in kind for kind in said(world.tick(199)))


def test_nothing_of_a_negated_step_may_come_around_steps_in_any_order() -> None:
    text = "rules:\n  - name: r\n    match: {steps: {a: labels.k == 'a', b: labels.k == 'b', n: {not: labels.k == 'n'}}, within: 1m}\n"
    for moments, opened in (
        ((("a", 0), ("b", 5)), True),
        ((("n", 0), ("a", 1), ("b", 5)), False),
        ((("a", 0), ("b", 5), ("n", 30)), False),
    ):
        world = World(text)
        for kind, t in moments:
            world.push(t, step(kind, t))
        assert ("60s incident.opened" in said(world.tick(99))) is opened


def test_a_late_step_completes_what_it_belongs_to() -> None:
    world = World(steps("within: 10s, order: listed"))
    world.push(100, step("b", 100))
    assert any("opened" in kind for kind in said(world.push(101, step("a", 95))))


def test_signals_kept_for_a_step_are_bounded_and_what_goes_is_recorded() -> None:
    world = World(steps("within: 1h"), Limits(step_signals=5))
    for t in range(20):
        world.push(t, step("a", t))
    assert len(world.state.rows["steps/r//"]["of"]["a"]) == 5
    assert [decision.data["count"] for decision in world.tick(90) if decision.kind == "state.evicted"] == [15]


def test_what_was_seen_is_forgotten_when_no_window_reaches_it() -> None:
    world = World(steps("within: 10s"))
    world.push(0, step("a", 0))
    world.tick(10_000)
    assert not any(key.startswith("steps/") for key in world.state.rows)


def test_a_deadline_survives_a_restart() -> None:
    world = World(steps("within: 10s, expect: all"))
    world.push(0, step("b", 0))
    world.restart()
    assert world.engine.next_due(world.state) == at(10)
    assert "10s incident.opened" in said(world.tick(99))


def test_where_each_may_combine_with_each_there_is_an_end_of_trying_and_it_is_recorded() -> None:
    names = "abcdef"
    said = ", ".join(f"{name}: labels.k == 'x'" for name in names)
    world = World(
        f"rules:\n  - {{name: r, match: {{steps: {{{said}}}, within: 1h, combinations: each, where: steps.a.id == 'none'}}}}\n"
    )
    for t in range(60):
        world.push(t, step("x", t))
    lost = [decision for decision in world.tick(200) if decision.kind == "state.evicted"]
    assert [decision.data["by"] for decision in lost] == ["r"]
    assert "combinations of steps/r" in lost[0].data["exemplars"][0]


def completed_by(steps: list[list[Entry]], place: int, fresh: Entry, shape: Shape) -> list[tuple[Entry, ...]]:
    """The plainest model: every choice of one entry for each step, tried."""
    found = []
    for chosen in product(*steps):
        times = [entry.moment for entry in chosen]
        if chosen[place] != fresh or max(times) - min(times) > shape.within:
            continue
        if shape.ordered and times != sorted(times):
            continue
        if shape.overlap or len({entry.tag for entry in chosen}) == len(chosen):
            found.append(chosen)
    return found


@given(
    st.lists(st.lists(st.integers(0, 20), max_size=5), min_size=2, max_size=4),
    st.data(),
    st.booleans(),
    st.booleans(),
    st.integers(1, 12),
)
def test_combinations_are_those_of_the_plainest_model(
    moments: list[list[int]], data: st.DataObject, ordered: bool, overlap: bool, within: int
) -> None:
    # Signals of one moment are one signal that several steps may take.
    steps = [[Entry(moment, str(moment), str(moment)) for moment in sorted(set(listed))] for listed in moments]
    place = data.draw(st.integers(0, len(steps) - 1))
    if not steps[place]:
        return
    fresh, shape = data.draw(st.sampled_from(steps[place])), Shape(within, ordered, overlap)
    expected = completed_by(steps, place, fresh, shape)
    assert sorted(every(steps, place, fresh, shape, Effort(10**6), 10**6)) == sorted(expected)
    one = first(steps, place, fresh, shape, Effort(10**6))
    assert (one in expected) if one is not None else not expected
