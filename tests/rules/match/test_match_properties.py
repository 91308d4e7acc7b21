"""What must hold of every rule and every stream: stops, redeliveries, splits by key and the order of rules change nothing."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.load import load_texts
from schemas.decision import Decision
from schemas.signal import Signal
from tests.support.rule_world import World, signal

LOCAL = """
  - {name: plain, when: type == "alert", group_by: [service], resolve_after: 40s, playbook: p}
  - {name: lasting, when: type == "alert" && severity == "error", group_by: [service], for: 7s}
  - {name: burst, when: type == "error", group_by: [service], match: {count: 3, within: 10s}, resolve_after: 20s}
  - {name: steady, when: type == "error", group_by: [service], match: {count: 2, within: 10s}, for: 5s, resolve_after: 15s}
  - {name: users, when: type == "error", group_by: [service], match: {distinct: labels.u, is: ">= 2", within: 15s}, resolve_after: 9s}
  - {name: load, when: type == "error", group_by: [service], match: {sum: measures.n, is: "> 5", within: 15s, span: tumbling}, resolve_after: 9s}
  - {name: chat, when: type == "error", group_by: [service], match: {count: 3, within: 5s, span: session}, resolve_after: 9s}
  - {name: both, group_by: [service], match: {steps: {a: labels.u == "a", b: labels.u == "b"}, order: listed, within: 12s}, resolve_after: 9s}
  - {name: apart, group_by: [service], match: {steps: {a: labels.u == "a", b: labels.u == "b"}, within: 12s, combinations: each, consume: true}, resolve_after: 9s}
  - {name: stuck, group_by: [service], match: {steps: {a: labels.u == "a", b: labels.u == "c"}, expect: all, within: 6s}, resolve_after: 9s}
  - {name: down, group_by: [service], match: {steps: {a: labels.u == "b", n: {not: labels.u == "a"}}, order: listed, within: 6s}, resolve_after: 9s}
  - {name: after, group_by: [service], match: {steps: {x: {rule: burst}, y: type == "alert"}, within: 20s}, resolve_after: 9s}
  - {name: quiet, group_by: [service], match: {absent: type == "error", within: 30s}}
  - {name: odd, when: type == "error", unless: labels.u == "c", group_by: [service], resolve_after: 9s, enrich: {labels.big: 'measures.n > 2.0 ? "yes" : "no"'}}
"""
FACTS = """
  - {name: sets, when: labels.u == "a", group_by: [service], set_fact: {last: {value: measures.n, key: service, for: 20s}}, resolve_after: 9s}
  - {name: reads, when: 'service in fact.last && fact.last[service] > 1.0', group_by: [service], resolve_after: 9s}
