"""The JSON Schemas of rule files, test files and topology.yaml take what the loader takes: each value alone and each list of one, of every key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from rules.correlation.topology import Topology
from rules.formatting import formatted
from rules.model import RuleFile
from rules.trial.cases import CaseFile

RULE: dict[str, Any] = {"name": "a", "when": "true"}
STEPS: dict[str, Any] = {"steps": {"a": "true", "b": "false"}, "within": "5m"}
VALUED: dict[str, Any] = {"distinct": "service", "is": ">= 2", "within": "5m"}
COUNTED: dict[str, Any] = {"count": 2, "within": "5m"}

AROUND: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        ("same", "where", "holds", "order", "expect", "at_least", "combinations", "consume", "doubles", "overlap"),
        STEPS,
    ),
    **dict.fromkeys(("is", "again"), VALUED),
    **dict.fromkeys(("of", "within", "span"), COUNTED),
    **{key: {"is": 1, "within": "5m"} for key in ("sum", "avg", "min", "max")},
    **{
        key: {"percentile": "measures.a", "p": 50, "is": 1, "within": "5m"}
        for key in ("percentile", "p", "interpolate")
    },
    "distinct": VALUED,
    "at_once": {"absent": "true", "within": "5m"},
}
THROTTLED: dict[str, dict[str, Any]] = {
    "count": {"accumulate_within": "5m"},
    "accumulate_within": {"count": 2},
    "by": {"once_within": "5m"},
}

# What stands around a key of each part, and the smallest value of each key. Every key of every part is here, or the test fails.
PARTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "RuleFile": (
        lambda key, value: {key: value},
        {"times": {"t": []}, "defaults": {"owner": "x"}, "macros": {"m": "true"}, "constants": {"c": 1}, "include": "other.yaml",
         "lateness": {"default": "5m"}, "dedup": {"sentry": {}}, "storm": {}, "rules": []},
    ),
    "Rule": (
        lambda key, value: {"rules": [{**RULE, key: value}]},
        {"name": "b", "description": "x", "when": "true", "unless": "false", "group_by": "service", "match": COUNTED, "for": "5m",
         "enrich": {"labels.a": "service"}, "playbook": "p", "priority": 1, "severity": "error", "owner": "x", "labels": {"a": "b"},
         "annotations": {"a": "b"}, "set_fact": {"a": "true"}, "opens": False, "resolve_after": "5m", "reopen_within": "5m",
         "group_wait": "5m", "group_interval": "5m", "repeat_interval": "5m", "send_resolved": True, "held_ends": "tell",
         "throttle": {"once_within": "5m"}, "muted": "t", "active": "t", "inhibit": {"when": "true"}, "flapping": {}, "storm": {},
         "dedup": {}, "correlate": {"by": "service"}, "under": "x", "continue": True, "rules": [], "shadow": True, "enabled": False},
    ),
    "Match": (
        lambda key, value: {"rules": [{**RULE, "match": {**AROUND.get(key, {"within": "5m"}), key: value}}]},
        {"count": 2, "distinct": "service", "rate": "> 5/s", "sum": "measures.a", "avg": "measures.a", "min": "measures.a",
         "max": "measures.a", "percentile": "measures.a", "p": 50, "interpolate": True, "is": 2, "of": "x", "again": True,
         "steps": STEPS["steps"], "same": "service", "where": "true", "holds": "steps.a", "order": "any", "expect": "all", "at_least": 1,
         "combinations": "each", "consume": True, "doubles": "wait", "overlap": True, "absent": "true", "at_once": True, "within": "5m", "span": "tumbling"},
    ),
    "Correlate": (
        lambda key, value: {"rules": [{**RULE, "correlate": {"services": 1, key: value}}]},
        {"by": "service", "services": 0, "change": "5m", "learnt": True, "weighed": True, "background": False, "apart": "service", "within": "5m"},
    ),
    "Dedup": (lambda key, value: {"rules": [{**RULE, "dedup": {key: value}}]}, {"fields": "service", "ignore": "body"}),
    "Flapping": (lambda key, value: {"rules": [{**RULE, "flapping": {key: value}}]}, {"changes": 2, "within": "5m"}),
    "Inhibit": (
        lambda key, value: {"rules": [{**RULE, "inhibit": {"when": "true", key: value}}]},
        {"when": "true", "equal": "service", "sources": "last"},
    ),
    "Lookup": (
        lambda key, value: {"rules": [{**RULE, "enrich": {"owner": {"from": "t.csv", "by": "service", key: value}}}]},
        {"from": "t.csv", "by": "service", "take": "x", "default": "x"},
    ),
    "SaidFact": (
        lambda key, value: {"rules": [{**RULE, "set_fact": {"a": {"value": "1", key: value}}}]},
        {"value": "1", "key": "service", "for": "5m"},
    ),
    "Storm": (lambda key, value: {"rules": [{**RULE, "storm": {key: value}}]}, {"groups": 2, "within": "5m"}),
    "StormOfAll": (
        lambda key, value: {"storm": {key: value}},
        {"groups": 2, "within": "5m", "playbook": "p", "owner": "x", "severity": "error"},
    ),
    "Throttle": (
        lambda key, value: {"rules": [{**RULE, "throttle": {**THROTTLED.get(key, {}), key: value}}]},
        {"once_within": "5m", "once_after": "5m", "accumulate_within": "5m", "count": 2, "by": "service"},
    ),
    "TimeInterval": (
        lambda key, value: {"times": {"t": [{key: value}]}},
        {"times": [], "weekdays": "monday", "days_of_month": 1, "months": 5, "years": 2026, "location": "UTC"},
    ),
    "TimeRange": (
        lambda key, value: {"times": {"t": [{"times": [{"start_time": "01:00", "end_time": "02:00", key: value}]}]}},
        {"start_time": "00:00", "end_time": "24:00"},
    ),
    "CaseFile": (lambda key, value: {"tests": [], key: value}, {"rules": "x.yaml", "base": "2026-11-21T00:00:00Z", "tests": []}),
    "Case": (
        lambda key, value: {"tests": [{"name": "n", "events": [], "expect": [], key: value}]},
        {"name": "n", "events": [], "expect": [], "until": 1},
    ),
    "Event": (
        lambda key, value: {"tests": [{"name": "n", "events": [{"t": 0, key: value}], "expect": []}]},
        {"t": 1, "signal": {}, "command": {"kind": "resolve"}, "repeat": 2, "every": 1},
    ),
    "Expected": (
        lambda key, value: {"tests": [{"name": "n", "events": [], "expect": [{"kind": "incident.opened", key: value}]}]},
        {"t": 1, "kind": "x", "rule": "x", "playbook": "x", "reason": "x", "status": "x", "severity": "x", "group": {"a": "b"},
         "labels": {"a": "b"}, "signals": [], "data": {"a": 1}},
    ),
    "Topology": (lambda key, value: {key: value}, {"services": {"a": {}}, "beside": []}),
    "Service": (lambda key, value: {"services": {"a": {key: value}}}, {"depends_on": "b"}),
}  # fmt: skip
ROOTS: dict[str, type[BaseModel]] = {"CaseFile": CaseFile, "Topology": Topology, "RuleFile": RuleFile}
SCHEMAS = {name: model.model_json_schema() for name, model in ROOTS.items()}


def parts() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each part of each schema: its root, its name, its properties."""
    for root, schema in SCHEMAS.items():
        yield root, root, schema["properties"]
        for name, part in schema.get("$defs", {}).items():
            yield root, name, part["properties"]


