"""What the specification of Sigma's correlations says, row by row, as imported rules do it."""

from __future__ import annotations

import json
from typing import Any

from rules.importers.importing import run_steps
from rules.trial.lines import BASE

A = "{title: A, name: a, detection: {s: {k: a}, condition: s}}"
B = "{title: B, name: b, detection: {s: {k: b}, condition: s}}"
Event = dict[str, Any]


def correlation(name: str, said: str, group: str = "user") -> str:
    return f"{{title: {name}, name: {name}, correlation: {{group-by: [{group}], timespan: 10s, {said}}}}}"


def fired(text: list[str], *events: tuple[float, Event], of: str = "it") -> list[float]:
    steps = "\n".join(json.dumps({"t": t, **({"signal": e} if "raw" in e else {"event": e})}) for t, e in events)
    lines = run_steps("sigma", "\n---\n".join(text), "s.yml", steps, base=BASE)
    return [line["t"] for line in lines if line["rule"] == of]


def a(t: float, **more: Any) -> tuple[float, Event]:
    return t, {"k": "a", "user": "u", "i": t, **more}


def b(t: float, **more: Any) -> tuple[float, Event]:
    return t, {"k": "b", "user": "u", "i": t, **more}


def counts(condition: str) -> list[str]:
    return [A, correlation("it", f"type: event_count, rules: [a], condition: {{{condition}}}")]


def test_window() -> None:
    """Sliding, both ends inside: 0, 5, 10 s are within ten seconds and 0, 5, 11 are not; no fixed buckets."""
    assert fired(counts("gte: 3"), a(0), a(5), a(10)) == [10]
    assert fired(counts("gte: 3"), a(0), a(5), a(11)) == []
    assert fired(counts("gte: 3"), a(8), a(9), a(12)) == [12]


def test_firing() -> None:
    """On every member event while it holds; `eq: 2` once in passing, `lt: 3` at the first and the second; several operators at once."""
    assert fired(counts("gte: 2"), a(0), a(1), a(2)) == [1, 2]
    assert fired(counts("eq: 2"), a(0), a(1), a(2)) == [1]
    assert fired(counts("lt: 3"), a(0), a(1), a(2)) == [0, 1]
    assert fired(counts("gte: 2, lt: 4"), a(0), a(1), a(2), a(3)) == [1, 2]


def test_value_count() -> None:
    """Different values as text, case and all; what lacks the field is not counted; sums, means and percentiles likewise."""

    def of(kind: str, condition: str) -> list[str]:
        return [A, correlation("it", f"type: {kind}, rules: [a], condition: {{{condition}}}")]

    values = of("value_count", "field: ip, gte: 2")
    assert fired(values, a(0, ip="x"), a(1, ip="x"), a(2, ip="X")) == [2]
    assert fired(values, a(0, ip="x"), a(1), a(2)) == []
    # What lacks the field is looked at all the same: two values are there still.
    assert fired(values, a(0, ip="x"), a(1, ip="y"), a(2), a(10.5)) == [1, 2]
    assert fired(of("value_sum", "field: n, gt: 4"), a(0, n=2), a(1, n=3)) == [1]
    assert fired(of("value_avg", "field: n, gte: 3"), a(0, n=2), a(1, n=4)) == [1]
    assert fired(of("value_percentile", "field: n, percentile: 50, gte: 3"), a(0, n=1), a(1, n=3), a(2, n=3)) == [2]


def test_temporal() -> None:
    """All rules within the span, in any order; so many of them where it says so."""
    assert fired([A, B, correlation("it", "type: temporal, rules: [a, b]")], b(0), a(10)) == [10]
    assert fired([A, B, correlation("it", "type: temporal, rules: [a, b]")], b(0), a(10.001)) == []
    assert fired([A, B, correlation("it", "type: temporal, rules: [a, b], condition: {gte: 1}")], b(0)) == [0]


def test_temporal_ordered() -> None:
    """In the order of `rules`; equal times are ordered either way; b, a, b holds at the second b."""
    made = [A, B, correlation("it", "type: temporal_ordered, rules: [a, b]")]
    assert fired(made, a(0), b(1)) == [1]
    assert fired(made, b(0), a(1)) == []
    assert fired(made, b(0), a(0)) == [0]
    assert fired(made, b(0), a(1), b(2)) == [2]


def test_group_by_and_aliases() -> None:
    """All fields must be equal, by the name each rule has for them; an event without one is no member."""
    both = [A, correlation("it", "type: event_count, rules: [a], condition: {gte: 2}", "user, host")]
    assert fired(both, a(0, host="h"), a(1, host="g"), a(2, host="h")) == [2]
    assert fired(both, a(0), a(1)) == []
    said = "type: temporal, rules: [a, b], aliases: {who: {a: user, b: login}}"
    assert fired([A, B, correlation("it", said, "who")], a(0), (1, {"k": "b", "login": "u"})) == [1]


def test_chaining() -> None:
    """A correlation of correlations goes by its own group alone."""
    many = correlation("many", "type: event_count, rules: [a], condition: {gte: 2}", "user, host")
    outer = correlation("it", "type: temporal, rules: [many, b]", "user")
    assert fired([A, B, many, outer], a(0, host="h"), a(1, host="h"), b(2, host="g")) == [2]
    assert fired([A, B, many, outer], a(0, host="h"), a(1, host="g"), b(2, host="g")) == []


def test_out_of_order() -> None:
    """An event that arrives late is put in its place and looks at the windows it belongs to, at none that it does not."""

    def late(t: float, seen: float) -> tuple[float, Event]:
        return t, {"raw": {"k": "a", "user": "u", "i": t}, "source": "event", "type": "log", "occurred_at": seen}

    assert fired(counts("gte: 3"), late(0, 0), late(9, 9), late(15, 5)) == [15]
    assert fired(counts("gte: 3"), late(0, 0), late(12, 12), late(15, 1)) == []


def test_generate() -> None:
    """What a correlation refers to fires by itself only where it says so."""
    said = "type: event_count, rules: [a], condition: {gte: 2}"
    assert fired([A, correlation("it", said)], a(0), of="a") == []
    assert fired([A, correlation("it", f"{said}, generate: true")], a(0), of="a") == [0]
