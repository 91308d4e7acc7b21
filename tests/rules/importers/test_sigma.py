"""Sigma files become rules: detections alone, correlations with what they refer to, filters as parts of what they filter."""

from __future__ import annotations

from typing import Any

import pytest

from rules.importers.importing import content_of
from rules.importers.sheet import Item, NotImportable
from rules.importers.sigma import read

A = "title: A rule\nname: a\ndetection: {s: {x: 1}, condition: s}\n"
B = "title: B rule\nname: b\nid: 6f3e2987-db24-4c78-a860-b4f4095a7095\ndetection: {s: {y: 1}, condition: s}\n"
HAS_U = "has(raw.u) && raw.u != null"
WHEN_A, WHEN_B = 'raw.x in [1, "1"]', 'raw.y in [1, "1"]'


def items(*documents: str) -> list[Item]:
    return read(content_of("---\n".join(documents)), "x.yml").items


def ruled(*documents: str) -> list[dict[str, Any]]:
    return [item.rule for item in items(*documents) if item.rule is not None]


def test_a_detection_is_a_rule_of_its_own_severity() -> None:
    (item,) = items(A + "level: high\nlogsource: {product: linux, service: sshd}\n")
    assert item.rule == {"name": "a", "description": "A rule", "when": WHEN_A, "group_by": ["id"], "severity": "error"}
    assert item.notes == [
        "it is about events of product linux, service sshd: add what tells them from others to `when`"
    ]


def test_a_count_takes_what_it_counts_with_it() -> None:
    made = items(
        A,
        "title: many\ncorrelation: {type: event_count, rules: [a], group-by: [user, host.name], timespan: 5m, condition: {gte: 3}}\n",
    )
    assert [(item.name, item.rule is None, bool(item.inside)) for item in made] == [
        ("A rule", True, True),
        ("many", False, False),
    ]
    rule = made[1].rule
    assert rule is not None
    assert rule["match"] == {"count": ">= 3", "within": "5m"}
    assert rule["group_by"] == ["raw.user", '("host.name" in raw ? raw["host.name"] : raw.host.name)']
    assert rule["when"].startswith(f"{WHEN_A} && has(raw.user) && raw.user != null && ")


def test_what_it_counts_fires_by_itself_where_it_says_so() -> None:
    correlation = "title: many\ncorrelation: {type: event_count, rules: [a], timespan: 1h, generate: true, condition: {gt: 2, lte: 9}}\n"
    alone, many = ruled(A, correlation)
    assert (alone["name"], many["match"]) == ("a", {"count": "> 2, <= 9", "within": "1h"})
    assert many["group_by"] == []


@pytest.mark.parametrize(
    ("kind", "condition", "expected"),
    [
        ("value_count", "{field: u, gte: 3}", {"distinct": "raw.u", "is": ">= 3", "within": "1d", "again": True}),
        ("value_sum", "{field: n, gt: 1.5}", {"sum": "double(raw.n)", "is": "> 1.5", "within": "1d", "again": True}),
        ("value_avg", "{field: n, lt: 2}", {"avg": "double(raw.n)", "is": "< 2", "within": "1d", "again": True}),
        (
            "value_percentile",
            "{field: n, gte: 2, percentile: 95}",
            {
                "percentile": "double(raw.n)",
                "p": 95.0,
                "interpolate": True,
                "is": ">= 2",
                "within": "1d",
                "again": True,
            },
        ),
        (
            "value_median",
            "{field: n, gte: 2}",
            {
                "percentile": "double(raw.n)",
                "p": 50.0,
                "interpolate": True,
                "is": ">= 2",
                "within": "1d",
                "again": True,
            },
        ),
    ],
)
def test_values_are_counted_and_added_up(kind: str, condition: str, expected: dict[str, Any]) -> None:
    (rule,) = ruled(A, f"title: t\ncorrelation: {{type: {kind}, rules: [a], timespan: 1d, condition: {condition}}}\n")
    assert rule["match"] == expected
    assert rule["when"] == WHEN_A


def test_a_percentile_that_is_not_named_is_the_median_and_said_to_be() -> None:
    made = items(
        A, "title: t\ncorrelation: {type: value_percentile, rules: [a], timespan: 1d, condition: {field: n, lte: 1}}\n"
    )
    assert (made[1].rule or {})["match"]["p"] == 50.0
    assert made[1].notes == ["it names no percentile; the 50th is taken"]


def test_steps_come_in_any_order_or_as_listed() -> None:
    for kind in ("temporal", "temporal_ordered"):
        (rule,) = ruled(A, B, f"title: t\ncorrelation: {{type: {kind}, rules: [a, b], group-by: [u], timespan: 10m}}\n")
        assert rule["match"] == {
            "steps": {"a": f"{WHEN_A} && {HAS_U}", "b": f"{WHEN_B} && {HAS_U}"},
            "same": "raw.u",
            **({"order": "listed"} if kind == "temporal_ordered" else {}),
            "within": "10m",
            "overlap": True,
        }


