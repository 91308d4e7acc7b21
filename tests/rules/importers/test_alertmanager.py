"""Alertmanager's configuration becomes a routing tree, inhibitions and times."""

from __future__ import annotations

import pytest

from rules.importers import alertmanager
from rules.importers.sheet import NotImportable
from rules.importers.written import write
from schemas.document import parse_yaml

CONFIG = """
global: {resolve_timeout: 2m}
route:
  receiver: everybody
  group_by: [alertname, kubernetes.io/name]
  routes:
  - matchers: ['service=~"mysql|cassandra"']
    receiver: db
    group_wait: 10s
    continue: true
    mute_time_intervals: [office, nowhere]
  - match: {team: frontend}
    match_re: {env: prod.*}
    group_by: ['...']
    active_time_intervals: [office]
    receiver: nobody
    routes:
    - matchers: ['x=~"(?<!y)z"']
  - receiver: unheard
    colour: red
receivers:
- {name: everybody, email_configs: [{to: a@example.org}]}
- {name: db, pagerduty_configs: [{routing_key: k}], slack_configs: [{channel: c}]}
- {name: nobody}
inhibit_rules:
- {source_matchers: [alertname=ClusterDown], target_matchers: ['severity=~"warning|info"'], equal: [cluster]}
- source_match: {severity: critical}
  target_match_re: {severity: warning}
time_intervals:
- name: office
  time_intervals:
  - {weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}], location: Europe/Berlin, years: [2026]}
"""


def test_a_configuration_becomes_rules() -> None:
    sheet = alertmanager.read(parse_yaml(CONFIG, "am.yml").content, "am.yml")
    root = sheet.items[0]
    assert root.rule == {
        "name": "route",
        "when": 'source == "alertmanager"',
        "group_by": ["labels.alertname", 'labels["kubernetes.io/name"]'],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "playbook": "everybody",
        "send_resolved": False,
        "held_ends": "forget",
    }
    db, front, unheard = root.items
    assert db.rule == {
        "name": "route.1",
        "when": 'labels.service in ["mysql", "cassandra"]',
        "group_wait": "10s",
        "playbook": "db",
        "send_resolved": True,
        "muted": ["office"],
        "continue": True,
    }
    assert db.notes == [
        "only some integrations of this receiver are told of resolved alerts; here all are",
        "mute_time_intervals names 'nowhere', which the configuration does not define",
    ]
    assert front.rule == {
        "name": "route.2",
        "when": 'labels.team == "frontend" && labels.env.matches("^(?:prod.*)$")',
        "group_by": ["labels"],
        "playbook": None,
        "send_resolved": False,
        "active": ["office"],
    }
    assert [item.rule for item in front.items] == [None]
    assert "RE2 refuses" in front.items[0].notes[0]
    assert unheard.notes == [
        "the receiver 'unheard' is not defined",
        "the key 'colour' is not carried over; expected one of " + ", ".join(sorted(alertmanager._ROUTE_KEYS)),
    ]
    assert [item.rule for item in sheet.items[1:]] == [
        {
            "name": "inhibit-1",
            "when": 'source == "alertmanager" && labels.alertname == "ClusterDown"',
            "inhibit": {
                "when": 'source == "alertmanager" && labels.severity in ["warning", "info"]',
                "equal": ["labels.cluster"],
                "sources": "last",
            },
        },
        {
            "name": "inhibit-2",
            "when": 'source == "alertmanager" && labels.severity == "critical"',
            "inhibit": {
                "when": 'source == "alertmanager" && labels.severity == "warning"',
                "sources": "last",
            },
        },
    ]
    assert sheet.times["office"][0]["years"] == ["2026"]
    assert sheet.counts == {"exact": 5, "with_comment": 2, "left_out": 1}
    assert parse_yaml(write(sheet), "x").content["rules"][0]["rules"][1]["group_by"] == ["labels"]


def test_what_a_child_does_not_say_is_its_parents() -> None:
    text = """
    route:
      receiver: r
      group_by: [alertname]
      routes:
      - {matchers: [a=1], group_by: [], repeat_interval: 1y}
      - {match: {on: true, off: null, n: 1.0}}
    receivers: [{name: r}]
    """
    root = alertmanager.read(parse_yaml(text, "am.yml").content, "am.yml").items[0]
    empty, plain = (item.rule or {} for item in root.items)
    assert empty["group_by"] == []
    assert empty["repeat_interval"] == "365d"
    assert plain["when"] == 'labels.on == "true" && (!has(labels.off) || labels.off == "") && labels.n == "1.0"'


def test_times_that_are_none_are_left_out_and_told_where_they_are_named() -> None:
    text = """
    route: {receiver: r, routes: [{matchers: [a=1], mute_time_intervals: [here, night]}]}
    receivers: [{name: r}]
    time_intervals:
    - {name: here, time_intervals: [{location: Local}]}
    - {name: night, time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}]}]}
    """
    sheet = alertmanager.read(parse_yaml(text, "am.yml").content, "am.yml")
    here, root = sheet.items
    assert (here.rule, here.notes[0].startswith("there is no time zone 'Local'")) == (None, True)
    assert (root.items[0].rule or {})["muted"] == ["night"]
    assert root.items[0].notes == ["mute_time_intervals names 'here', which the configuration does not define"]


def test_a_file_without_a_route_is_refused() -> None:
    with pytest.raises(NotImportable, match="route"):
        alertmanager.read({"groups": []}, "x")


def test_mended_rules_repeat_no_known_defect() -> None:
    sheet = alertmanager.read(parse_yaml(CONFIG, "am.yml").content, "am.yml", mended=True)
    assert "held_ends" not in (sheet.items[0].rule or {})
    assert [set((item.rule or {})["inhibit"]) for item in sheet.items[1:]] == [{"when", "equal"}, {"when"}]
    assert sheet.remarks == []
