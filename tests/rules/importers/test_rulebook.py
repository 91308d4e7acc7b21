"""Rulebooks become rules: single conditions, any, all, not_all, throttles, the first rule that matches."""

from __future__ import annotations

from typing import Any

from rules.importers import rulebook
from rules.importers.sheet import Sheet


def imported(*rules: dict[str, Any], **ruleset: Any) -> Sheet:
    return rulebook.read([{"name": "set", "hosts": "all", "rules": list(rules), **ruleset}], "x.yml")


def rule(condition: object, name: str = "r", **more: Any) -> dict[str, Any]:
    return {"name": name, "condition": condition, "action": {"none": {}}, **more}


def only(*rules: dict[str, Any], **ruleset: Any) -> dict[str, Any]:
    (item,) = imported(*rules, **ruleset).items
    assert item.rule is not None
    return item.rule


def test_one_condition_is_one_rule_and_each_event_an_incident() -> None:
    assert only(rule("event.x == 1")) == {"name": "r", "when": "raw.x == 1", "group_by": ["id"], "playbook": "none"}


def test_any_is_an_alternative() -> None:
    assert only(rule({"any": ["event.x == 1", "event.y == 2"]}))["when"] == "raw.x == 1 || raw.y == 2"


def test_all_takes_every_combination_and_forgets_what_it_took() -> None:
    made = only(rule({"all": ["event.x == 1", "event.y == 2"], "timeout": "10 seconds"}))
    assert made["match"] == {
        "steps": {"m_0": "raw.x == 1", "m_1": "raw.y == 2"},
        "within": "10s",
        "combinations": "each",
        "consume": True,
        "doubles": "lost",
    }
    assert made["group_by"] == []
    mended = rulebook.read(
        [{"name": "s", "rules": [rule({"all": ["event.x == 1", "event.y == 2"]})]}], "x", mended=True
    )
    assert "doubles" not in (mended.items[0].rule or {})["match"]


def test_all_keeps_its_events_where_rules_may_share_them() -> None:
    made = only(rule({"all": ["event.x == 1", "event.y == 2"]}), match_multiple_rules=True, default_events_ttl="1 hour")
    assert made["match"]["within"] == "1h"
    assert "consume" not in made["match"]


def test_joins_become_same() -> None:
    made = only(
        rule(
            {
                "all": [
                    "events.first << event.x == 1",
                    "event.host == events.first.host and event.y == 2 and event.a == events.first.b",
                ]
            }
        )
    )
    assert made["match"]["same"] == {"first": ["raw.host", "raw.b"], "m_1": ["raw.host", "raw.a"]}
    made = only(
        rule(
            {
                "all": [
                    "event.x == 1",
                    "event.x == 2 and event.h == events.m_0.h",
                    "event.x == 3 and event.h == events.m_0.h",
                ]
            }
        )
    )
    assert made["match"]["same"] == {"m_0": "raw.h", "m_1": "raw.h", "m_2": "raw.h"}


def test_not_all_expects_all_by_a_deadline() -> None:
    made = only(rule({"not_all": ["event.x == 1", "event.y == 2"], "timeout": "5 minutes"}))
    assert made["match"] == {
        "steps": {"m_0": "raw.x == 1", "m_1": "raw.y == 2"},
        "expect": "all",
        "within": "5m",
        "combinations": "each",
    }


def test_not_all_without_a_timeout_is_left_out() -> None:
    (item,) = imported(rule({"not_all": ["event.x == 1", "event.y == 2"]})).items
    assert item.rule is None
    assert "no timeout" in item.notes[0]


def test_throttles_are_throttles() -> None:
    keys = {"group_by_attributes": ["event.meta.hosts", "event['a-b']"]}
    by = ["raw.meta.hosts", 'raw["a-b"]']
    for theirs, ours in (
        ({"once_within": "5 minutes", **keys}, {"once_within": "5m", "by": by}),
        ({"once_after": "3 seconds", **keys}, {"once_after": "3s", "by": by}),
        ({"accumulate_within": "1 hour", "threshold": 3, **keys}, {"accumulate_within": "1h", "count": 3, "by": by}),
    ):
        assert only(rule("event.x == 1", throttle=theirs))["throttle"] == ours


def test_the_first_rule_that_matches_takes_the_event() -> None:
    sheet = imported(
        rule("event.x == 1", "a"), rule({"all": ["event.x == 1", "event.y == 2"]}, "b"), rule("event.z == 1", "c")
    )
    tree, steps = sheet.items
    assert tree.rule == {"name": "set", "when": "raw.x == 1 || raw.z == 1", "group_by": ["id"]}
    assert [item.rule for item in tree.items] == [
        {"name": "a", "when": "raw.x == 1", "playbook": "none"},
        {"name": "c", "when": "raw.z == 1", "playbook": "none"},
    ]
    assert steps.name == "b"


