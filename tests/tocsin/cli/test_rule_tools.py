"""The commands for people who write rules: their output and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.program import cli

RULES = """\
rules:
- when: source == "sentry"
  name: errors
  playbook: look
"""
TESTS = """\
tests:
  - name: an error opens
    events: [{t: 0, signal: {source: sentry}}]
    expect: [{kind: incident.opened, rule: errors}]
  - name: a wrong one
    events: [{t: 0, signal: {source: sentry}}]
    expect: []
"""
EVENTS = '{"t": 1.5, "signal": {"source": "sentry"}}\n{"t": 100}\n'
ROUTE = "route: {receiver: x, routes: [{matchers: ['a=~\"(?=b)\"'], receiver: x}]}\nreceivers: [{name: x, webhook_configs: [{url: u}]}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("a.yaml", RULES), ("a.test.yaml", TESTS), ("events.jsonl", EVENTS), ("am.yml", ROUTE)):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_graph_of_services_is_learnt_from_traces(tmp_path: Path) -> None:
    span = {"traceId": "a", "spanId": "1", "parentSpanId": ""}
    call = {**span, "spanId": "2", "parentSpanId": "1"}
    resources = [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]},
            "scopeSpans": [{"spans": [each]}],
        }
        for name, each in (("shop", span), ("till", call))
    ]
    (tmp_path / "traces.jsonl").write_text(json.dumps({"resourceSpans": resources}))
    found = cli("rules", "topology", str(tmp_path / "traces.jsonl"), "--least", "1")
    assert (found.exit_code, found.stdout) == (0, 'services:\n  "shop":\n    depends_on:\n      - "till"  # 1 calls\n')
    (tmp_path / "topology.yaml").write_text(found.stdout)
    (tmp_path / "r.yaml").write_text("rules: [{name: a, when: 'true', correlate: {services: 1}}]")
    assert cli("rules", "check", str(tmp_path)).exit_code == 0
    (tmp_path / "topology.yaml").write_text("services: {shop: {depends_on: [shop]}}")
    refused = cli("rules", "check", str(tmp_path))
    assert refused.exit_code == 1 and "topology.yaml:1:" in refused.stderr
    assert json.loads(cli("rules", "schema", "--topology").stdout)["title"] == "Topology"
    assert cli("rules", "topology", str(tmp_path / "r.yaml")).exit_code == 3


def test_a_failing_test_ends_with_1_and_says_what_was_unexpected(folder: Path) -> None:
    found = cli("rules", "test", str(folder))
    assert found.exit_code == 1
    assert f"ok     {folder}/a.test.yaml:2 an error opens\n" in found.output
    assert "FAILED" in found.output
    assert "unexpected: t=0 incident.opened" in found.output
    assert "2 tests, 1 failed; 1 of 1 rules tested (100 %)" in found.output


def test_tests_as_json_end_with_a_summary(folder: Path) -> None:
    found = [
        json.loads(line) for line in cli("rules", "test", str(folder / "a.test.yaml"), "--json").output.splitlines()
    ]
    assert [line["passed"] for line in found[:2]] == [True, False]
    assert found[2] == {"tests": 2, "failed": 1, "rules": 1, "coverage": 100.0, "untested": []}


def test_too_little_coverage_is_a_failure_where_it_is_asked_for(folder: Path) -> None:
    (folder / "a.test.yaml").write_text("tests:\n  - {name: none, events: [{t: 0}], expect: []}\n")
    assert cli("rules", "test", str(folder)).exit_code == 0
    found = cli("rules", "test", str(folder), "--cover", "50")
    assert found.exit_code == 1
    assert "not tested: errors" in found.output


def test_events_are_run_and_each_decision_is_a_line(folder: Path) -> None:
    found = cli("rules", "test", "--rules", str(folder / "a.yaml"), "--events", str(folder / "events.jsonl"), "--json")
    assert found.exit_code == 0
    lines = [json.loads(line) for line in found.output.splitlines()]
    assert [(line["t"], line["kind"], line["rule"], line["signals"]) for line in lines] == [
        (1.5, "incident.opened", "errors", [0]),
        (1.5, "playbook.selected", "errors", [0]),
    ]
    assert (
        "rule errors asks for playbook look"
        in cli("rules", "test", "--rules", str(folder / "a.yaml"), "--events", str(folder / "events.jsonl")).output
    )


def test_events_without_rules_are_a_wrong_command(folder: Path) -> None:
    assert cli("rules", "test", "--events", str(folder / "events.jsonl")).exit_code == 2


def test_a_bad_event_says_its_line(folder: Path) -> None:
    (folder / "events.jsonl").write_text('{"t": 0}\n{"signal": 1}\n')
    found = cli("rules", "test", "--rules", str(folder / "a.yaml"), "--events", str(folder / "events.jsonl"))
    assert found.exit_code == 3
    assert "line 2" in found.output.replace("\n", " ")


def test_files_are_put_into_shape_once(folder: Path) -> None:
    file = folder / "a.yaml"
    assert cli("rules", "fmt", "--check", str(file)).exit_code == 1
    assert file.read_text() == RULES
    assert cli("rules", "fmt", str(file)).output == f"changed {file}\n"
    assert file.read_text().startswith("rules:\n  - name: errors\n    when:")
    assert cli("rules", "fmt", "--check", str(file)).exit_code == 0


def test_the_schemas_are_printed() -> None:
    assert "rules" in json.loads(cli("rules", "schema").output)["properties"]
    assert "tests" in json.loads(cli("rules", "schema", "--tests").output)["properties"]


def test_rules_are_measured(folder: Path) -> None:
    found = json.loads(cli("rules", "bench", str(folder / "a.yaml"), "--seconds", "0.1", "--json").output)
    assert found["rules"] == 1
    assert found["selected_per_s"] > found["decided_per_s"] > 0
    assert "signals/s" in cli("rules", "bench", str(folder / "a.yaml"), "--seconds", "0.1").output


def test_an_import_is_written_and_counted(folder: Path) -> None:
    made = folder / "made.yaml"
    found = cli("rules", "import", str(folder / "am.yml"), "--from", "alertmanager", "-o", str(made))
    assert found.exit_code == 0
    assert "1 carried over exactly, 0 with a comment, 1 left out" in found.output
    assert "RE2 refuses" in made.read_text()
    told = json.loads(cli("rules", "import", str(folder / "am.yml"), "--from", "alertmanager", "--json").output)
    assert (told["exact"], told["left_out"], told["playbooks"], told["faults"]) == (1, 1, ["x"], [])
    assert told["rules"] == made.read_text()


def test_an_import_is_run_in_one_go(folder: Path) -> None:
    (folder / "steps.jsonl").write_text('{"t": 5.25, "push": [{"labels": {"alertname": "Down"}}]}\n')
    found = cli("rules", "import", str(folder / "am.yml"), "--from", "alertmanager", "--run", str(folder / "steps.jsonl"), "--json",
                "--base", "2026-06-01T06:55:00Z", "--until", "60")  # fmt: skip
    assert [json.loads(line) for line in found.output.splitlines()] == [
        {
            "t": 35.25,
            "rule": "route",
            "playbook": "x",
            "group": {},
            "reason": "first notification",
            "signals": [{"index": 0, "labels": {"alertname": "Down"}, "status": "firing"}],
        }
    ]


def test_an_import_from_elsewhere_or_of_something_else_is_refused(folder: Path) -> None:
    assert cli("rules", "import", str(folder / "am.yml"), "--from", "nagios").exit_code == 2
    found = cli("rules", "import", str(folder / "a.yaml"), "--from", "alertmanager")
    assert found.exit_code == 3
    assert "route" in found.output
