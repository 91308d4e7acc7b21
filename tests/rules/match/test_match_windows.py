"""Windows over the values of signals, as a rule file says them and as the engine decides by them."""

from typing import Any

import pytest

from rules.limits import Limits
from schemas.decision import Decision
from tests.support.rule_world import World, said, signal


def rule(match: str, **more: str) -> str:
    lines = [f"    {key}: {value}\n" for key, value in {"group_by": "[service]", **more}.items()]
    return f"rules:\n  - name: r\n    when: type == 'log'\n    match: {match}\n{''.join(lines)}"


def fired(world: World, *times: float, **fields: Any) -> list[float]:
    """The times at which the rule fires, the first and every further one."""
    found = []
    for number, t in enumerate(times):
        values = {name: said[number] if isinstance(said, list) else said for name, said in fields.items()}
        out = world.push(t, signal(f"n{number}", t, type="log", **values))
        if any(_fires(decision) for decision in out):
            found.append(t)
    return found


def _fires(decision: Decision) -> bool:
    return decision.kind in ("incident.opened", "incident.reopened") or "fired" in decision.data.get("changes", ())


def world_of(match: str, **more: str) -> World:
    return World(rule(match, **more), Limits(update_every=0))


def counted(world: World, t: float, reason: str) -> int:
    """How many signals were counted as such by `t`."""
    return sum(decision.data["count"] for decision in world.tick(t) if decision.data.get("reason") == reason)


def test_a_window_holds_both_of_its_ends_and_fires_on_every_member_while_it_holds() -> None:
    """rules.md 1.5, window and firing: gte 3 in 10 s fires at 0, 5, 10 and not at 0, 5, 11."""
    assert fired(world_of("{count: '>= 3', within: 10s}"), 0, 5, 10, 12) == [10, 12]
    assert fired(world_of("{count: '>= 3', within: 10s}"), 0, 5, 11) == []


def test_equal_fires_once_in_passing_and_less_than_fires_below() -> None:
    """rules.md 1.5, firing: eq 2 fires once in passing, lt 3 at 1 and 2; several operators AND."""
    assert fired(world_of("{count: '== 2', within: 1m}"), 0, 1, 2, 3) == [1]
    assert fired(world_of("{count: '< 3', within: 1m}"), 0, 1, 2, 3) == [0, 1]
    assert fired(world_of("{count: '>= 2, < 4', within: 1m}"), 0, 1, 2, 3) == [1, 2]
    assert fired(world_of("{count: ['>= 2', '!= 3'], within: 1m}"), 0, 1, 2, 3) == [1, 3]


def test_distinct_values_are_case_sensitive_text_and_signals_without_one_are_no_members() -> None:
    """rules.md 1.5, value_count."""
    world = world_of("{distinct: labels.user, is: '>= 3', within: 1m}")
    users = [{"user": "a"}, {"user": "A"}, {"user": "a"}, {}, {"user": "b"}]
    assert fired(world, 0, 1, 2, 3, 4, labels=users) == [4]
    assert counted(world, 90, "no_value") == 1
    assert fired(world_of("{distinct: labels.user, count: '>= 2', within: 1m}"), 0, 1, labels=users[:2]) == [1]


@pytest.mark.parametrize(
    ("match", "fires"),
    [
        ("{sum: measures.ms, is: '> 100', within: 1m}", [2, 3]),
        ("{avg: measures.ms, is: '>= 50', within: 1m}", [1, 2]),
        ("{max: measures.ms, is: '>= 80', within: 1m}", [1, 2, 3]),
        ("{min: measures.ms, is: '< 20', within: 1m}", [3]),
        ("{percentile: measures.ms, p: 50, is: '>= 60', within: 1m}", [2]),
        ("{percentile: measures.ms, p: 100, is: '>= 60', within: 1m}", [1, 2, 3]),
    ],
)
def test_values_are_measured(match: str, fires: list[float]) -> None:
    """rules.md 1.5, value_count: also sum, average and percentile."""
    values = [{"ms": 20.0}, {"ms": 80.0}, {"ms": 60.0}, {"ms": 10.0}]
    assert fired(world_of(match), 0, 1, 2, 3, measures=values) == fires


def test_a_rate_is_signals_in_its_unit_of_time() -> None:
    assert fired(world_of("{rate: '>= 30/m', within: 10s}"), 0, 1, 2, 3, 4, 5) == [4, 5]


def test_what_is_no_number_is_not_measured_and_that_is_said() -> None:
    world = world_of("{sum: raw.n, is: '> 1', within: 1m}")
    raw = [{"n": "9"}, {"n": True}, {"n": 1}, {"n": 1.5}, {}]
    assert fired(world, 0, 1, 2, 3, 4, raw=raw) == [3]
    assert counted(world, 90, "no_value") == 3


