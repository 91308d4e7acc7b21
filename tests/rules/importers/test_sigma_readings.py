"""Random detections and correlations of Sigma, imported and run, do what a plain reading of the specification says of the same events."""

from __future__ import annotations

import ipaddress
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import cel
from rules.fields import SCHEMA
from rules.importers.importing import read, run_steps
from rules.importers.sigma_detections import detection
from rules.trial.lines import BASE

Event = dict[str, Any]
Timed = tuple[float, Event]

FIELDS = ("a", "b", "n.x")
TEXTS = ("", "x", "X", "xy", "XyZ", "a*b", "axb", "a\\b", "a\\\\b", "-x", " -x", " /x", "1", "1.5", "10.0.0.1", "10.9.9.9", "10.0.0.999",
         "::1", "grün", "GRÜN", "true", "?", "x\ny")  # fmt: skip
VALUES = (*TEXTS, None, 1, 1.5, 2, True, False)
PATTERNS = (
    *TEXTS,
    "x*",
    "*y",
    "*",
    "?",
    "x?",
    "a\\*b",
    "a\\\\*",
    "*\\\\*",
    "a\\b",
    "\\?",
    "X*z",
    "**",
    "*x*",
    "gr?n",
    1,
    1.5,
    2,
    True,
)


# -- a plain reading


def shown(value: object) -> str | None:
    """A value as text; None for what is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def pieces(pattern: str) -> Iterator[str]:
    """A regular expression for each character of a value: a backslash takes the meaning of what follows, if it has one, away."""
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\" and pattern[at + 1 : at + 2] in ("*", "?", "\\") and at + 1 < len(pattern):
            yield re.escape(pattern[at + 1])
            at += 2
            continue
        yield {"*": "(?:.|\n)*", "?": "(?:.|\n)"}.get(pattern[at]) or re.escape(pattern[at])
        at += 1


def wild(text: str, pattern: str, *, cased: bool, before: str = "", after: str = "") -> bool:
    found = re.compile(before + "".join(pieces(pattern)) + after, 0 if cased else re.IGNORECASE)
    return found.fullmatch(text) is not None


def texts_of(value: object) -> list[str]:
    """A value as text, or those of a list's items."""
    if isinstance(value, list):
        return [text for one in value for text in texts_of(one)]
    return [] if (text := shown(value)) is None else [text]


def held(event: Event, name: str) -> tuple[bool, object]:
    """Whether a field is there, and its value."""
    if name in event:
        return True, event[name]
    node: Any = event
    for key in name.split("."):
        if not isinstance(node, dict) or key not in node:
            return False, None
        node = node[key]
    return True, node


