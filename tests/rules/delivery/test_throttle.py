"""Throttles: how often one key is told of, in spans `[t0, t0 + W)` of time of acceptance."""

from typing import Any

import pytest

from rules.limits import Limits
from rules.load import RulesInvalid
from schemas.decision import Decision
from schemas.time import to_rfc3339
from tests.support.rule_world import T0, World, at, command, rules, signal


def world(throttle: str, more: str = "group_by: [id]") -> World:
    return World(f"rules:\n  - {{name: r, when: type == 'error', {more}, playbook: p, throttle: {throttle}}}\n")


def event(name: str, t: float, **raw: Any) -> Any:
    return signal(name, t, type="error", raw=raw)


def told(decisions: list[Decision], names: dict[str, str]) -> list[tuple[float, list[str]]]:
    return [
        ((d.at - T0) / 1e6, [names[one] for one in d.data["signal_ids"]])
        for d in decisions
        if d.kind == "playbook.selected"
    ]


def run(world: World, *events: tuple[float, dict[str, Any]], until: float = 10_000) -> list[tuple[float, list[str]]]:
    names, out = {}, []
    for number, (t, raw) in enumerate(events):
        record = event(f"e{number}", t, **raw)
        names[record.id] = f"e{number}"
        out += world.push(t, record)
    return told([*out, *world.tick(until)], names)


A, B = {"host": "a"}, {"host": "b"}


def test_ansible_once_within_tells_the_first_and_then_nothing_for_its_span() -> None:
    events = [(0, A), (5, A), (5, B), (59.999, A), (60, A), (100, A)]
    assert run(world("{once_within: 60s, by: raw.host}"), *events) == [(0, ["e0"]), (5, ["e2"]), (60, ["e4"])]


def test_ansible_once_within_lets_pass_what_lacks_the_key_and_takes_null_as_a_key() -> None:
    events: list[tuple[float, dict[str, Any]]] = [(0, {}), (1, {}), (2, {"host": None}), (3, {"host": None})]
    assert run(world("{once_within: 60s, by: raw.host}"), *events) == [(0, ["e0"]), (1, ["e1"]), (2, ["e2"])]


def test_ansible_once_after_tells_at_the_end_of_one_window_the_first_of_each_key() -> None:
    events = [(0, A), (10, B), (20, A), (59, {"host": "c"}), (60, A), (61, B)]
    assert run(world("{once_after: 60s, by: raw.host}"), *events) == [(60, ["e0", "e1", "e3"]), (120, ["e4", "e5"])]


def test_ansible_once_after_takes_each_that_lacks_the_key_for_itself() -> None:
    assert run(world("{once_after: 60s, by: raw.host}"), (0, {}), (1, {}), (2, A)) == [(60, ["e0", "e1", "e2"])]


def test_ansible_accumulate_within_tells_the_last_of_so_many_and_drops_fewer() -> None:
    events = [(0, A), (10, A), (20, B), (50, A), (55, A), (100, A), (120, A), (130, A), (170, A)]
    # a: 0, 10, 50 are three; 55 opens anew, and 100 is its second; at 120 its span is over (55 + 60 = 115).
    assert run(world("{accumulate_within: 60s, count: 3, by: raw.host}"), *events) == [(50, ["e3"]), (170, ["e8"])]


def test_ansible_accumulate_within_never_fires_for_what_lacks_the_key() -> None:
    assert run(world("{accumulate_within: 60s, count: 2, by: raw.host}"), (0, {}), (1, {}), (2, {})) == []


def test_without_keys_of_its_own_a_throttle_is_for_each_group() -> None:
    found = run(world("{once_within: 60s}", more="group_by: [raw.host]"), (0, A), (5, A), (5, B), (61, A))
    assert found == [(0, ["e0"]), (5, ["e2"])], (
        "the third of a is skipped: the first investigation of its incident runs"
    )


def test_what_is_throttled_is_counted_and_said_once_with_its_end() -> None:
    throttled = world("{once_within: 1h, by: raw.host}")
    for number in range(5):
        out = throttled.push(number, event(f"e{number}", number, host="a"))
        held = [d for d in out if d.kind == "playbook.held"]
        assert [d.data["until"] for d in held] == ([to_rfc3339(at(3600))] if number == 1 else [])
    counted = [d for d in throttled.tick(3700) if d.kind == "signal.suppressed"]
    assert [(d.data["reason"], d.data["by"], d.data["count"]) for d in counted] == [("throttle", "r", 4)]
    assert counted[0].because == "4 signals within 3s came within the span of a throttle (rule r)"


def test_a_hold_does_not_use_the_throttle_up() -> None:
    throttled = World(
        "rules:\n  - {name: r, when: type == 'alert', group_by: [service], playbook: p, throttle: {once_within: 1h}}\n"
    )
    throttled.push(0, command("silence", 0, matcher="service == 'checkout'", until=to_rfc3339(at(600))))
    throttled.push(10, signal("a", 10))
    assert [d.kind for d in throttled.tick(700) if d.kind.startswith("playbook")] == ["playbook.selected"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{once_within: 5m, once_after: 5m}", "found once_within and once_after"),
        ("{by: [service]}", "found none of them"),
        ("{accumulate_within: 5m}", "which needs it"),
        ("{once_within: 5m, count: 3}", "'count' belongs to accumulate_within"),
        ("{once_within: 5m, by: [lables.x]}", "did you mean 'labels'"),
    ],
)
def test_a_throttle_that_says_too_much_or_too_little_is_refused(said: str, message: str) -> None:
    with pytest.raises(RulesInvalid, match=message):
        world(said)


def test_a_rule_that_waits_has_no_throttle() -> None:
    with pytest.raises(RulesInvalid, match="say group_interval instead of once_within"):
        rules("rules:\n  - {name: r, when: 'true', group_wait: 30s, throttle: {once_within: 5m}}\n")


def test_rehearsals_use_up_no_throttle_of_what_is_real() -> None:
    throttled = world("{once_within: 60s, by: raw.host}")
    kinds = [
        [d.kind for d in throttled.push(t, signal(f"e{t}", t, type="error", raw=A, rehearsal=t == 0))] for t in (0, 1)
    ]
    assert ["playbook.selected" in each for each in kinds] == [True, True]


def test_keys_of_a_throttle_are_bounded_and_what_is_let_go_is_said() -> None:
    throttled = World(
        "rules:\n  - {name: r, when: type == 'error', group_by: [id], playbook: p, throttle: {once_within: 1h, by: raw.host}}\n",
        Limits(keys_of_rule=10),
    )
    for number in range(50):
        throttled.push(number, event(f"e{number}", number, host=str(number)))
    assert len([key for key in throttled.state.rows if key.startswith("throttle/")]) == 10
    assert [d.data["count"] for d in throttled.tick(500) if d.kind == "state.evicted"] == [40]
