"""What Keep does, row by row, as its rules do it once imported: deduplication, correlation, workflow triggers, maintenance windows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.cel import parser
from rules.importers.importing import read, run_steps
from rules.importers.written import write
from rules.load import load_texts
from rules.trial.lines import BASE, events
from rules.trial.run import run

ALERT = {"name": "cpu", "severity": "critical", "status": "firing", "source": ["prometheus"], "fingerprint": "f"}


def fired(given: object, *alerts: tuple[float, dict[str, Any]]) -> list[tuple[float, str, dict[str, str]]]:
    steps = "\n".join(json.dumps({"t": t, "alert": {**ALERT, **alert}}) for t, alert in alerts)
    return [
        (line["t"], line["rule"], line["group"])
        for line in run_steps("keep", json.dumps(given), "k.json", steps, base=BASE)
    ]


def workflow(**trigger: Any) -> dict[str, Any]:
    return {"workflow": {"id": "w", "triggers": [{"type": "alert", **trigger}], "actions": []}}


def correlation(**more: Any) -> dict[str, Any]:
    return {
        "ruleName": "c",
        "celQuery": 'severity == "critical"',
        "timeframeInSeconds": 60,
        "groupingCriteria": ["labels.host"],
        **more,
    }


def at(*times: float, **alert: Any) -> list[tuple[float, dict[str, Any]]]:
    """Alerts at their times, each with something new to say."""
    return [(t, {**alert, "message": f"{t}"}) for t in times]


def test_dedup() -> None:
    """What says the same as the last one of its fingerprint is dropped; A, B, A is three; another content is kept."""
    alerts = [
        (0, {}),
        (1, {"lastReceived": "later"}),
        (2, {"message": "b"}),
        (3, {}),
        (4, {"fingerprint": "g"}),
        (5, {}),
    ]
    assert [line[0] for line in fired(workflow(cel='name == "cpu"'), *alerts)] == [0.0, 2.0, 3.0, 4.0]


def test_dedup_by_a_rule_of_its_own() -> None:
    rule = {"deduplication_rules": [{"name": "d", "fingerprint_fields": ["name"], "ignore_fields": ["message", "fingerprint"]}],
            "workflows": [workflow(cel='name == "cpu"')]}  # fmt: skip
    assert [
        line[0]
        for line in fired(rule, (0, {}), (1, {"message": "b"}), (2, {"fingerprint": "g"}), (3, {"status": "resolved"}))
    ] == [0.0, 3.0]


def test_correlation_rule() -> None:
    """One incident for each group of values; used again while alerts keep coming, a new one after a gap."""
    found = fired(correlation(), *at(0, labels={"host": "a"}), *at(1, labels={"host": "b"}), *at(50, 100, 150, labels={"host": "a"}),
                  *at(211, labels={"host": "a"}))  # fmt: skip
    group = {"a": "a", "b": "b"}
    assert [(t, next(iter(values.values()))) for t, _, values in found] == [
        (0.0, group["a"]),
        (1.0, group["b"]),
        (211.0, group["a"]),
    ]


def test_correlation_rule_with_an_absent_field() -> None:
    """Alerts without it are one group."""
    assert [
        next(iter(values.values()))
        for _, _, values in fired(correlation(), *at(0, labels={"host": "a"}), *at(1, labels={}), *at(2))
    ] == ["a", "none"]


def test_correlation_rule_with_a_threshold() -> None:
    assert [line[0] for line in fired(correlation(threshold=3), *at(0, 50, 100, labels={"host": "a"}))] == [100.0]
    assert fired(correlation(threshold=3), *at(0, 50, 111, labels={"host": "a"})) == []


def test_workflow_trigger() -> None:
    """Every alert that meets it, resolved ones too, whatever its source is written like."""
    assert [line[0] for line in fired(workflow(cel='source == "prometheus" && severity >= "high"'), *at(0), *at(1, severity="high"),
                                      *at(2, severity="warning"), *at(3, status="resolved"), *at(4, source=["grafana"]))] == [0.0, 1.0, 3.0]  # fmt: skip
    filters = [{"key": "severity", "value": "critical"}, {"key": "source", "value": 'r"prom.*"'}]
    assert [line[0] for line in fired(workflow(filters=filters), *at(0), *at(1, severity="low"))] == [0.0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # The first alert of a fingerprint, and those in which every field named is another than in the one before, whatever that met.
        ({"only_on_change": ["status"]}, [0, 3, 5, 6, 9]),
        ({"severity_changed": True}, [0, 2, 3, 4, 5, 6]),
        ({"only_on_change": ["status"], "severity_changed": True}, [0, 3, 5, 6]),
        ({"cel": 'status == "firing"', "only_on_change": ["status"]}, [0, 5, 6]),
        ({"filters": [{"key": "severity", "value": "critical"}], "only_on_change": ["severity"]}, [0, 3, 5, 6]),
        ({"only_on_change": ["note"]}, [0, 6, 8]),
    ],
)
def test_workflow_trigger_that_asks_for_a_change(said: dict[str, Any], expected: list[float]) -> None:
    alerts = [
        *at(0, 1), *at(2, severity="low"), *at(3, status="resolved"), *at(4, status="resolved", severity="low"),
        *at(5), *at(6, fingerprint="g"), *at(7), *at(8, note="x"), *at(9, status="resolved", note="x"),
    ]  # fmt: skip
    found = [line[0] for line in fired(workflow(**said), *alerts)]
    assert found == expected, found


def test_workflow_trigger_with_an_error_in_its_cel() -> None:
    """No match, and no crash."""
    assert fired(workflow(cel='labels.gone == "x"'), *at(0)) == []


def test_maintenance_window() -> None:
    """What comes within it is held until its end."""
    given = {"workflows": [workflow(cel='name == "cpu"')],
             "maintenance_windows": [{"name": "m", "cel_query": 'severity == "critical"', "start_time": "2026-01-01T00:00:10", "duration_seconds": 10}]}  # fmt: skip
    assert [line[0] for line in fired(given, *at(0, 9, 10, 19, 20), *at(12, severity="low"))] == [
        0.0, 9.0, 12.0, 20.0, 20.0, 20.0,
    ]  # fmt: skip


def test_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions are read once, when rules are loaded, and not for each alert."""
    ruleset = load_texts({"k.yaml": write(read("keep", json.dumps(workflow(cel='severity == "critical"')), "k.json"))})
    given = events(
        "\n".join(json.dumps({"t": t, "signal": {"raw": {"severity": "critical", "n": t}}}) for t in range(20))
    )

    def refuse(_: str) -> None:
        raise AssertionError("a condition is parsed again")

    monkeypatch.setattr(parser, "parse", refuse)
    monkeypatch.setattr("rules.cel.condition.parse", refuse)
    assert sum(decision.kind == "playbook.selected" for decision in run(ruleset, given)) == 20