def dashed(pattern: str) -> list[str]:
    found = [""]
    for at, character in enumerate(pattern):
        before, after = pattern[at - 1 : at], pattern[at + 1 : at + 2]
        free = character in "-/" and not (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
        found = [one + other for one in found for other in ("-/–—―" if free else character)]  # noqa: RUF001
    return found


def matches(event: Event, name: str, modifiers: list[str], value: object) -> bool:
    there, found = held(event, name)
    if "exists" in modifiers:
        return there is value
    if value is None:
        return found is None
    return any(one_matches(text, event, modifiers, value) for text in texts_of(found))


def one_matches(text: str, event: Event, modifiers: list[str], value: object) -> bool:
    if "fieldref" in modifiers:
        return any(text.lower() == other.lower() for other in texts_of(held(event, str(value))[1]))
    for operator, compare in ORDERS.items():
        if operator in modifiers:
            return re.fullmatch(r"[0-9]+([.][0-9]+)?", text) is not None and compare(float(text), float(str(value)))
    if "cidr" in modifiers:
        try:
            return ipaddress.ip_address(text) in ipaddress.ip_network(str(value))
        except ValueError:
            return False
    if "re" in modifiers:
        return re.search(str(value), text, re.IGNORECASE if "i" in modifiers else 0) is not None
    any_text = "(?:.|\n)*"
    before = any_text if {"contains", "endswith"} & set(modifiers) else ""
    after = any_text if {"contains", "startswith"} & set(modifiers) else ""
    patterns = dashed(str(shown(value))) if "windash" in modifiers else [str(shown(value))]
    return any(wild(text, one, cased="cased" in modifiers, before=before, after=after) for one in patterns)


ORDERS: dict[str, Callable[[float, float], bool]] = {
    "gte": lambda a, b: a >= b, "gt": lambda a, b: a > b, "lte": lambda a, b: a <= b, "lt": lambda a, b: a < b,
}  # fmt: skip


def meets(event: Event, search: object) -> bool:
    if isinstance(search, list):
        return any(meets(event, one) for one in search)
    if not isinstance(search, dict):
        return any(
            wild(text, str(search), cased=False, before="(?:.|\n)*", after="(?:.|\n)*") for text in leaves(event)
        )
    for key, value in search.items():
        name, *modifiers = key.split("|")
        values = value if isinstance(value, list) else [value]
        if not (all if "all" in modifiers else any)(matches(event, name, modifiers, one) for one in values):
            return False
    return True


def leaves(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from leaves(value)
    else:
        yield from texts_of(node)


# -- random ones


def a_value(draw: random.Random) -> object:
    return draw.choice(VALUES) if draw.random() < 0.75 else [draw.choice(VALUES) for _ in range(draw.randrange(4))]


def an_event(draw: random.Random) -> Event:
    event: Event = {name: a_value(draw) for name in ("a", "b") if draw.random() < 0.8}
    if draw.random() < 0.5:
        event["n"] = {"x": a_value(draw)} if draw.random() < 0.7 else draw.choice(VALUES)
    elif draw.random() < 0.5:
        event["n.x"] = draw.choice(VALUES)
    return event


def a_field(draw: random.Random) -> tuple[str, object]:
    name = draw.choice(FIELDS)
    kind = draw.choice(("", "", "", "text", "text", "re", "cidr", "order", "exists", "fieldref", "null", "windash"))
    several = draw.random() < 0.4
    match kind:
        case "re":
            return f"{name}|re{draw.choice(('', '|i'))}", draw.choice(("^x", "y$", "a.b", "[xX]y+", "x|1", "^$"))
        case "cidr":
            return f"{name}|cidr", draw.choice(("10.0.0.0/8", "10.0.0.0/24", "::/16", "10.0.0.1"))
        case "order":
            return f"{name}|{draw.choice(list(ORDERS))}", draw.choice((1, 1.5, 2))
        case "exists":
            return f"{name}|exists", draw.choice((True, False))
        case "fieldref":
            return f"{name}|fieldref", draw.choice(FIELDS)
        case "null":
            return name, [None, draw.choice(PATTERNS)] if several else None
        case "windash":
            return f"{name}|windash|contains", draw.choice(("-x", " -x", "/x", "x-y", "--x"))
    modifiers = draw.choice(("", "|cased")) if not kind else f"|{draw.choice(('contains', 'startswith', 'endswith'))}"
    if kind and draw.random() < 0.3:
        modifiers += "|cased"
    if several and draw.random() < 0.4:
        modifiers += "|all"
    values = [draw.choice(PATTERNS) for _ in range(draw.randrange(2, 4))]
    return f"{name}{modifiers}", values if several else values[0]


def a_search(draw: random.Random) -> object:
    if draw.random() < 0.1:
        return [draw.choice(("x", "X*z", "a\\*b", "1", "gr?n")) for _ in range(draw.randrange(1, 3))]
    made = dict(a_field(draw) for _ in range(draw.randrange(1, 3)))
    return [made, dict([a_field(draw)])] if draw.random() < 0.2 else made


CONDITIONS: dict[str, Callable[[list[bool]], bool]] = {
    "s1": lambda held: held[0],
    "not s1": lambda held: not held[0],
    "s1 and not s2": lambda held: held[0] and not held[1],
    "s1 or s2 and s3": lambda held: held[0] or (held[1] and held[2]),
    "not (s1 or s2)": lambda held: not (held[0] or held[1]),
    "1 of s*": any,
    "all of s*": all,
    "2 of them": lambda held: sum(held) >= 2,
    "not 1 of s*": lambda held: not any(held),
    "s1 and not all of s*": lambda held: held[0] and not all(held),
    "NOT s1 AND NOT s2": lambda held: not held[0] and not held[1],
}


@settings(max_examples=1500, deadline=None)
@given(draw=st.integers(0, 2**48).map(random.Random))
def test_a_detection_matches_what_the_specification_says(draw: random.Random) -> None:
    searches = {f"s{number}": a_search(draw) for number in (1, 2, 3)}
    condition = draw.choice(list(CONDITIONS))
    made = detection({**searches, "condition": condition})
    compiled = cel.compile(made, schema=SCHEMA)
    for _ in range(8):
        event = an_event(draw)
        expected = CONDITIONS[condition]([meets(event, search) for search in searches.values()])
        found = compiled.matches({"raw": event, "body": "", "title": ""})
        assert found == expected, (condition, searches, event, made)


# -- correlations

DETECTIONS = "".join(
    f"title: {name}\nname: {name}\ndetection: {{s: {{k|contains: {name}}}, condition: s}}\n---\n" for name in "abc"
)
SPAN = 5
OPERATORS: dict[str, Callable[[float, float], bool]] = {**ORDERS, "eq": lambda a, b: a == b, "neq": lambda a, b: a != b}


def some_events(draw: random.Random) -> list[Timed]:
    found: list[Timed] = []
    t = 0.0
    for _ in range(draw.randrange(4, 26)):
        t += draw.choice((0, 1, 1, 2, 5, 6))
        # One event may be of several rules at once.
        event: Event = {
            "k": draw.choice(("a", "b", "c", "ab", "z")),
            "v": draw.choice(("1", "2", "3", "X", "x")),
            "i": len(found),
        }
        event["n"] = draw.choice((0, 1, 2, 2.5, "3"))
        for field in ("u", "w"):
            if draw.random() < 0.85:
                event[field] = draw.choice(("p", "q"))
        for field in ("v", "n"):
            if draw.random() < 0.2:
                del event[field]
        if draw.random() < 0.05:
            event["u"] = None
        found.append((t, event))
    return found


class Reading:
    """One correlation, read plainly: what came is looked at again with each member event."""

    def __init__(
        self, kind: str, rules: list[str], keys: list[str], condition: dict[str, Any], words: str = ""
    ) -> None:
        self.kind, self.rules, self.keys, self.condition, self.words = kind, rules, keys, condition, words
        self.seen: list[tuple[float, set[str], tuple[object, ...], Event]] = []

    def hear(self, t: float, names: set[str], event: Event) -> bool:
        """Whether it fires when an event comes that the rules of these names matched."""
        of, key = names & set(self.rules), tuple(event.get(name) for name in self.keys)
        if not of or None in key:
            return False
        self.seen.append((t, of, key, event))
        window = [one for one in self.seen if one[0] >= t - SPAN and one[2] == key]
        match self.kind:
            case "event_count":
                return self.holds(len(window))
            case "value_count":
                return self.holds(len({one[3]["v"] for one in window if "v" in one[3]}))
            case "value_sum" | "value_avg" | "value_median":
                numbers = sorted(float(one[3]["n"]) for one in window if "n" in one[3])
                if not numbers:
                    return self.kind == "value_sum" and self.holds(0)
                middle = (numbers[(len(numbers) - 1) // 2] + numbers[len(numbers) // 2]) / 2
                total = sum(numbers)
                return self.holds(
                    {"value_sum": total, "value_avg": total / len(numbers), "value_median": middle}[self.kind]
                )
            case "temporal":
                matched = {name for one in window for name in one[1]}
                if self.words:
                    return WORDS[self.words](*(name in matched for name in self.rules))
                return self.holds(len(matched))
        return self.ordered(window, -1.0, self.rules)

    def ordered(
        self, window: list[tuple[float, set[str], tuple[object, ...], Event]], since: float, rules: list[str]
    ) -> bool:
        if not rules:
            return True
        times = [t for t, names, _, _ in window if rules[0] in names and t >= since]
        return bool(times) and self.ordered(window, min(times), rules[1:])

    def holds(self, number: float) -> bool:
        return all(
            OPERATORS[operator](number, bound) for operator, bound in self.condition.items() if operator in OPERATORS
        )


WORDS: dict[str, Callable[..., bool]] = {
    "{0} and not {1}": lambda x, y, *_: x and not y,
    "not {0} or {1}": lambda x, y, *_: not x or y,
    "NOT ({0} AND {1})": lambda x, y, *_: not (x and y),
    "{0} or {1} and not {2}": lambda x, y, z: x or (y and not z),
    "({0} or {1}) and not {2}": lambda x, y, z: (x or y) and not z,
    "{0} and ({1} or {2})": lambda x, y, z: x and (y or z),
    "{1}": lambda _, y, *__: y,
}


def a_correlation(draw: random.Random, rules: list[str]) -> tuple[str, Reading]:
    kind = draw.choice(
        ("event_count", "value_count", "value_sum", "value_avg", "value_median", "temporal", "temporal_ordered")
    )
    words = ""
    if kind.startswith("temporal"):
        rules = draw.sample(rules, draw.randrange(2, len(rules) + 1))
        condition: dict[str, Any] = {"gte": draw.randrange(1, len(rules) + 1) if kind == "temporal" else len(rules)}
        if kind == "temporal" and draw.random() < 0.4:
            condition = {draw.choice(list(OPERATORS)): draw.randrange(0, len(rules) + 1)}
        elif kind == "temporal" and draw.random() < 0.5:
            words = draw.choice([words for words in WORDS if "{2}" not in words or len(rules) == 3])
    else:
        rules = draw.sample(rules, draw.randrange(1, 3))
        condition = {draw.choice(list(OPERATORS)): draw.randrange(1, 5)}
        if draw.random() < 0.2:
            condition = {"gte": 2, "lt": 4}
        if kind != "event_count":
            condition["field"] = "v" if kind == "value_count" else "n"
    keys = draw.choice(([], ["u"], ["u", "w"]))
    said = {"type": kind, "rules": rules, "group-by": keys, "timespan": f"{SPAN}s",
            "condition": words.format(*rules) if words else condition}  # fmt: skip
    return json.dumps(said), Reading(kind, rules, keys, condition, words)


@settings(max_examples=400, deadline=None)
@given(draw=st.integers(0, 2**48).map(random.Random))
def test_a_correlation_fires_as_the_specification_says(draw: random.Random) -> None:
    said, reading = a_correlation(draw, ["a", "b", "c"])
    text = f"{DETECTIONS}title: it\nname: it\ncorrelation: {said}\n"
    events = some_events(draw)
    expected = [t for t, event in events if reading.hear(t, {name for name in "abc" if name in event["k"]}, event)]
    assert fired(text, events) == expected, (said, events)


@settings(max_examples=300, deadline=None)
@given(draw=st.integers(0, 2**48).map(random.Random))
def test_a_correlation_of_a_correlation_hears_each_of_its_firings(draw: random.Random) -> None:
    inner_said, inner = a_correlation(draw, ["a", "b"])
    said, outer = a_correlation(draw, ["m", "c"])
    if "m" not in outer.rules or outer.kind.startswith("value"):
        said, outer = json.dumps({"type": "event_count", "rules": ["m"], "group-by": ["u"], "timespan": "5s",
                                  "condition": {"gte": 2}}), Reading("event_count", ["m"], ["u"], {"gte": 2})  # fmt: skip
    text = f"{DETECTIONS}title: m\nname: m\ncorrelation: {inner_said}\n---\ntitle: it\nname: it\ncorrelation: {said}\n"
    events = some_events(draw)
    expected = []
    for t, event in events:
        names = {name for name in "abc" if name in event["k"]}
        fires = inner.hear(t, names, event)
        # Once for the event itself, once for what fired with it.
        heard = [outer.hear(t, names, event), fires and outer.hear(t, {"m"}, event)]
        if any(heard):
            expected.append(t)
    assert sorted(set(fired(text, events))) == sorted(set(expected)), (inner_said, said, events)


def fired(text: str, events: list[Timed]) -> list[float]:
    steps = "\n".join(json.dumps({"t": t, "event": event}) for t, event in events)
    return [line["t"] for line in run_steps("sigma", text, "s.yml", steps, base=BASE) if line["rule"] == "it"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{type: event_count, rules: [a], timespan: 5s, condition: {gte: 100000}}", "whole numbers up to 10000"),
        ("{type: event_count, rules: [a], timespan: 900d, condition: {gte: 2}}", "400d"),
        ("{type: value_percentile, rules: [a], timespan: 5s, condition: {field: n, percentile: 101, gte: 2}}", "less than or equal to 100"),
    ],
)  # fmt: skip
def test_what_our_language_cannot_hold_is_left_out_and_the_rest_runs(given: str, words: str) -> None:
    text = f"{DETECTIONS}title: it\nname: it\ncorrelation: {given}\n---\ntitle: other\nname: other\ndetection: {{s: {{k: z}}, condition: s}}\n"
    item = next(item for item in read("sigma", text, "s.yml").items if item.name == "it")
    assert item.rule is None
    assert any(words in note for note in item.notes), item.notes
    steps = '{"t": 0, "event": {"k": "z"}}'
    assert [line["rule"] for line in run_steps("sigma", text, "s.yml", steps, base=BASE)] == ["other"]