def test_tumbling_windows_are_laid_end_to_end() -> None:
    """rules.md 1.5, window: fixed buckets where they are asked for."""
    assert fired(world_of("{count: '>= 2', within: 1m, span: tumbling}"), 50, 70, 119.999, 120, 130) == [119.999, 130]


def test_a_session_lasts_while_no_gap_is_longer() -> None:
    """rules.md 1.4, correlation rule: the time frame is a session gap."""
    sessions = world_of("{count: '>= 3', within: 10s, span: session}", reopen_within="0")
    assert fired(sessions, 0, 10, 20, 31, 41, 51) == [20, 51]
    assert fired(world_of("{distinct: labels.h, is: '>= 2', within: 10s, span: session}"), 0, 10, 20,
                 labels=[{"h": "a"}, {"h": "a"}, {"h": "b"}]) == [20]  # fmt: skip


def test_signals_with_no_key_at_all_are_no_members_of_any_group() -> None:
    """rules.md 1.5, group-by: no key = not a member, counted."""
    world = World(rule("{count: '>= 2', within: 1m}", group_by="[labels.user]"))
    assert world.push(0, *(signal(f"n{n}", type="log") for n in range(5))) == []
    assert counted(world, 60, "no_key") == 5


def test_a_late_signal_is_put_in_its_place_and_evaluates_the_windows_it_touches() -> None:
    """rules.md 1.5, out of order."""
    world = world_of("{count: '>= 3', within: 10s}")
    assert world.push(0, signal("a", 0, type="log")) == []
    world.push(100, signal("c", 18, type="log"))
    assert said(world.push(101, signal("b", 9, type="log"))) == []
    assert said(world.push(102, signal("d", 10, type="log")))[0] == "102s incident.opened"


def test_a_signal_later_than_allowed_is_not_counted_and_that_is_said() -> None:
    world = World("lateness: {default: 10s, slow: 5m}\n" + rule("{count: '>= 2', within: 10m}"))
    world.push(100, signal("a", 100, type="log"))
    assert world.push(101, signal("b", 89, type="log")) == []
    assert counted(world, 170, "late") == 1
    assert "170s incident.opened" in said(world.push(170, signal("c", 89, type="log", source="slow")))


def test_a_signal_from_the_future_counts_as_of_now() -> None:
    world = world_of("{count: '>= 2', within: 10s}")
    world.push(0, signal("a", 86_400, type="log"))
    assert "5s incident.opened" in said(world.push(5, signal("b", 5, type="log")))


def test_values_kept_are_bounded_and_what_goes_is_recorded() -> None:
    world = World(rule("{sum: measures.ms, is: '> 1e9', within: 1h}"), Limits(window_values=10))
    world.push(0, *(signal(f"n{n}", type="log", measures={"ms": 1.0}) for n in range(25)))
    lost = [decision for decision in world.tick(60) if decision.kind == "state.evicted"]
    assert [(decision.data["count"], decision.data["by"]) for decision in lost] == [(15, "r")]
    assert len(world.state.rows["window/r/8/checkout"]["values"]) == 10


def test_distinct_values_that_come_again_and_again_take_no_room() -> None:
    world = World(rule("{distinct: labels.h, is: '>= 99', within: 1h}"), Limits(window_values=50))
    for t in range(0, 3000, 10):
        world.push(t, signal(f"n{t}", t, type="log", labels={"h": f"h{t % 7}"}))
    row = world.state.rows["window/r/8/checkout"]
    assert len(row["values"]) <= 50
    assert set(row["values"]) == {f"h{n}" for n in range(7)}
    assert "window_signals" not in world.state.evicted


def test_one_rule_cannot_put_the_windows_of_another_out_of_memory() -> None:
    text = rule("{count: 2, within: 1h}", group_by="[labels.h]") + rule("{count: 2, within: 1h}").split("\n", 1)[
        1
    ].replace("name: r", "name: calm")
    world = World(text, Limits(keys_of_rule=3))
    world.push(0, signal("first", type="log", labels={"h": "x"}))
    world.push(1, *(signal(f"n{n}", 1, type="log", service="other", labels={"h": f"h{n}"}) for n in range(9)))
    assert sorted(key for key in world.state.rows if key.startswith("window/")) == [
        "window/calm/5/other", "window/calm/8/checkout", "window/r/2/h6", "window/r/2/h7", "window/r/2/h8",
    ]  # fmt: skip
    lost = [decision for decision in world.tick(90) if decision.kind == "state.evicted"]
    assert [(decision.data["count"], decision.data["by"]) for decision in lost] == [(7, "r")]
