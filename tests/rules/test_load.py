"""Rule files: what is read, and what is refused with every fault in its place."""

from pathlib import Path

import pytest

from rules.load import PACKS, RulesInvalid, load, load_texts, unpack
from tests.support.rule_world import rules

PLAYBOOKS = ("triage-error", "triage-alert", "log-burst", "default")


def faults(text: str, playbooks: tuple[str, ...] | None = None) -> list[str]:
    with pytest.raises(RulesInvalid) as caught:
        load_texts({"r.yaml": text}, playbooks=playbooks)
    return str(caught.value).splitlines()


def test_three_lines_make_a_rule() -> None:
    found = rules("rules:\n  - name: pages\n    when: severity == 'critical'\n")
    rule = found.rules[0].rule
    assert (rule.name, rule.group_by, rule.match, rule.playbook) == ("pages", ("group_key",), None, None)


def test_the_shipped_rules_load_and_name_only_shipped_playbooks() -> None:
    found = load([PACKS], playbooks=PLAYBOOKS)
    assert {rule.rule.playbook for rule in found.rules if rule.rule.opens} == set(PLAYBOOKS)
    assert all(rule.rule.description for rule in found.rules)


def test_every_fault_of_a_file_is_told_at_once_with_its_place() -> None:
    text = """rules:
  - name: x
    when: sevrity == "a" && labels.x.matches("(a")
    match: {count: ">= 20"}
    grup_by: [a]
  - name: x
    when: |
      severity == "error" &&
         foo(1)
    match: {count: "20", within: 5x}
    playbook: triage-eror
    severity: fatal
  - name: x y
  - 5
tims: {}
"""
    found = faults(text, ("triage-error",))
    places = [fault.split(": ")[0] for fault in found]
    assert places == [
        "r.yaml:3:11", "r.yaml:3:46", "r.yaml:4:5", "r.yaml:5:5", "r.yaml:6:11", "r.yaml:9:10", "r.yaml:10:13", "r.yaml:10:26",
        "r.yaml:11:15", "r.yaml:12:5", "r.yaml:13:5", "r.yaml:13:5", "r.yaml:14:5", "r.yaml:15:1",
    ]  # fmt: skip
    text = "\n".join(found)
    for hint in (
        "did you mean 'severity'",
        "RE2 refuses",
        "within: 5m",
        "did you mean 'group_by'",
        "taken by the rule at r.yaml:2",
    ):
        assert hint in text
    for hint in (
        "unknown function 'foo'",
        "expected '>= 20'",
        "'1h30m'",
        "did you mean 'triage-error'",
        "'when' is missing",
    ):
        assert hint in text


@pytest.mark.parametrize(
    ("when", "column"),
    [("own && sevrity == 'x'", 18), ("\"own && sevrity == 'x'\"", 19), ("'own && sevrity == \"x\"'", 19)],
)
def test_a_fault_in_a_condition_stands_where_it_is_written(when: str, column: int) -> None:
    assert faults(f"rules:\n  - name: x\n    when: {when}\n")[0].startswith(
        f"r.yaml:3:{column}: when: unknown field 'sevrity'"
    )


def test_a_fault_in_folded_text_stands_on_its_line() -> None:
    text = "rules:\n  - name: x\n    when: >-\n      own &&\n      sevrity == 'x'\n"
    assert faults(text)[0].startswith("r.yaml:5:7: when: unknown field 'sevrity'")


def test_a_window_is_bounded_in_span_and_number() -> None:
    found = faults(
        "rules:\n  - {name: x, when: own, match: {count: '>= 100000', within: 5m}}\n  - {name: y, when: own, match: {count: 2, within: 900d}}\n"
    )
    assert "whole numbers up to 10000" in found[0]
    assert "at most 400d" in found[1]


@pytest.mark.parametrize("text", ["a: [", "rules: 5", "[]", "rules:\n  - name: a\n    name: b\n", "rules: [\t"])
def test_what_is_no_rule_file_is_refused_with_a_place(text: str) -> None:
    assert all(fault.startswith("r.yaml:") for fault in faults(text))


def test_an_empty_file_has_no_rules() -> None:
    assert rules("# nothing yet\n").rules == ()


def test_names_are_unique_among_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml"):
        (tmp_path / name).write_text("rules:\n  - {name: same, when: own}\n")
    (tmp_path / "c.test.yaml").write_text("cases: []\n")
    with pytest.raises(RulesInvalid, match=r"b\.yml:2:.*taken by the rule at .*a\.yaml:2"):
        load([tmp_path])


def test_rules_act_by_priority_then_in_order_and_disabled_ones_do_not() -> None:
    text = """rules:
  - {name: a, when: own}
  - {name: b, when: own, priority: 5}
  - {name: c, when: own, enabled: false}
  - {name: d, when: own}
"""
    assert [rule.name for rule in rules(text).rules] == ["b", "a", "d"]


def test_the_version_is_that_of_what_the_rules_say() -> None:
    one = rules("rules:\n  - {name: a, when: own}\n")
    spaced = rules("# a comment\nrules:\n\n  - name: a\n    when: own\n")
    other = rules("rules:\n  - {name: a, when: '!own'}\n")
    assert one.version == spaced.version != other.version


def test_a_rule_that_changes_its_playbook_keeps_what_it_counted() -> None:
    one, other = (
        rules(f"rules:\n  - {{name: a, when: own, match: {{count: 2, within: 5m}}, playbook: {name}}}\n").rules[0]
        for name in ("x", "y")
    )
    assert one.version != other.version
    assert one.matching.memory == other.matching.memory


def test_a_packed_rule_set_is_the_same_when_unpacked() -> None:
    found = load([PACKS])
    assert unpack(found.packed()).version == found.version
