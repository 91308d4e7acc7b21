"""What a new incident joins is found without looking at every open set, and is what looking at every one of them finds."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.correlation import sets
from rules.correlation.learnt import LEAST, Past, no_past, remember
from rules.correlation.relating import Relations
from rules.correlation.terms import Newcomer
from rules.limits import Limits
from rules.load import load_texts
from tests.support.rule_world import World, at, signal

SERVICES = [f"s{number}" for number in range(12)]
TOPOLOGY = "services:\n" + "".join(
    f"  s{number}: {{depends_on: [s{(number * 5 + 3) % 12}, s{(number + 1) % 12}]}}\n" for number in range(9)
)
WAYS = """
  - {by: labels.c, within: 2m}
  - {by: [labels.c, labels.d], within: 10m}
  - {services: 0, within: 5m}
  - {services: 1, within: 5m}
  - {services: 2, learnt: true, by: labels.d, within: 5m}
  - {change: 5m, within: 10m}
  - {services: 1, change: 20m, within: 5m}
  - {weighed: true, within: 5m}
  - {weighed: true, by: [labels.c, labels.d, labels.e], within: 20m}
  - {weighed: true, learnt: true, services: 1, by: labels.c}
  - {weighed: true, by: labels.d, apart: [labels.c, labels.e], within: 20m}
  - {services: 1, apart: labels.c, within: 20m}
"""
RULES = f"""
rules:
  - name: all
    when: type == "alert"
    group_by: [service, labels.n]
    correlate:
      {WAYS.strip().replace(chr(10), chr(10) + "    ")}
"""
JOINING = """
rules:
  - {name: some, when: type == "alert", group_by: [service, labels.n], correlate: [{by: [labels.c, labels.d], within: 1m}, {weighed: true, by: [labels.c, labels.d], within: 3m}]}
"""
RULESET = load_texts({"r.yaml": RULES, "topology:topology.yaml": TOPOLOGY})


def some_world(draw: random.Random, t: float) -> tuple[World, float]:
    """A world in which much is open, of which some belongs together; and what time it is."""
    joining = load_texts({"r.yaml": JOINING, "topology:topology.yaml": TOPOLOGY})
    w = World(ruleset=joining, limits=Limits(correlated=draw.choice((1000, 20))))
    for number in range(draw.randrange(5, 60)):
        t += draw.choice((0.1, 1, 5, 20))
        labels = {"n": str(number if draw.random() < 0.9 else 0), "alertname": draw.choice("xyz")}
        labels |= {name: draw.choice("12") for name in "cde" if draw.random() < 0.6}
        kind = {"type": "change", "status": "info"} if draw.random() < 0.1 else {}
        fields: dict[str, Any] = {"service": draw.choice([*SERVICES, None]), "labels": labels, **kind}
        if draw.random() < 0.1:
            fields["status"] = "resolved"
        w.push(t, signal(f"a{number}", max(0, t - draw.choice((0, 0, 60))), **fields))
    return w, t


def some_past(draw: random.Random) -> Past:
    past = no_past()
    for _ in range(draw.randrange(0, 2 * LEAST)):
        remember(past, draw.sample(SERVICES, 3))
    return past


def naive(relations: Relations, way: Any, w: World, side: str, newcomer: Newcomer, past: Past | None) -> Any:
    found = []
    for key in list(w.state.sets):
        known = w.state.rows[key]
        related = relations.related(way, known, newcomer, past)
        if known["side"] == side and related is not None:
            found.append(((related.weight, known["last"], known["lead"]), related))
    return max(found, key=lambda each: each[0], default=None)


@settings(max_examples=150, deadline=None)
@given(draw=st.integers(0, 2**48).map(random.Random))
def test_the_set_that_is_found_is_the_one_that_looking_at_each_finds(draw: random.Random) -> None:
    w, t = some_world(draw, 2000)
    restored = World(ruleset=w.engine.ruleset)
    w.save()
    restored.rows = w.rows
    restored.restart()
    relations, past = RULESET.relations, draw.choice((None, some_past(draw)))
    assert relations is not None
    rule = RULESET.rules[0]
    for number in range(6):
        labels = {name: draw.choice("12") for name in "cde" if draw.random() < 0.7} | {"alertname": draw.choice("xyz")}
        moment = at(t + draw.choice((-30, 0, 10, 100, 400)))
        service = draw.choice([*SERVICES, ""])
        fields = {"title": "t", "labels": labels, "service": service}
        changes = (w.state.rows.get(sets.CHANGES + "real") or {"late": []})["late"]
        newcomer = relations.newcomer(f"new{number}", moment, fields, service, changes)
        for way in rule.ways:
            expected = naive(relations, way, w, "real", newcomer, past)
            for state in (w.state, restored.state):
                state.sets.learnt("real")
                found = relations.best(way, state.sets, state.rows, "real", newcomer, past)
                assert (found and (found[0]["lead"], found[1])) == (expected and (expected[0][2], expected[1])), (
                    way.said
                )
            assert relations.best(way, w.state.sets, w.state.rows, "rehearsal", newcomer, past) is None


def test_the_streams_reach_what_they_are_about() -> None:
    """Sets of several incidents, ways that find one and ways that find none."""
    found: set[bool] = set()
    members = 0
    for seed in range(20):
        draw = random.Random(seed)
        w, t = some_world(draw, 2000)
        members = max(members, *(len(w.state.rows[key]["alerts"]) for key in w.state.sets))
        relations = RULESET.relations
        assert relations is not None
        newcomer = relations.newcomer("new", at(t), {"title": "t", "labels": {"c": "1"}}, "s1", [])
        found |= {naive(relations, way, w, "real", newcomer, None) is not None for way in RULESET.rules[0].ways}
    assert found == {True, False}
    assert members > 2
