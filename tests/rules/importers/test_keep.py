"""Keep's triggers, correlation rules, deduplication rules and maintenance windows become rules and silences."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules import cel
from rules.fields import SCHEMA
from rules.importers.importing import run_steps
from rules.importers.keep import read
from rules.importers.keep_conditions import condition, filtered, parts
from rules.importers.sheet import NotImportable
from rules.trial.lines import BASE

ALERT: dict[str, Any] = {
    "name": "CPU", "severity": "high", "status": "firing", "source": ["datadog"], "service": "payments-api", "code": 5, "text_code": "5",
    "labels": {"host": "h1", "n": 1}, "tags": ["a", "b"], "dismissed": "False", "nothing": None, "empty": "",
}  # fmt: skip


def met(written: str, **alert: Any) -> bool:
    return cel.compile(written, schema=SCHEMA).matches({"raw": {**ALERT, **alert}})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('name == "CPU" && labels.host == "h1"', True),
        # a list that is compared as a text
        ('source == "datadog"', True), ('source != "datadog"', False), ('"sentry" == source', False), ('source.contains("data")', True),
        # severities in their order
        ('severity > "info"', True), ("severity >= 'high'", True), ('severity > "high"', False), ('severity == "high"', True),
        ('severity != "high"', False), ('severity <= "warning"', False), ('"critical" > severity', True), ('severity in ["high"]', True),
        # numbers and texts by their text
        ("text_code == 5", True), ('code == "5"', True), ("code != 6", True), ("labels.n == 1", True), ('labels.n == "1"', True), ("code > 4", True),
        # macros, functions, what is missing
        ('tags.exists(t, t == "b" && t != name)', True), ('service.matches("pay.*")', True), ('has(labels.gone)', False), ('gone == "x"', False),
        ('gone == "x" || name == "CPU"', True), ('size(tags) == 2', True), ('(code > 9 ? "x" : "y") == "y"', True), ("!(code == 6)", True),
        ("nothing == null", True), ("empty != null", False), ("name == null", False),
        ('{"a": code}["a"] == 5', True), ("-code == -5", True), ('labels["host"].startsWith("h")', True),
    ],
)  # fmt: skip
def test_cel_says_the_same_of_an_alert(source: str, *, expected: bool) -> None:
    assert met(condition(source)) is expected, condition(source)


@pytest.mark.parametrize("source", ["name ==", "nosuch(name)", 'name.matches("(?=x)")', "Thing{a: 1}"])
def test_cel_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(NotImportable):
        condition(source)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"key": "severity", "value": "high"}, True), ({"key": "severity", "value": "low"}, False),
        ({"key": "source", "value": "datadog"}, True), ({"key": "source", "value": 'r"data.*"'}, True),
        ({"key": "service", "value": 'r"(payments|ftp)"'}, True), ({"key": "labels.host", "value": "h1"}, True),
        ({"key": "labels.host", "value": "h1", "exclude": True}, False), ({"key": "labels.gone", "value": "x", "exclude": True}, False),
        ({"key": "code", "value": 5}, True), ({"key": "dismissed", "value": False}, True), ({"key": "gone", "value": "x"}, False),
    ],
)  # fmt: skip
def test_filters_say_the_same_of_an_alert(given: dict[str, Any], *, expected: bool) -> None:
    assert met(filtered(given)) is expected


WORKFLOW = {
    "id": "page-team", "name": "Page the team", "owners": [],
    "triggers": [
        {"type": "alert", "cel": 'severity == "critical" && status == "firing"'},
        {"type": "alert", "filters": [{"key": "source", "value": "datadog"}], "only_on_change": ["status"]},
        {"type": "alert", "cel": "x ++ y"},
        {"type": "interval", "value": 5},
    ],
    "actions": [{"name": "page"}],
}  # fmt: skip


def test_each_alert_trigger_of_a_workflow_is_a_rule() -> None:
    sheet = read({"workflow": WORKFLOW}, "w.yml")
    first, second, broken, interval, memory = sheet.items
    assert first.rule == {
        "name": "page-team",
        "description": "Page the team",
        "when": 'raw.severity == "critical" && raw.status == "firing"',
        "group_by": ["id"],
        "playbook": "page-team",
    }
    assert first.notes == []
    assert second.rule is not None
    assert second.rule["when"] == (
        'raw.source.exists(each, each == "datadog") && (!(has(fact.before_page_team) && string(raw.fingerprint) in fact.before_page_team) '
        '|| (fact.before_page_team[string(raw.fingerprint)]["status"] != raw.status))'
    )
    assert second.notes == [
        "there it runs for resolved alerts as well",
        "there the alert before may be a resolved one; here it is the last that fired",
    ]
    assert (broken.rule, interval.rule) == (None, None)
    assert "by the clock" in interval.notes[0]
    assert memory.rule is not None
    assert memory.rule["set_fact"]["before_page_team"]["value"] == '{"status": has(raw.status) ? raw.status : null}'
    assert sheet.remarks[0] == "Playbook 'page-team' is to do: action page."
    assert sheet.counts == {"exact": 1, "with_comment": 1, "left_out": 2}


def test_a_trigger_that_asks_for_nothing_is_about_alerts() -> None:
    sheet = read({"workflow": {"id": "w", "triggers": [{"type": "alert"}]}}, "w.yml")
    assert (sheet.items[0].rule or {})["when"] == "has(raw.fingerprint)"


def test_what_a_workflow_does_is_told_as_its_playbook() -> None:
    given = {
        "id": "w", "triggers": [{"type": "alert", "cel": 'ticket_id == ""'}, {"type": "incident", "events": ["created"]}, {"type": "manual"},
                                {"type": "webhook"}],
        "strategy": "parallel", "owners": ["ann", "bob"], "odd": 1, "on-failure": {"provider": {"type": "slack"}},
        "steps": [{"name": "tier", "provider": {"type": "bigquery", "with": {"query": "x"}}}, "odd"],
        "actions": [
            {"name": "page", "foreach": "{{ steps.tier.results }}", "if": "{{ alert.service }}", "condition": [{"type": "assert"}], "throttle": {"type": "one_until_resolved"},
             "provider": {"type": "jira", "with": {"enrich_alert": [{"key": "ticket_id", "value": "x"}]}}},
        ],
    }  # fmt: skip
    sheet = read({"workflow": given}, "w.yml")
    assert sheet.remarks[0] == (
        "Playbook 'w' is to do: step tier (bigquery); action page (jira) for each of {{ steps.tier.results }} if {{ alert.service }} "
        "if the assert holds throttled: {'type': 'one_until_resolved'} and sets ticket_id on the alert; when that fails (slack); "
        "of several runs at once: parallel."
    )
    alert, incident, manual, odd = sheet.items
    assert (alert.rule or {})["owner"] == "ann, bob"
    assert len(alert.notes) == 3
    for words in ("for resolved alerts as well", "'odd'", "set 'ticket_id' on alerts"):
        assert any(words in note for note in alert.notes), words
    assert "an incident of Keep's is created;" in incident.notes[0]
    assert "by hand" in manual.notes[0]
    assert "'webhook' is not known" in odd.notes[0]
    assert sheet.counts == {"exact": 0, "with_comment": 1, "left_out": 3}


def test_correlation_rules_gather_alerts_while_they_keep_coming() -> None:
    given = {"ruleName": "hosts", "celQuery": 'severity > "info"', "timeframeInSeconds": 600, "groupingCriteria": ["labels.host", "name"],
             "threshold": 3, "resolveOn": "all_resolved"}  # fmt: skip
    (item,) = read([given], "rules.json").items
    there = "(has(raw.labels) && type(raw.labels) == map && has(raw.labels.host) && has(raw.name))"
    assert item.rule == {
        "name": "hosts",
        "when": 'raw.severity in ["warning", "high", "critical"]',
        "group_by": [f'{there} ? raw.labels.host : "none"', f'{there} ? raw.name : "none"'],
        "match": {"count": ">= 3", "within": "600s", "span": "session"},
        "resolve_after": "600s",
        "reopen_within": "1ms",
    }
    assert item.notes == ["there the threshold leaves out what is resolved by then; here every alert counts"]


def test_parts_that_must_all_come_are_steps() -> None:
    given = {
        "name": "both",
        "definition_cel": '(source == "a") || (source == "b")',
        "timeframe": 60,
        "create_on": "all",
        "requireApprove": True,
    }
    (item,) = read(given, "x").items
    assert item.rule is not None
    assert list(item.rule["match"]["steps"]) == ["part_0", "part_1"]
    assert [note.split(":")[0] for note in item.notes][-1] == "requireApprove"
    assert parts('a == 1 || b == "x"') == ['raw.a in [1, "1"]', 'raw.b == "x"']


def test_deduplication_rules_are_a_default_of_the_file() -> None:
    sheet = read({"deduplication_rules": {"by-host": {"fingerprint_fields": ["name", "labels.host"], "ignore_fields": ["lastReceived"]}},
                  "workflows": [{"workflow": WORKFLOW}]}, "x")  # fmt: skip
    assert sheet.defaults == {"dedup": {"fields": ["raw.name", "raw.labels.host"], "ignore": ["raw.lastReceived"]}}


def test_maintenance_windows_are_silences() -> None:
    window = {
        "name": "db work",
        "cel_query": 'service == "db"',
        "start_time": "2026-01-01T10:00:00",
        "duration_seconds": 3600,
    }
    sheet = read([window, {**window, "name": "off", "enabled": False}], "x")
    assert sheet.silences == [
        {
            "matcher": 'raw.service == "db" && !(raw.status in ["resolved", "acknowledged"])',
            "starts_at": "2026-01-01T10:00:00Z",
            "until": "2026-01-01T11:00:00Z",
            "reason": "db work",
        }
    ]
    assert sheet.items[1].notes == ["it is switched off"]


def test_a_file_of_something_else_is_refused() -> None:
    with pytest.raises(NotImportable, match="neither"):
        read({"route": {}}, "x")


def test_an_alert_that_says_the_same_again_runs_nothing() -> None:
    alert = {"name": "cpu", "severity": "critical", "status": "firing", "fingerprint": "f"}
    steps = [
        {"t": 0, "alert": {**alert, "lastReceived": "1"}},
        {"t": 5, "alert": {**alert, "lastReceived": "2"}},
        {"t": 6, "alert": {**alert, "message": "new"}},
        {"t": 7, "alert": {**alert, "severity": "low"}},
        {"t": 8, "alert": {**alert, "message": "new"}},
    ]
    text = json.dumps({"workflow": {**WORKFLOW, "triggers": WORKFLOW["triggers"][:1]}})
    lines = list(run_steps("keep", text, "w.yml", "\n".join(map(json.dumps, steps)), base=BASE))
    assert [(line["t"], line["playbook"], line["signals"][0]["index"]) for line in lines] == [
        (0.0, "page-team", 0),
        (6.0, "page-team", 2),
        (8.0, "page-team", 4),
    ]
