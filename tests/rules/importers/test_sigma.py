"""Sigma files become rules: detections alone, correlations with what they refer to, filters as parts of what they filter."""

from __future__ import annotations

from typing import Any

import pytest

from rules.importers import importing
from rules.importers.importing import content_of
from rules.importers.sheet import Item, NotImportable
from rules.importers.sigma import read

A = "title: A rule\nname: a\ndetection: {s: {x: 1}, condition: s}\n"
B = "title: B rule\nname: b\nid: 6f3e2987-db24-4c78-a860-b4f4095a7095\ndetection: {s: {y: 1}, condition: s}\n"
HAS_U = "has(raw.u) && raw.u != null"
WHEN_A, WHEN_B = (f'texts(raw, "{field}").exists(each, each == "1")' for field in "xy")


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
    assert "holds" not in rule["match"]
    (rule,) = ruled(*three, given % "(a or b) or c")
    assert (list(rule["match"]["steps"]), rule["match"]["at_least"]) == (["a", "b", "c"], 1)
    # All of its rules are looked at, also those that its condition leaves out.
    (rule,) = ruled(*three, given % "a and (b or not not c)")
    assert rule["match"]["holds"] == "steps.a && (steps.b || !(!steps.c))"
    (rule,) = ruled(*three, given % "a and not b")
    assert (list(rule["match"]["steps"]), rule["match"]["holds"]) == (["a", "b", "c"], "steps.a && !steps.b")
    rule = ruled(*three, given.replace("rules: [a, b, c], ", "") % "a or not b")[-1]
    assert list(rule["match"]["steps"]) == ["a", "b"]
    for wrong, words in (
        ("a and not a", "never fire"),
        ("a and d", "'d'"),
        ("(a", "lacks"),
        ("a b", "goes on"),
        ("a and", "ends too early"),
    ):
        assert words in items(*three, given % wrong)[-1].notes[0]


def test_numbers_of_steps_are_compared_in_every_way() -> None:
    given = "title: t\ncorrelation: {type: temporal, rules: [a, b], timespan: 10m, condition: {%s}}\n"
    for said, expected in (("lt: 2", "< 2"), ("eq: 1", "== 1"), ("neq: 2", "!= 2"), ("lte: 1", "<= 1")):
        (rule,) = ruled(A, B, given % said)
        assert rule["match"]["holds"] == f"[steps.a, steps.b].filter(held, held).size() {expected}"
    for said in ("gte: 1", "lte: 2", "gt: 0, lt: 5"):
        (rule,) = ruled(A, B, given % said)
        assert rule["match"]["at_least"] == 1
    for said in ("gte: 3", "eq: 0", "lt: 1"):
        assert "never fire" in items(A, B, given % said)[-1].notes[0]
    ordered = given.replace("temporal", "temporal_ordered")
    assert "order" in items(A, B, ordered % "lt: 2")[-1].notes[0]
    assert items(A, B, ordered % "gte: 1")[-1].notes == [
        "there fewer than all of its rules may suffice; here all of them must come in their order"
    ]


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
    assert made[0].rule["when"] == (f'{WHEN_A} && !lowered(raw, "user").exists(each, each.startsWith("adm_"))')
    assert made[1].inside == "part of the condition of 'A rule'"