def test_rules_share_events_where_the_rule_set_says_so() -> None:
    sheet = imported(rule("event.x == 1", "a"), rule("event.x == 1", "c"), match_multiple_rules=True)
    assert [item.name for item in sheet.items] == ["a", "c"]


def test_actions_are_playbooks_and_facts() -> None:
    made = only(
        rule(
            "event.x == 1",
            action=None,
            actions=[{"set_fact": {"fact": {"mode": "on"}}}, {"run_playbook": {"name": "org.fix.yml"}}],
        )
    )
    assert (made["playbook"], made["set_fact"]) == ("org.fix", {"mode": '"on"'})
    (item,) = imported(rule("event.x == 1", action={"post_event": {"event": {"j": 1}}})).items
    assert item.notes == ["the action post_event has nothing like it here"]
    assert item.rule is not None
    assert "playbook" not in item.rule


def test_facts_beside_an_event_are_asked_when_it_comes() -> None:
    sheet = imported(rule({"all": ["fact.mode == 'on'", "event.x == 1"]}))
    assert sheet.items[0].rule == {
        "name": "r",
        "when": 'raw.x == 1 && fact.mode == "on"',
        "group_by": ["id"],
        "playbook": "none",
    }
    assert sheet.items[0].notes


def test_what_is_switched_off_stays_so_and_odd_names_are_kept_in_words() -> None:
    made = only(rule("event.x == 1", "Node down!", enabled=False))
    assert (made["name"], made["description"], made["enabled"]) == ("Node-down", "Node down!", False)


def test_sources_are_told_of() -> None:
    sheet = imported(
        rule("event.x == 1"), sources=[{"name": "hook", "ansible.eda.webhook": {"port": 1}, "filters": []}]
    )
    assert (sheet.items[0].kind, sheet.items[0].name, sheet.items[0].rule) == ("source", "ansible.eda.webhook", None)
    assert sheet.counts == {"exact": 1, "with_comment": 0, "left_out": 1}


def test_conditions_that_look_at_other_events_otherwise_are_asked_of_the_combination() -> None:
    made = only(rule({"all": ["events.a << event.x == 1", "event.y == 2 and event.n > events.a.n"]}))
    assert made["match"]["steps"] == {"a": "raw.x == 1", "m_1": "raw.y == 2"}
    assert made["match"]["where"] == "steps.m_1.raw.n > steps.a.raw.n"
    chain = ["event.x == 1", "event.x == 2 and event.h == events.m_0.h", "event.x == 3 and event.g == events.m_1.g"]
    made = only(rule({"all": chain}))
    assert "same" not in made["match"]
    assert made["match"]["where"] == "steps.m_1.raw.h == steps.m_0.raw.h && steps.m_2.raw.g == steps.m_1.raw.g"


def test_a_name_that_no_condition_before_gave_is_a_field_of_the_event() -> None:
    made = only(rule({"all": ["events.a << event.x == 1", "event.x > events.b.x"]}))
    assert made["match"]["steps"]["m_1"] == "raw.x > raw.b.x"
    made = only(rule({"all": ["event.x == events.m_1.x", "event.y == 1"]}))
    assert made["match"]["steps"]["m_0"] == "raw.x == raw.m_1.x"
    assert only(rule("events.x in [1, 2]"))["when"] == "raw.x in [1, 2]"


def test_what_alone_is_not_defined_is_missed_from_the_start() -> None:
    made = only(rule("event.a.b is not defined"), default_events_ttl="1 hour")
    there = "has(raw.a) && (raw.a == null || type(raw.a) == map && has(raw.a.b))"
    assert made["match"] == {"absent": there, "within": "1h", "at_once": True}
    assert only(rule({"any": ["event.a is not defined", "event.x == 1"]}))["when"] == "!has(raw.a) || raw.x == 1"


def test_facts_alone_fire_nothing() -> None:
    for condition in ("fact.mode == 'on'", {"all": ["fact.mode == 'on'", "fact.os == 'linux'"]}):
        (item,) = imported(rule(condition)).items
        assert item.rule is None
        assert "facts alone" in item.notes[-1]


def test_attributes_to_group_by_are_paths() -> None:
    (item,) = imported(
        rule("event.x == 1", throttle={"once_within": "1 minute", "group_by_attributes": ["host"]})
    ).items
    assert item.rule is None
    assert "event.host" in item.notes[0]


def test_a_fact_with_a_name_is_compared_as_a_fact() -> None:
    made = only(rule({"all": ["facts.first << fact.custom.index is defined", "event.i == facts.first.custom.index"]}))
    assert (
        made["when"] == "raw.i == fact.custom.index && has(fact.custom) && "
        "(fact.custom == null || type(fact.custom) == map && has(fact.custom.index))"
    )