KEYS = [(root, name, key) for root, name, properties in parts() for key in properties]


def loads(root: str, content: Any) -> bool:
    try:
        ROOTS[root].model_validate(content)
    except ValidationError:
        return False
    return True


def fits(root: str, content: Any) -> bool:
    return jsonschema.Draft202012Validator(SCHEMAS[root]).is_valid(content)


def test_every_key_has_its_smallest_value_here() -> None:
    assert {name: sorted(smallest) for name, (_, smallest) in PARTS.items()} == {
        name: sorted(properties) for _, name, properties in parts()
    }


@pytest.mark.parametrize(("root", "part", "key"), KEYS, ids=[".".join(key[1:]) for key in KEYS])
def test_a_value_alone_and_in_a_list_loads_where_the_schema_takes_it(root: str, part: str, key: str) -> None:
    around, smallest = PARTS[part]
    value = smallest[key]
    assert (loads(root, around(key, value)), fits(root, around(key, value))) == (True, True)
    for other in ([value], [value, value], value[0] if isinstance(value, list) and value else None):
        content = around(key, other)
        # Nothing at all stands for a key that is left out, where the loader asks for one of several.
        if other is not None:
            assert loads(root, content) == fits(root, content), json.dumps(content)


@pytest.mark.parametrize(("root", "part", "key"), KEYS, ids=[".".join(key[1:]) for key in KEYS])
def test_each_form_is_kept_by_the_formatter(root: str, part: str, key: str) -> None:
    around, smallest = PARTS[part]
    for value in (smallest[key], [smallest[key]]):
        text = json.dumps(around(key, value))
        assert YAML(typ="safe", pure=True).load(formatted(f"# as it is\n{text}\n", "x")) == json.loads(text)


POOL: tuple[Any, ...] = (
    "x", "5m", "0s", "> 5", "> 5/s", "monday", "all", "true", 0, 1, 50, 1.5, True, None, [], {}, ["x"], ["5m"], ["> 5"], [1], ["monday"],
    {"a": "b"}, {"a": "true", "b": "true"}, {"when": "true"}, [{"when": "true"}], {"not": "x"}, {"once_within": "5m"}, {"by": "x"}, [{"by": "x"}],
    {"fields": "x"}, {"value": 1, "for": "5m"}, {"from": "t.csv", "by": "x"}, {"start_time": "00:00", "end_time": "01:00"}, {"depends_on": "x"},
    {"count": 1, "within": "5m"}, {"name": "q", "when": "true"}, [{"name": "q", "when": "true"}], [["a", "b"]], {"a": ["b"]}, {"a": 1, "for": "5m"},
)  # fmt: skip


@pytest.mark.parametrize(("root", "part", "key"), KEYS, ids=[".".join(key[1:]) for key in KEYS])
def test_an_editor_marks_nothing_that_loads(root: str, part: str, key: str) -> None:
    around, _ = PARTS[part]
    assert [value for value in POOL if loads(root, around(key, value)) and not fits(root, around(key, value))] == []
