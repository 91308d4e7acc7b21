"""What ansible-rulebook does, row by row, as its rules do it once imported: windows, throttles, facts, consumption."""

from __future__ import annotations

import json
from typing import Any

from rules.importers.importing import read, run_steps
from rules.trial.lines import BASE
from schemas.time import SECOND

X, Y = "event.x == 1", "event.y == 2"
NOTHING = {"none": {}}


def fired(
    rules: list[dict[str, Any]],
    *events: tuple[float, dict[str, Any]],
    until: float = 10_000,
    mended: bool = False,
    **ruleset: Any,
) -> list[Any]:
    """(time, rule, numbers of the events) of each firing; a fact or its end stands for itself."""
    given = [{"name": "s", "hosts": "all", "rules": [{"action": NOTHING, **rule} for rule in rules], **ruleset}]
    steps = [{"t": t, **(event if event.keys() & {"fact", "retract"} else {"event": event})} for t, event in events]
    lines = run_steps("ansible-rulebook", json.dumps(given), "r.yml", "\n".join(map(json.dumps, steps)), base=BASE,
                      until=BASE + round(until * SECOND), mended=mended)  # fmt: skip
    return [(line["t"], line["rule"], [one["index"] for one in line["signals"]]) for line in lines]


def rule(condition: object, name: str = "r", **more: Any) -> dict[str, Any]:
    return {"name": name, "condition": condition, **more}


def throttled(kind: str, span: str, **more: Any) -> dict[str, Any]:
    return rule(X, throttle={kind: span, "group_by_attributes": ["event.k"], **more})


def x(**more: Any) -> dict[str, Any]:
    return {"x": 1, **more}


def test_time() -> None:
    """Arrival alone counts, whatever the payload says of time."""
    made = [rule({"all": [X, Y], "timeout": "10 seconds"})]
    late = {"y": 2, "timestamp": "1999-01-01T00:00:00Z"}
    assert fired(made, (0, x()), (10, late)) == [(10.0, "r", [0, 1])]
    assert fired(made, (0, x()), (10.001, late)) == []


def test_consumption() -> None:
    """The first rule that matches takes the event; a rule of several events still sees it; or all rules see all events."""
    single, other, both = rule(X, "a"), rule("event.k == 1", "b"), rule({"all": [X, Y]}, "c")
    assert fired([single, other], (0, x(k=1))) == [(0.0, "a", [0])]
    assert fired([single, other, both], (0, x(k=1)), (1, {"y": 2})) == [(0.0, "a", [0]), (1.0, "c", [0, 1])]
    assert fired([single, other], (0, x(k=1)), match_multiple_rules=True) == [(0.0, "a", [0]), (0.0, "b", [0])]


def test_any() -> None:
    """One firing for each event, also where it satisfies both steps."""
    assert fired([rule({"any": [X, Y]})], (0, x(y=2)), (1, {"y": 2}), (2, {"z": 1})) == [
        (0.0, "r", [0]),
        (1.0, "r", [1]),
    ]


def test_all() -> None:
    """Steps in any order, every combination, then consumed; partial matches live two hours."""
    made = [rule({"all": [X, Y]})]
    assert fired(made, (0, {"y": 2}), (1, x())) == [(1.0, "r", [1, 0])]
    assert fired(made, (0, x()), (1, x()), (2, {"y": 2}), (3, {"y": 2})) == [(2.0, "r", [0, 2]), (2.0, "r", [1, 2])]
    assert fired(made, (0, x()), (7200, {"y": 2})) == [(7200.0, "r", [0, 1])]
    assert fired(made, (0, x()), (7201, {"y": 2})) == []
    assert fired(made, (0, x()), (1, x()), (2, {"y": 2}), (3, {"y": 2}), match_multiple_rules=True) == [
        (2.0, "r", [0, 2]),
        (2.0, "r", [1, 2]),
        (3.0, "r", [0, 3]),
        (3.0, "r", [1, 3]),
    ]


def test_all_knows_events_no_longer_than_they_live_whatever_the_timeout() -> None:
    for timeout, ttl, last in (
        ("3 hours", "2 hours", 7199),
        ("10 seconds", "5 seconds", 4),
        ("5 seconds", "1 minute", 5),
    ):
        made = [rule({"all": [X, Y], "timeout": timeout})]
        assert len(fired(made, (0, x()), (last, {"y": 2}), default_events_ttl=ttl)) == 1
        assert fired(made, (0, x()), (last + 2, {"y": 2}), default_events_ttl=ttl) == []


def test_all_loses_an_event_that_satisfies_two_steps_unless_mended() -> None:
    """There it is lost where it waits for no other one: a defect, repeated in so many words, and taken out by `--mended`."""
    made = [rule({"all": [X, Y]})]
    assert fired(made, (0, x(y=2)), (1, {"y": 2})) == []
    assert fired(made, (0, {"y": 2}), (1, x(y=2))) == [(1.0, "r", [1, 0])]
    assert fired(made, (0, x(y=2)), (1, {"y": 2}), mended=True) == [(1.0, "r", [0, 1])]
    assert fired(made, (0, x(y=2)), (1, {"y": 2}), match_multiple_rules=True) == [(1.0, "r", [0, 1])]


def test_all_joins_through_events() -> None:
    made = [rule({"all": [f"events.first << {X}", f"event.host == events.first.host and {Y}"]})]
    assert fired(made, (0, x(host="a")), (1, {"y": 2, "host": "b"}), (2, {"y": 2}), (3, {"y": 2, "host": "a"})) == [
        (3.0, "r", [0, 3])
    ]


