"""Files of Sigma and Keep with anything in any place are read: what makes no sense is left out with its reason, and counted; nothing breaks."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.importers.importing import read, run_steps
from rules.importers.sheet import NotImportable
from rules.importers.systems import System
from rules.importers.written import write
from rules.trial.lines import BASE

ODD: tuple[Any, ...] = (
    None, 1, 1.5, True, -1, 1e30, "x", "", "a and", "a|b", "*", "r(", "(?<=a)b", "{0}", "{{ x }}", "10.0.0.0/99", "5x", "1h", "a", "b", "m",
    "1 of x*", "not a and (b or m)", 'r"a.*"', 'r"(', "severity > 'info'", "a ==", "labels.a.b == null", [], ["a"], {}, {"a": 1}, ["a", None], [["a"]],
    [{"key": "a", "value": "b"}], {"key": "name", "value": "x"},
)  # fmt: skip
KEYS = (
    "type", "condition", "timespan", "rules", "k|re", "k|cidr", "|all", "k|gt", "k|hour", "aliases", "group-by", "generate", "filter", "correlation",
    "action", "level", "logsource", "k|exists", "k|fieldref", "k|expand", "cel", "filters", "only_on_change", "severity_changed", "exclude", "steps", "odd",
)  # fmt: skip


def detection(name: str) -> dict[str, Any]:
    search = {"s": {"k": name, "v|contains|all": ["a", "b"]}, "t": [{"k|re": "a.*"}, "word"]}
    return {
        "title": name,
        "name": name,
        "logsource": {"product": "x"},
        "level": "high",
        "detection": {**search, "condition": "s or 1 of t*"},
    }


def correlation(kind: str, condition: object) -> list[dict[str, Any]]:
    said = {
        "type": kind,
        "rules": ["a", "b"],
        "group-by": ["u"],
        "timespan": "5m",
        "condition": condition,
        "aliases": {"u": {"a": "x", "b": "y"}},
    }
    outer = {"type": "event_count", "rules": ["m"], "group-by": ["u"], "timespan": "1h", "condition": {"gte": 1}}
    return [
        detection("a"), detection("b"), {"title": "m", "name": "m", "correlation": said}, {"title": "o", "correlation": outer},
        {"title": "f", "logsource": {"product": "x"}, "filter": {"rules": ["a"], "s": {"u": "x"}, "condition": "not s"}},
    ]  # fmt: skip


FILES: list[tuple[System, Any]] = [
    ("sigma", correlation("value_count", {"gte": 2, "field": ["u", "v"]})),
    ("sigma", correlation("temporal", "a and not b")),
    ("sigma", correlation("temporal_ordered", None)),
    ("sigma", correlation("value_percentile", {"field": "v", "gte": 2, "percentile": 90})),
    ("keep", {"workflow": {
        "id": "w", "owners": ["a"], "disabled": False, "on-failure": {"provider": {"type": "x"}},
        "triggers": [{"type": "alert", "cel": 'severity == "critical"', "only_on_change": ["status"]}, {"type": "incident", "events": ["created"]},
                     {"type": "alert", "filters": [{"key": "source", "value": 'r"a.*"', "exclude": True}], "severity_changed": True}],
        "actions": [{"name": "a", "if": "x", "condition": [{"type": "assert"}], "provider": {"type": "y", "with": {"enrich_alert": [{"key": "k"}]}}}]}}),
    ("keep", {"rules": [{"ruleName": "r", "celQuery": '(source == "a") || (source == "b")', "timeframeInSeconds": 60, "groupingCriteria": ["labels.h"],
                         "threshold": 2, "createOn": "all"}],
              "deduplication_rules": [{"name": "d", "fingerprint_fields": ["name"], "ignore_fields": ["x"], "provider_type": "x"}],
              "maintenance_windows": [{"name": "m", "cel_query": 'name == "a"', "start_time": "2026-01-01T00:00:00", "duration_seconds": 60}]}),
]  # fmt: skip


def mangled(draw: random.Random, node: Any) -> Any:
    if isinstance(node, dict):
        found = {key: mangled(draw, value) for key, value in node.items() if draw.random() > 0.03}
        if found and draw.random() < 0.12:
            found[draw.choice(list(found))] = draw.choice(ODD)
        if draw.random() < 0.06:
            found[draw.choice(KEYS)] = draw.choice(ODD)
        return found
    if isinstance(node, list):
        return [*(mangled(draw, one) for one in node), *([draw.choice(ODD)] if draw.random() < 0.1 else [])]
    return draw.choice(ODD) if draw.random() < 0.1 else node


@pytest.mark.parametrize(("system", "content"), FILES)
@settings(max_examples=40, deadline=None)
@given(draw=st.integers(0, 2**48).map(random.Random))
def test_a_mangled_file_is_read_or_refused(system: System, content: Any, draw: random.Random) -> None:
    given = mangled(draw, content)
    text = "\n---\n".join(map(json.dumps, given)) if isinstance(given, list) else json.dumps(given)
    step = {"k": draw.choice("ab"), "v": draw.choice(["ab", 1, None, [1, "ab"], {"x": 1}]), "u": draw.choice(["x", None, "", ["y"]]),
            "severity": draw.choice(["critical", None]), "source": draw.choice([["x"], "x", []]), "fingerprint": draw.choice(["f", None, 3])}  # fmt: skip
    steps = "\n".join(json.dumps({"t": t, ("alert" if system == "keep" else "event"): step}) for t in range(3))
    try:
        sheet = read(system, text, "f")
        list(run_steps(system, text, "f", steps, base=BASE))
    except NotImportable:
        return
    things = [item for top in sheet.items for item in top.walk() if item.counted]
    assert sum(sheet.counts.values()) == len(things)
    for item in things:
        # Whatever is not there says why.
        assert item.rule is not None or item.inside or item.notes, item
    assert write(sheet).count("Left out: ") == sheet.counts["left_out"] + sum(
        not item.counted and item.rule is None and not item.inside for item in sheet.items
    )
