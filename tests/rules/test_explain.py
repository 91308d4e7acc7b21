"""Explanations: each part with its verdict, and how far a window is."""

import pytest

from rules.explain import explain
from schemas.time import to_rfc3339
from tests.support.rule_world import World, at, batch, command, signal

RULES = """rules:
  - name: burst
    when: type == "log" && (severity == "error" || labels.forced == "yes")
    group_by: [service]
    match: {count: ">= 20", within: 5m}
  - name: pages
    when: 'type == "alert" && labels.team == "pay" && !(service == "search")'
"""


def test_a_window_that_is_not_full_says_how_full_it_is() -> None:
    world = World(RULES)
    world.push(0, batch("b", 0, *[("error", "x")] * 11))
    line = batch("c", 1, ("error", "x")).signal(0).model_dump(mode="json", exclude_none=True)
    explained = explain(world.engine.ruleset, line, world.state, at(1))
    burst = explained.rules[0]
    assert (burst.matched, burst.acts) == (True, False)
    assert burst.window == "12 of 20 in 5m with this signal (count >= 20)"
    assert burst.group == {"service": "checkout"}
    assert "too few: 12 of 20" in explained.render()
    assert "no rule acts on it" in explained.render()
    assert world.state.rows["window/burst/8/checkout"]["times"] == [at(0)] * 11


def test_the_part_that_is_false_and_the_part_that_errs_are_named() -> None:
    world = World(RULES)
    fields = signal("a", service="search").model_dump(mode="json", exclude_none=True)
    pages = explain(world.engine.ruleset, fields, None, at(0)).rules[1]
    assert [(part.text, part.holds, part.error is not None) for part in pages.parts] == [
        ('type == "alert"', True, False),
        ('labels.team == "pay"', False, True),
        ('!(service == "search")', False, False),
    ]
    assert "team" in pages.reason


def test_the_open_incident_of_the_group_is_named() -> None:
    world = World(RULES)
    world.push(0, signal("a", labels={"team": "pay"}))
    fields = signal("a", 1, labels={"team": "pay"}).model_dump(mode="json", exclude_none=True)
    pages = explain(world.engine.ruleset, fields, world.state, at(1)).rules[1]
    assert pages.acts
    assert pages.incident == f"{next(iter(world.state.incidents))}, open, 1 signals"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "resolved"}, "opens nothing; it ends"),
        ({"type": "change"}, "unless the condition asks for the type"),
    ],
)
def test_why_a_matching_rule_leaves_a_signal_alone(fields: dict[str, str], reason: str) -> None:
    world = World("rules:\n  - {name: r, when: service == 'checkout'}\n")
    plain = signal("a", **fields).model_dump(mode="json", exclude_none=True)
    verdict = explain(world.engine.ruleset, plain, world.state, at(0)).rules[0]
    assert (verdict.matched, verdict.acts) == (True, False)
    assert reason in verdict.reason


def test_a_signal_seen_before_or_silenced_is_said_to_be() -> None:
    world = World(RULES)
    world.push(0, signal("a"), command("silence", matcher="type == 'alert'", until=to_rfc3339(at(60))))
    text = explain(world.engine.ruleset, signal("a").model_dump(mode="json"), world.state, at(1)).render()
    assert "seen before" in text
    assert "silenced by sil_" in text


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("when: own == false, unless: service == 'checkout'", "unless holds: service == 'checkout'"),
        ("when: own == false, for: 5m", "it has to stay true for 5m"),
        ("when: own == false, opens: false", "it opens nothing (opens: false), and serves as a step"),
        (
            "match: {absent: own == false, within: 10m}",
            "it is heard as expected; the rule fires when it is not for 10m",
        ),
        (
            "match: {steps: {a: own == false, b: own}, within: 10m}",
            "it is the step a; the rule fires when the others come with it",
        ),
        (
            "when: own == false, match: {sum: measures.n, is: '> 5', within: 10m}",
            "not reached: 2 of 5 in 10m with this signal (sum > 5)",
        ),
        (
            "when: own == false, match: {sum: measures.x, is: '> 5', within: 10m}",
            "the signal has no value 'measures.x' to be measured",
        ),
    ],
)
def test_what_several_signals_silence_and_time_would_make_of_it_is_said(said: str, reason: str) -> None:
    world = World(f"rules:\n  - {{name: r, {said}}}\n")
    fields = signal("a", measures={"n": 2.0}).model_dump(mode="json", exclude_none=True)
    verdict = explain(world.engine.ruleset, fields, world.state, at(0)).rules[0]
    assert verdict.matched
    assert verdict.reason == reason


def test_terms_that_come_out_of_a_macro_are_shown_as_what_they_are() -> None:
    world = World(
        "macros: {long_name_of_it: type == 'alert' && labels.team == 'pay', x: long_name_of_it}\nrules: [{name: a, when: x}]\n"
    )
    fields = signal("a").model_dump(mode="json", exclude_none=True)
    (found,) = explain(world.engine.ruleset, fields, None, at(0)).rules
    assert [(part.text, part.holds) for part in found.parts] == [
        ('type == "alert"', True),
        ('labels.team == "pay"', False),
    ]