"""
RULES = "rules:" + LOCAL + FACTS
SERVICES = ("pay", "find")

moments = st.lists(
    st.tuples(
        st.sampled_from((0, 0, 1, 1, 1, 2, 3, 5, 9, 25)),  # seconds since the one before
        st.sampled_from(SERVICES),
        st.sampled_from(("alert", "error")),
        st.sampled_from(("firing", "firing", "resolved")),
        st.sampled_from("abc"),
        st.integers(0, 4),
        st.integers(-12, 2),  # how late it is
    ),
    min_size=25,
    max_size=60,
)


def stream(said: list[tuple[Any, ...]]) -> list[tuple[int, Signal]]:
    """Signals with the second of their acceptance."""
    t, found = 0, []
    for number, (gap, service, kind, status, user, amount, late) in enumerate(said):
        t += gap
        name = f"{service}-{user}" if kind == "alert" else f"{number}"
        found.append(
            (
                t,
                signal(
                    name, max(0, t + late), type=kind, status=status, service=service, group_key=f"{service}-{user}",
                    labels={"u": user}, measures={"n": float(amount)}, revision=f"{number}",
                    severity="error" if amount else "critical",
                ),
            )
        )  # fmt: skip
    return found


def run(world: World, signals: list[tuple[int, Signal]], end: int = 600) -> list[Decision]:
    out = [decision for t, one in signals for decision in world.push(t, one)]
    return out + world.tick(end)


def content(decision: Decision, *without: str) -> tuple[Any, ...]:
    """All of a decision but the versions of what decided, and figures that a property leaves open."""
    data = dict(decision.data)
    if "incident" in data:
        data["incident"] = {name: value for name, value in data["incident"].items() if name not in without}
    return decision.id, decision.at, decision.kind, decision.because, decision.cause, repr(sorted(data.items()))


@settings(max_examples=60, deadline=None)
@given(moments, st.one_of(st.just(set(range(60))), st.sets(st.integers(0, 60))))
def test_stopping_and_restoring_anywhere_changes_nothing(said: list[tuple[Any, ...]], stops: set[int]) -> None:
    whole, stopped = World(RULES), World(RULES)
    expected, found = [], []
    for number, (t, one) in enumerate(stream(said)):
        expected += whole.push(t, one)
        found += stopped.push(t, one)
        if number in stops:
            stopped.restart()
    stopped.restart()
    assert found + stopped.tick(600) == expected + whole.tick(600)


@settings(max_examples=40, deadline=None)
@given(moments, st.integers(1, 3))
def test_redelivery_changes_nothing(said: list[tuple[Any, ...]], times: int) -> None:
    once, again = World(RULES), World(RULES)
    signals = stream(said)
    expected = [content(one, "duplicates") for one in run(once, signals)]
    twice = run(again, [pair for pair in signals for _ in range(times)])
    assert [content(one, "duplicates") for one in twice if one.kind != "signal.deduplicated"] == expected


@settings(max_examples=40, deadline=None)
@given(moments)
def test_splitting_by_key_and_merging_changes_nothing_for_rules_local_to_a_key(said: list[tuple[Any, ...]]) -> None:
    text = "rules:" + LOCAL
    signals = stream(said)
    whole = run(World(text), signals)
    parts: list[Decision] = []
    for service in SERVICES:
        world = World(text)
        for t, one in signals:
            # Time passes for every part alike.
            parts += world.push(t, one) if one.service == service else world.tick(t)
        parts += world.tick(600)

    def told(decisions: list[Decision]) -> list[tuple[Any, ...]]:
        return sorted(content(one) for one in decisions if not one.kind.startswith("signal."))

    def counted(decisions: list[Decision]) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for one in decisions:
            if one.kind.startswith("signal."):
                found[one.data["reason"], one.data.get("by", "")] += one.data["count"]
        return found

    assert told(parts) == told(whole)
    assert counted(parts) == counted(whole)


@settings(max_examples=40, deadline=None)
@given(moments, st.randoms(use_true_random=False))
def test_the_order_of_rules_matters_for_the_order_of_decisions_alone(said: list[tuple[Any, ...]], chance: Any) -> None:
    lines = (LOCAL + FACTS).strip("\n").split("\n")
    chance.shuffle(lines)
    signals = stream(said)
    expected = run(World(RULES), signals)
    found = run(World("rules:\n" + "\n".join(lines)), signals)
    assert sorted(map(content, found)) == sorted(map(content, expected))


def test_the_properties_reach_what_they_are_about() -> None:
    """A stream of this kind makes every rule fire."""
    fired: set[str] = set()
    text = [(3, "pay", "error", "firing", "abc"[n % 3], 3, 0) for n in range(12)]
    text += [
        (2, "pay", "alert", "firing", "a", 1, 0),
        (9, "pay", "error", "firing", "b", 3, 0),
        (20, "pay", "error", "firing", "a", 3, 0),
    ]
    text += [(1, "pay", "error", "firing", "a", 3, 0)] * 4
    for decision in run(World(RULES), stream(text)):
        if decision.kind == "incident.opened":
            fired.add(decision.data["incident"]["rule"])
    assert fired == {rule.name for rule in load_texts({"r.yaml": RULES}).rules}


@pytest.mark.parametrize("field", ["within", "count", "is"])
def test_a_rule_that_counts_to_another_number_keeps_what_it_counted(field: str) -> None:
    match = {"within": ("{count: 2, within: 10s}", "{count: 2, within: 20s}"), "count": ("{count: 2, within: 1m}", "{count: 3, within: 1m}"),
             "is": ("{sum: measures.n, is: '> 1', within: 1m}", "{sum: measures.n, is: '> 2', within: 1m}")}[field]  # fmt: skip
    one, other = (load_texts({"r.yaml": f"rules: [{{name: a, when: own, match: {said}}}]"}).rules[0] for said in match)
    assert one.version != other.version
    assert one.matching.memory == other.matching.memory