@pytest.mark.parametrize(
    ("correlation", "words"),
    [
        ("{type: event_count, rules: [nobody], timespan: 1m, condition: {gte: 2}}", "'nobody'"),
        ("{type: event_count, rules: [a], timespan: soon, condition: {gte: 2}}", "'soon'"),
        ("{type: event_count, rules: [a], timespan: 1m}", "needs one of"),
        ("{type: value_count, rules: [a], timespan: 1m, condition: {gte: 2}}", "'field'"),
        ("{type: stars, rules: [a], timespan: 1m, condition: {gte: 2, field: x}}", "'stars'"),
        ("{type: temporal, rules: [a, b], timespan: 1m, condition: {lt: x}}", "'x'"),
        ("{type: event_count, rules: [a], timespan: 1m, condition: a and b}", "temporal"),
        ("{type: event_count, rules: [a], timespan: 1m, condition: {gte: soon}}", "'soon'"),
        ("{type: value_sum, rules: [a], timespan: 1m, condition: {gte: 2, field: [x, y]}}", "the one 'field'"),
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


def test_what_only_a_correlation_that_is_left_out_refers_to_is_left_out_with_it() -> None:
    for said in ("timespan: soon, condition: {gte: 2}", "timespan: 1h, condition: {gte: 20000}"):
        text = A + f"---\ntitle: t\ncorrelation: {{type: event_count, rules: [a], {said}}}\n"
        sheet = importing.read("sigma", text, "x")
        assert sheet.counts == {"exact": 0, "with_comment": 0, "left_out": 2}
        assert sheet.items[0].notes == ["what it is a part of is left out"]


def test_a_global_document_is_shared() -> None:
    made = ruled(
        "action: global\nlevel: low\n",
        "title: one\ndetection: {s: {x: 1}, condition: s}\n",
        "title: two\ndetection: {s: {x: 1}, condition: s}\n",
    )
    assert [rule["severity"] for rule in made] == ["info", "info"]


def test_an_aggregation_of_the_first_sigma_is_the_correlation_that_replaced_it() -> None:
    text = "title: old\nlevel: high\ndetection: {s: {x: 1}, timeframe: 5m, condition: %s}\n"
    (rule,) = ruled(text % "'s | count() by User >= 3'")
    assert rule == {
        "name": "old",
        "when": f"{WHEN_A} && has(raw.User) && raw.User != null",
        "group_by": ["raw.User"],
        "match": {"count": ">= 3", "within": "5m"},
        "severity": "error",
    }
    (rule,) = ruled(text % "'s | count(Dst) > 5'")
    assert rule["match"] == {"distinct": "raw.Dst", "is": "> 5", "within": "5m", "again": True}
    (rule,) = ruled(text % "'s | sum(n) by User < 5.5'")
    assert rule["match"]["sum"] == "double(raw.n)"
    made = read(content_of(text % "'s | count() > 2'"), "x")
    assert made.counts == {"exact": 0, "with_comment": 1, "left_out": 0}
    for said in ("'s | near t'", "'s | sum() > 2'", "'s | count()'"):
        assert ruled(text % said) == []
    assert ruled((text % "'s | count() > 2'").replace("timeframe: 5m, ", "")) == []


def test_documents_may_be_shared_repeated_and_reset() -> None:
    made = items(
        "action: global\ndetection: {s: {x: 1}, condition: s}\nlevel: low\n",
        "title: one\nlevel: high\n",
        "action: repeat\ntitle: two\ndetection: {s: {y: 1}}\n",
        "action: reset\n",
        "title: three\ndetection: {s: {y: 1}, condition: s}\n",
    )
    assert [(item.name, (item.rule or {}).get("severity"), (item.rule or {})["when"]) for item in made] == [
        ("one", "error", WHEN_A),
        ("two", "error", f"{WHEN_A} && {WHEN_B}"),
        ("three", None, WHEN_B),
    ]


def test_a_document_of_something_else_is_left_out_and_the_rest_taken() -> None:
    made = items(
        "action: again\n" + A, B, "title: odd\n", "[1]\n", "title: c\ncorrelation: soon\n", A + "logsource: x\n"
    )
    assert [item.kind for item in made if item.rule is None] == ["document"] * 5
    for item, words in zip(
        made[::1][:1] + made[2:], ("'again'", "'detection'", "no mapping", "'correlation'", "'logsource'"), strict=True
    ):
        assert words in item.notes[0]
    with pytest.raises(NotImportable, match="'again'"):
        items("action: again\n" + A)


def test_a_filter_is_about_rules_of_its_log_source() -> None:
    windows = "logsource: {product: Windows, category: process_creation}\n"
    given = "title: f\nlogsource: {product: windows}\nfilter: {rules: any, t: {z: 1}, condition: not t}\n"
    made = items(A + windows, B + "logsource: {product: linux}\n", given)
    assert made[2].inside == "part of the condition of 'A rule'"
    assert (made[1].rule or {})["when"] == WHEN_B
    unmet = items(B, given.replace("any", "[b]"))
    assert (unmet[1].inside, unmet[1].notes) == ("", ["no rule of this file is one of those that it filters"])
    assert "'c'" in items(A, given.replace("any", "[a, c]"))[1].notes[0]


def test_a_correlation_that_never_fires_leaves_what_refers_to_it_the_rest() -> None:
    never = "title: m\nname: m\ncorrelation: {type: temporal, rules: [a, b], timespan: 1m, condition: {lt: 1}}\n"
    outer = "title: t\ncorrelation: {type: %s, rules: [m, a], timespan: 1h%s}\n"
    assert ruled(A, B, never, outer % ("temporal", ", condition: {gte: 1}"))[-1]["match"] == {
        "count": ">= 1",
        "within": "1h",
    }
    assert ruled(A, B, never, outer % ("temporal", ", condition: a and not m"))[-1]["when"] == WHEN_A
    assert ruled(A, B, never, outer % ("event_count", ", condition: {gte: 2}"))[-1]["match"] == {
        "count": ">= 2",
        "within": "1h",
    }
    for kind, more in (("temporal", ""), ("temporal_ordered", ""), ("temporal", ", condition: m")):
        assert "never fire" in items(A, B, never, outer % (kind, more))[-1].notes[0]
    assert (
        "ever fires"
        in items(
            A, B, never, "title: t\ncorrelation: {type: event_count, rules: [m], timespan: 1h, condition: {gte: 2}}\n"
        )[-1].notes[0]
    )


def test_what_a_group_is_made_of_goes_up_with_a_correlation() -> None:
    inner = "title: m\nname: m\ncorrelation: {type: temporal, rules: [a, b], group-by: [who], aliases: {who: {a: user, b: actor}}, timespan: 1m}\n"
    outer = (
        "title: t\ncorrelation: {type: event_count, rules: [m], group-by: [who], timespan: 1h, condition: {gte: 2}}\n"
    )
    rule = ruled(A, B, inner, outer)[-1]
    assert rule["group_by"] == [f"(({WHEN_A} && has(raw.user) && raw.user != null) ? raw.user : raw.actor)"]


def test_windows_may_be_laid_end_to_end_or_last_while_something_comes() -> None:
    given = "title: t\ncorrelation: {type: %s, rules: [a, b], timespan: 1h, condition: {gte: 2}, %s}\n"
    tumbling = ruled(A, B, given % ("event_count", "window: tumbling"))[0]
    assert tumbling["match"] == {"count": ">= 2", "within": "1h", "span": "tumbling"}
    session = items(A, B, given % ("event_count", "window: session, gap: 5m"))[-1]
    assert (session.rule or {})["match"] == {"count": ">= 2", "within": "5m", "span": "session"}
    assert "no longer than 1h" in session.notes[0]
    assert "'hopping'" in items(A, B, given % ("event_count", "window: hopping"))[-1].notes[0]
    assert "'window'" in items(A, B, given % ("temporal", "window: tumbling"))[-1].notes[0]


def test_values_of_several_fields_are_counted_together() -> None:
    given = "title: t\ncorrelation: {type: value_count, rules: [a], timespan: 1d, condition: {field: [u, v], gte: 3}}\n"
    there = "(has(raw.u) && raw.u != null && has(raw.v) && raw.v != null)"
    assert ruled(A, given)[0]["match"]["distinct"] == f"{there} ? [string(raw.u), string(raw.v)] : null"


def test_what_is_not_carried_over_is_told() -> None:
    made = items(
        A + "taxonomy: ecs\nodd: 1\nx-note: 2\nstatus: deprecated\n",
        B.replace("name: b", "name: a"),
        "title: t\nodd: 1\ncorrelation: {type: event_count, rules: [a], timespan: 1d, every: 5m, condition: {gte: 3, field: x}}\n",
        "title: f\nodd: 1\nfilter: {rules: [a], s: {z: 1}, condition: s}\n",
    )
    notes = [" | ".join(item.notes) for item in made]
    for number, words in (
        *((0, each) for each in ("'ecs'", "'odd'", "'deprecated'")), (1, "another document is called 'a'"),
        *((2, each) for each in ("'odd'", "'every'", "'field'")), (3, "'odd'"),
    ):  # fmt: skip
        assert words in notes[number], (number, words, notes)


def test_a_file_of_something_else_is_refused() -> None:
    with pytest.raises(NotImportable, match="detection"):
        read({"rules": []}, "x")
