"""What no signal can reach is left out of an import, with its reason, and the rest loads."""

from __future__ import annotations

import json

from rules.importers.importing import read
from rules.importers.written import write
from rules.load import load_texts

ROUTES = """
route:
  receiver: x
  routes:
  - {matchers: [a="1"], receiver: x}
  - matchers: [a="1", b="2"]
    receiver: y
    routes: [{matchers: [c="3"], receiver: z}]
  - matchers: [a="2"]
    continue: true
    routes: [{matchers: [a="3"], receiver: x}, {matchers: [b="1"], receiver: x}]
  - {matchers: [a="2"], receiver: y}
  - {matchers: [c="1", c="2"], receiver: y}
receivers: [{name: x, webhook_configs: [{}]}, {name: y, webhook_configs: [{}]}, {name: z, webhook_configs: [{}]}]
"""


def test_unreachable_routes_are_left_out_and_the_rest_loads() -> None:
    sheet = read("alertmanager", ROUTES, "am.yml")
    found = {item.name: (item.rule is not None, item.notes) for item in sheet.items[0].walk()}
    assert found == {
        "route": (True, []),
        "route.1": (True, []),
        "route.2": (False, ["no signal reaches it: 'route.1' takes every one first"]),
        "route.2.1": (False, ["what stands above it is left out"]),
        "route.3": (True, []),
        "route.3.1": (False, ["no signal that meets the condition above can meet this one"]),
        "route.3.2": (True, []),
        "route.4": (True, []),
        "route.5": (False, ["no signal can meet its condition"]),
    }
    assert [rule.name for rule in load_texts({"x.yaml": write(sheet)}).rules] == [
        "route",
        "route.1",
        "route.3",
        "route.3.2",
        "route.4",
    ]


def test_what_says_nothing_of_rules_is_named_at_the_head() -> None:
    rulebook = [
        {
            "name": "x",
            "hosts": "all",
            "sources": [{"range": {"limit": 1}, "filters": [{"f": None}]}],
            "rules": [
                {"name": "r", "condition": "event.a == 1", "action": {"run_playbook": {"name": "p.yml", "retries": 2}}}
            ],
        }
    ]
    (said,) = read("ansible-rulebook", json.dumps(rulebook), "r.yml").remarks
    assert said.startswith("Not carried over: `hosts`, `filters`, `run_playbook.retries`; ")
    config = {
        "global": {"resolve_timeout": "1m", "smtp_from": "a@b.example"},
        "templates": ["*.tmpl"],
        "route": {"receiver": "a"},
        "receivers": [{"name": "a"}],
    }
    remarks = read("alertmanager", json.dumps(config), "a.yml").remarks
    assert any(said.startswith("Not carried over: `templates`, `global.smtp_from`; ") for said in remarks)
