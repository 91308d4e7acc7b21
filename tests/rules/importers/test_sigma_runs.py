"""Sigma's correlations, imported and run on random events, fire when a plain reading of the specification says so."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.importers.importing import run_steps
from rules.trial.lines import BASE

Event = dict[str, Any]
Members = list[tuple[float, Event]]

DETECTIONS = """
title: A
name: a
detection: {s: {k: a}, condition: s}
---
title: B
name: b
detection: {s: {k: b}, condition: s}
---
"""


def fires(correlation: str, events: Members) -> list[float]:
    text = f"{DETECTIONS}title: it\nname: it\ncorrelation: {{group-by: [user], timespan: 5s, {correlation}}}\n"
    steps = "\n".join(json.dumps({"t": t, "event": event}) for t, event in events)
    return [line["t"] for line in run_steps("sigma", text, "s.yml", steps, base=BASE) if line["rule"] == "it"]


def by_reading(events: Members, kinds: str, holds: Callable[[Members], bool]) -> list[float]:
    """At each member event: whether the condition holds of the members of its group in the last five seconds, both ends included."""
    found = []
    members: Members = []
    for t, event in events:
        if event["k"] in kinds and "user" in event:
            members.append((t, event))
            window = [(at, one) for at, one in members if at >= t - 5 and one["user"] == event["user"]]
            if holds(window):
                found.append(t)
    return found


def events(draw: random.Random) -> Members:
    found: Members = []
    t = 0.0
    for _ in range(draw.randrange(3, 25)):
        t += draw.choice((0, 1, 1, 2, 5, 6))
        event = {
            "k": draw.choice("abc"),
            "user": draw.choice("uv"),
            "ip": draw.choice("123"),
            "n": draw.randrange(5),
            "i": len(found),
        }
        if draw.random() < 0.15:
            del event["user"]
        found.append((t, event))
    return found


def times(window: Members, kind: str) -> list[float]:
    return [t for t, event in window if event["k"] == kind]


CORRELATIONS: dict[str, tuple[str, str, Callable[[Members], bool]]] = {
    "count": ("type: event_count, rules: [a], condition: {gte: 3}", "a", lambda window: len(window) >= 3),
    "count of two rules": ("type: event_count, rules: [a, b], condition: {gt: 3}", "ab", lambda window: len(window) > 3),
    "exactly": ("type: event_count, rules: [a], condition: {eq: 2}", "a", lambda window: len(window) == 2),
    "fewer": ("type: event_count, rules: [a], condition: {lt: 3}", "a", lambda window: len(window) < 3),
    "range": ("type: event_count, rules: [a], condition: {gte: 2, lt: 4}", "a", lambda window: 2 <= len(window) < 4),
    "values": (
        "type: value_count, rules: [a], condition: {field: ip, gte: 2}", "a",
        lambda window: len({event["ip"] for _, event in window}) >= 2,
    ),
    "sum": ("type: value_sum, rules: [a], condition: {field: n, gt: 5}", "a", lambda window: sum(event["n"] for _, event in window) > 5),
    "mean": (
        "type: value_avg, rules: [a], condition: {field: n, gte: 2}", "a",
        lambda window: sum(event["n"] for _, event in window) / len(window) >= 2,
    ),
    "together": ("type: temporal, rules: [a, b]", "ab", lambda window: bool(times(window, "a") and times(window, "b"))),
    "in order": (
        "type: temporal_ordered, rules: [a, b]", "ab",
        lambda window: any(first <= second for first in times(window, "a") for second in times(window, "b")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRELATIONS)
@settings(max_examples=60, deadline=None)
@given(draw=st.integers(0, 2**48).map(random.Random))
def test_a_correlation_fires_when_the_specification_says_so(name: str, draw: random.Random) -> None:
    correlation, kinds, holds = CORRELATIONS[name]
    given_events = events(draw)
    assert fires(correlation, given_events) == by_reading(given_events, kinds, holds)
