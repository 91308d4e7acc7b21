"""Explanations of routing trees and times: who takes the signal, who is passed over, and when nobody is told."""

from __future__ import annotations

from rules.explain import explain
from schemas.time import from_rfc3339
from tests.support.rule_world import World, at, command, signal

RULES = """
rules:
  - name: pages
    when: source == "alertmanager"
    rules:
      - {name: db, when: 'labels.team == "db"', muted: [night]}
      - {name: late, when: 'labels.env == "prod"'}
      - name: web
        when: labels.team == "web"
        rules: [{name: front, when: labels.env == "prod"}]
  - name: others
    when: source == "other"
    rules: [{name: below, when: 'labels.team == "db"'}]
times: {night: [{times: [{start_time: "00:00", end_time: "06:00"}]}]}
"""


def reasons(**labels: str) -> dict[str, str]:
    found = explain(
        World(RULES).engine.ruleset, signal("a", labels=labels).model_dump(mode="json", exclude_none=True), None, at(0)
    )
    return {verdict.rule: verdict.reason if verdict.matched else "-" for verdict in found.rules}


def test_the_first_child_that_matches_takes_the_signal() -> None:
    assert reasons(team="db", env="prod") == {
        "pages": "db below it acts instead",
        "db": "an incident opens",
        "late": "db takes the signal before it does",
        "web": "-",
        "front": "it stands under web, which does not match",
        "others": "-",
        "below": "it stands under others, which does not match",
    }


def test_a_rule_of_a_tree_acts_itself_where_nothing_below_matches() -> None:
    assert reasons(team="web")["web"] == "an incident opens"
    assert reasons(team="web", env="prod")["front"] == "late takes the signal before web does"
    assert reasons(team="ops")["pages"] == "an incident opens"


def test_times_in_which_nobody_is_told_are_named() -> None:
    fields = signal("a", labels={"team": "db"}).model_dump(mode="json", exclude_none=True)
    night, day = (from_rfc3339(f"2026-11-21T{hour}:00:00Z") for hour in ("03", "10"))
    ruleset = World(RULES).engine.ruleset
    told = {verdict.rule: verdict for verdict in explain(ruleset, fields, None, night).rules}["db"]
    assert told.acts
    assert told.held == "nobody is told now: muted in night until 2026-11-21T06:00Z (3h)"
    assert "held   nobody is told now" in told.render()
    assert {verdict.rule: verdict for verdict in explain(ruleset, fields, None, day).rules}["db"].held is None


def test_a_silence_that_recurs_is_told_of_only_in_its_times() -> None:
    world = World(RULES)
    world.push(0, command("silence", 0, matcher='labels.team == "db"', until="2026-12-21T00:00:00Z", reason="x",
                          times=[{"times": [{"start_time": "12:00", "end_time": "13:00"}]}]))  # fmt: skip
    fields = signal("a", labels={"team": "db"}).model_dump(mode="json", exclude_none=True)
    noon = from_rfc3339("2026-11-21T12:30:00Z")
    assert explain(world.engine.ruleset, fields, world.state, at(0)).held_by is None
    assert "silenced by" in str(explain(world.engine.ruleset, fields, world.state, noon).held_by)