def test_some_of_the_steps_may_do() -> None:
    given = "title: t\ncorrelation: {type: temporal, rules: [a, b, c], timespan: 10m, condition: {gte: 2}}\n"
    (rule,) = ruled(A, B, A.replace("name: a", "name: c"), given)
    assert rule["match"]["at_least"] == 2


def test_a_condition_in_words_names_the_steps() -> None:
    given = "title: t\ncorrelation: {type: temporal, rules: [a, b, c], timespan: 10m, condition: %s}\n"
    three = (A, B, A.replace("name: a", "name: c"))
    (rule,) = ruled(*three, given % "a AND b AND c")
    assert list(rule["match"]["steps"]) == ["a", "b", "c"]
    (rule,) = ruled(*three, given % "(a and b)")
    assert list(rule["match"]["steps"]) == ["a", "b"]
    (rule,) = ruled(*three, given % "a or c")
    assert (list(rule["match"]["steps"]), rule["match"]["at_least"]) == (["a", "c"], 1)
    assert "says more" in items(*three, given % "a and not b")[-1].notes[0]


def test_aliases_are_fields_by_rule() -> None:
    given = "title: t\ncorrelation: {type: %s, rules: [a, b], group-by: [who], aliases: {who: {a: user, b: actor}}, timespan: 1m%s}\n"
    (rule,) = ruled(A, B, given % ("temporal", ""))
    assert rule["match"]["same"] == {"a": "raw.user", "b": "raw.actor"}
    (rule,) = ruled(A, B, given % ("event_count", ", condition: {gte: 2}"))
    assert rule["group_by"] == [f"({WHEN_A} && has(raw.user) && raw.user != null) ? raw.user : raw.actor"]


def test_a_correlation_of_a_correlation_waits_for_it() -> None:
    inner = "title: many\nname: many\ncorrelation: {type: event_count, rules: [a], group-by: [u], timespan: 5m, condition: {gte: 3}}\n"
    outer = "title: outer\ncorrelation: {type: temporal_ordered, rules: [many, b], group-by: [u], timespan: 1h}\nlevel: critical\n"
    first, second = ruled(outer, A, B, inner)[::-1]
    assert first["opens"] is False
    assert second["match"]["steps"] == {"many": {"rule": "many"}, "b": f"{WHEN_B} && {HAS_U}"}
    assert second["severity"] == "critical"


def test_rules_go_by_id_as_well() -> None:
    (rule,) = ruled(
        B,
        "title: t\ncorrelation: {type: event_count, rules: [6f3e2987-db24-4c78-a860-b4f4095a7095], timespan: 1m, condition: {gte: 2}}\n",
    )
    assert rule["when"] == WHEN_B


def test_a_filter_is_a_part_of_what_it_filters() -> None:
    made = items(A, "title: no admins\nfilter: {rules: [a], s: {user|startswith: adm_}, condition: not s}\n")
    assert made[0].rule is not None
    assert made[0].rule["when"] == (
        f"{WHEN_A} && !(has(raw.user) && type(raw.user) in [string, int, uint, double, bool] "
        '&& string(raw.user).lowerAscii().startsWith("adm_"))'
    )
    assert made[1].inside == "part of the condition of 'A rule'"


@pytest.mark.parametrize(
    ("correlation", "words"),
    [
        ("{type: event_count, rules: [nobody], timespan: 1m, condition: {gte: 2}}", "'nobody'"),
        ("{type: event_count, rules: [a], timespan: soon, condition: {gte: 2}}", "'soon'"),
        ("{type: event_count, rules: [a], timespan: 1m}", "needs one of"),
        ("{type: value_count, rules: [a], timespan: 1m, condition: {gte: 2}}", "'field'"),
        ("{type: stars, rules: [a], timespan: 1m, condition: {gte: 2, field: x}}", "'stars'"),
        ("{type: temporal, rules: [a, b], timespan: 1m, condition: {lt: 2}}", "lt 2"),
        ("{type: event_count, timespan: 1m, condition: {gte: 2}}", "no rules"),
    ],
)
def test_what_cannot_be_said_is_left_out_with_its_reason(correlation: str, words: str) -> None:
    item = items(A, B, f"title: t\ncorrelation: {correlation}\n")[-1]
    assert item.rule is None
    assert words in item.notes[0]


def test_a_refused_detection_takes_its_correlations_with_it() -> None:
    made = items("title: r\nname: r\ndetection: {s: {'x|re': '(?<=a)b'}, condition: s}\n",
                 "title: t\ncorrelation: {type: event_count, rules: [r], timespan: 1m, condition: {gte: 2}}\n")  # fmt: skip
    assert [item.rule for item in made] == [None, None]
    assert ["RE2" in made[0].notes[0], "left out" in made[1].notes[0]] == [True, True]


def test_a_global_document_is_shared() -> None:
    made = ruled(
        "action: global\nlevel: low\n",
        "title: one\ndetection: {s: {x: 1}, condition: s}\n",
        "title: two\ndetection: {s: {x: 1}, condition: s}\n",
    )
    assert [rule["severity"] for rule in made] == ["info", "info"]


def test_a_file_of_something_else_is_refused() -> None:
    with pytest.raises(NotImportable, match="detection"):
        read({"rules": []}, "x")