def test_all_compares_events_otherwise() -> None:
    made = [rule({"all": ["events.first << event.x == 1", "event.y == 2 and event.n > events.first.n"]})]
    assert fired(made, (0, x(n=5)), (1, {"y": 2, "n": 4}), (2, {"y": 2, "n": 6})) == [(2.0, "r", [0, 2])]
    assert fired(made, (0, {"y": 2, "n": 6}), (1, x(n=5))) == [(1.0, "r", [1, 0])]


def test_not_all() -> None:
    """Fires once at the end of the window that the first step opens, about that one; complete before it, or nothing seen, is silence."""
    made = [rule({"not_all": [X, Y], "timeout": "10 seconds"})]
    assert fired(made, (5, x())) == [(15.0, "r", [0])]
    assert fired(made, (5, x()), (6, x())) == [(15.0, "r", [0])]
    assert fired(made, (5, x()), (14.999, {"y": 2})) == []
    assert fired(made, (5, x()), (15, {"y": 2}))[0] == (15.0, "r", [0])
    assert fired(made, (5, {"z": 1})) == []


def test_not_all_fires_for_each_window_and_an_event_stands_for_one_condition() -> None:
    made = [rule({"not_all": [X, Y, "event.z == 3"], "timeout": "10 seconds"})]
    assert fired(made, (0, x()), (20, {"y": 2}), (40, x())) == [
        (10.0, "r", [0]),
        (30.0, "r", [1]),
        (50.0, "r", [2]),
    ]
    assert fired(made, (0, x(y=2, z=3))) == [(10.0, "r", [0])]
    assert fired(made, (0, x(y=2)), (1, x()), (5, {"z": 3})) == []


def test_once_within() -> None:
    """The first of a key, then none before its time is over; a key that is absent is never held, null is a key."""
    made = [throttled("once_within", "10 seconds")]
    assert fired(made, (0, x(k=1)), (9.999, x(k=1)), (10, x(k=1)), (11, x(k=2))) == [
        (0.0, "r", [0]),
        (10.0, "r", [2]),
        (11.0, "r", [3]),
    ]
    assert len(fired(made, (0, x()), (1, x()))) == 2
    assert len(fired(made, (0, x(k=None)), (1, x(k=None)))) == 1


def test_once_after() -> None:
    """One window for the rule; at its end one firing with the first event of each key, and every one without a key."""
    made = [throttled("once_after", "10 seconds")]
    assert fired(made, (0, x(k=1)), (1, x(k=1)), (2, x(k=2)), (3, x()), (4, x())) == [(10.0, "r", [0, 2, 3, 4])]


def test_accumulate_within() -> None:
    """The event that makes the number full, alone; fewer are dropped; a window begins with its first event; no key, no count."""
    made = [throttled("accumulate_within", "10 seconds", threshold=2)]
    assert fired(made, (0, x(k=1)), (9, x(k=1)), (9.5, x(k=1))) == [(9.0, "r", [1])]
    assert fired(made, (0, x(k=1)), (10, x(k=1)), (11, x(k=1))) == [(11.0, "r", [2])]
    assert fired(made, (0, x()), (1, x())) == []


def test_throttles() -> None:
    """With one condition alone; of several, the rule is left out with its reason."""
    made = {**throttled("once_within", "10 seconds"), "condition": {"all": [X, Y]}}
    assert fired([made], (0, x()), (1, {"y": 2})) == []


def test_facts() -> None:
    """Never consumed, taken back by name."""
    made = [rule({"all": ["fact.mode == 'on'", X]})]
    on, off = {"fact": {"mode": "on"}}, {"retract": {"mode": "on"}}
    assert fired(made, (0, x()), (1, on), (2, x()), (3, x()), (4, off), (5, x())) == [(2.0, "r", [2]), (3.0, "r", [3])]


def test_actions() -> None:
    """set_fact of one rule is heard by the conditions of another from the next event on."""
    first = {"name": "a", "condition": X, "action": {"set_fact": {"fact": {"mode": "on"}}}}
    assert [
        line[:2] for line in fired([first, rule("fact.mode == 'on' and event.y == 2", "b")], (0, x()), (1, {"y": 2}))
    ] == [
        (0.0, "a"),
        (1.0, "b"),
    ]


def test_what_is_not_defined_fires_when_no_event_is_known_that_has_it() -> None:
    made = [rule("event.n is not defined")]
    assert fired(made, (5, x()), (6, {"n": 1}), (7, x())) == [(0.1, "r", []), (7206.0, "r", [])]
    assert fired(made, (0, {"n": 1}), (7, x()), until=100) == []
    assert fired(made, (0, x()), (7, x()), until=100) == [(0.0, "r", [])]


def test_encrypted_values_are_read_over() -> None:
    text = """
- name: s
  hosts: all
  sources: [{ansible.eda.webhook: {token: !vault "$ANSIBLE_VAULT;1.1;AES256 31"}}]
  rules:
    - name: r
      condition: event.x == 1
      action: {debug: {msg: !vault "$ANSIBLE_VAULT;1.1;AES256 31"}}
"""
    assert [item.rule is not None for item in read("ansible-rulebook", text, "r.yml").items] == [False, True]


def test_conditions_with_missing_fields_or_other_kinds() -> None:
    """Every comparison with what is missing, or across kinds, is false, `!=` and `not` included."""
    for source in ("event.gone != 1", "not (event.gone == 1)", "event.text > 5", "event.text != 7"):
        assert fired([rule(source)], (0, {"text": "7"})) == []
