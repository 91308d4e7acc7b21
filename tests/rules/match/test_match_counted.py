"""Counts of other rules' firings, values that are lacking, medians: what a match may say beside its kind."""

from __future__ import annotations

import pytest

from rules.load import RulesInvalid, load_texts
from rules.match.measures import measure_of
from tests.support.rule_world import World, signal

CHAIN = """
rules:
  - {name: burst, when: 'labels.k == "a"', group_by: [labels.host, service], match: {count: 2, within: 10s}, opens: false}
  - {name: bursts, group_by: [service], match: {of: [burst], count: 2, within: 1m}}
  - {name: either, when: 'labels.k == "b"', group_by: [service], match: {of: burst, count: 2, within: 1m}}
  - {name: after, match: {steps: {first: {rule: bursts}, then: 'labels.k == "c"'}, same: service, order: listed, within: 1m}}
"""


def opened(w: World, *said: tuple[float, str, str]) -> list[tuple[float, str]]:
    found = []
    for number, (t, k, host) in enumerate(said):
        decisions = w.push(t, signal(f"s{number}", t, labels={"k": k, "host": host}))
        found += [(t, d.actor.removeprefix("rule:")) for d in decisions if d.kind == "incident.opened"]
    return found


def test_firings_of_a_rule_are_counted_each_with_the_signal_that_made_it_fire() -> None:
    w = World(CHAIN)
    assert opened(w, (0, "a", "x"), (1, "a", "x"), (2, "a", "y"), (3, "a", "y"), (9, "c", "")) == [
        (3, "bursts"), (3, "either"), (9, "after"),
    ]  # fmt: skip


def test_signals_that_meet_the_condition_count_beside_them() -> None:
    assert opened(World(CHAIN), (0, "b", ""), (1, "a", "x"), (2, "a", "x")) == [(2, "either")]
    assert opened(World(CHAIN), (0, "b", ""), (1, "b", "")) == [(1, "either")]


def test_stopping_in_between_changes_nothing() -> None:
    w = World(CHAIN)
    assert opened(w, (0, "a", "x"), (1, "a", "x")) == []
    w.restart()
    assert opened(w, (2, "a", "y"), (3, "a", "y")) == [(3, "bursts"), (3, "either")]


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ("{of: nobody, count: 2, within: 1m}", "1:.*: there is no rule 'nobody'"),
        ("{of: it, count: 2, within: 1m}", "in a circle: it -> it"),
        ("{of: off, count: 2, within: 1m}", "'off' is switched off"),
        ("{of: off, absent: 'true', within: 1m}", "'of' belongs to windows"),
        ("{count: 2, again: true, within: 1m}", "'again' belongs to avg"),
        ("{avg: measures.a, is: 2, interpolate: true, within: 1m}", "'interpolate' belongs to 'percentile'"),
    ],
)
def test_what_makes_no_sense_is_told_at_load(match: str, message: str) -> None:
    text = f"rules: [{{name: it, when: 'true', match: {match}}}, {{name: off, when: 'true', enabled: false}}]\n"
    with pytest.raises(RulesInvalid, match=message):
        load_texts({"r.yaml": text})


def test_a_signal_without_the_value_fires_again_what_holds_without_it() -> None:
    text = """
    rules:
      - {name: ips, when: 'type == "log"', group_by: [service], match: {distinct: labels.ip, is: ">= 2", within: 10s, again: true}, opens: false}
      - {name: seen, match: {steps: {a: {rule: ips}, b: 'labels.ip == "never"'}, at_least: 1, within: 1s}, group_by: []}
      - {name: few, when: 'type == "log"', group_by: [labels.x], match: {distinct: labels.ip, is: "< 1", within: 10s, again: true}}
      - {name: mean, when: 'type == "log"', group_by: [service], match: {avg: measures.n, is: "< 1", within: 10s, again: true}}
    """
    w = World(text)
    fired = []
    for t, labels in ((0, {"ip": "a"}), (1, {"ip": "b"}), (2, {}), (11, {}), (12, {"x": "y"})):
        decisions = w.push(t, signal(f"s{t}", t, type="log", labels=labels))
        fired += [
            (t, d.actor.removeprefix("rule:")) for d in decisions if d.kind in ("incident.opened", "incident.updated")
        ]
    assert [t for t, name in fired if name == "seen"] == [1, 2]
    assert [t for t, name in fired if name == "few"] == [12]
    assert not [t for t, name in fired if name == "mean"]


def test_a_median_is_the_mean_of_the_two_in_the_middle() -> None:
    median, rank = measure_of("percentile", 50, interpolate=True), measure_of("percentile", 50)
    assert [median(values) for values in ([1], [3, 1], [1, 9, 2], [4, 1, 3, 2])] == [1, 2, 2, 2.5]
    assert rank([3, 1]) == 1
    assert measure_of("percentile", 90, interpolate=True)([0, 10]) == 9


def test_what_rules_have_counted_is_kept_where_they_say_nothing_new() -> None:
    """The names under which rows are kept, as releases before this one had them."""
    text = """
rules:
  - {name: counted, when: 'type == "log"', group_by: [service], match: {count: ">= 3", within: 5m}}
  - {name: measured, when: 'type == "log"', group_by: [service], match: {percentile: measures.ms, p: 95, is: "> 5", within: 5m}}
  - {name: stepwise, match: {steps: {a: 'labels.x == "1"', b: {rule: counted}}, same: service, within: 5m}}
  - {name: silent, match: {absent: 'type == "check_in"', within: 5m}}
"""
    assert {rule.name: rule.matching.memory for rule in load_texts({"x": text}).rules} == {
        "counted": "176b6cb61a0b03f2",
        "measured": "7aaac971862a6691",
        "stepwise": "3b42b0bce2b4631d",
        "silent": "05301a9ea422996d",
    }
