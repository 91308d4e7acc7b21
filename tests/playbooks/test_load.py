"""Playbooks are checked whole at load: every fault at once, at its place, with what was probably meant."""

import pytest

from playbooks.library import load_library
from playbooks.load import read, thaw
from schemas.document import DocumentInvalid
from schemas.time import SECOND

GOOD = """---
name: shop
description: A shop.
gather: [logs.around]
tools: [logs.*]
analyst: {timeout: 1m30s, max_turns: 3}
verdicts:
  actionable: [linear.create_issue]
autonomy: {linear.create_issue: act}
verify: {resolved_within: 2h}
---
# {{ incident.title | quote }}
"""
TEMPLATES = {
    "issue_title": "{{ incident.title | line }}",
    "issue_body": '{% include "part" %}',
    "part": "{{ conclusion.summary | prose }}",
}


def faults_of(text: str, **known: set[str]) -> list[str]:
    with pytest.raises(DocumentInvalid) as refused:
        read("shop.md", text, TEMPLATES, **known)
    return [str(fault) for fault in refused.value.faults]


def test_a_playbook_says_what_it_gathers_who_reasons_and_what_follows() -> None:
    playbook = read("shop.md", GOOD, TEMPLATES)
    assert playbook.front.analyst.timeout == 90 * SECOND
    assert playbook.front.verify.resolved_within == 7200 * SECOND
    assert playbook.actions_for("actionable") == ("linear.create_issue",)
    assert playbook.actions_for("urgent") == ()
    assert playbook.autonomy_of("linear.create_issue") == "act"
    assert playbook.autonomy_of("slack.post") == "propose"
    assert playbook.may_ask("logs.search") and not playbook.may_ask("git.log")


def test_all_faults_are_told_at_once_with_line_column_and_near_names() -> None:
    text = (
        GOOD.replace("gather: [logs.around]", "gathr: [logs.around]")
        .replace("actionable:", "actionabel:")
        .replace("timeout: 1m30s", "timeout: soon")
        .replace("linear.create_issue: act", "linear.create_issue: always")
        .replace("incident.title", "incidnt.title")
    )
    found = faults_of(text)
    assert any(each.startswith("shop.md:4:1: unknown key 'gathr'; did you mean 'gather'?") for each in found), found
    assert any(each.startswith("shop.md:6:11: analyst.timeout: 'soon' is not a span") for each in found), found
    assert any(
        each.startswith("shop.md:8:3: unknown key 'actionabel'; did you mean 'actionable'?") for each in found
    ), found
    assert any(each.startswith("shop.md:9:") and "'always'" in each for each in found), found
    assert any(each.startswith("shop.md:12:1: undefined name 'incidnt'; did you mean 'incident'?") for each in found), (
        found
    )


def test_unknown_tools_and_actions_are_faults_where_the_known_ones_are_given() -> None:
    found = faults_of(GOOD, tools={"logs.arround", "git.log"}, actions={"linear.create_issues"})
    assert any("shop.md:4:10: unknown tool 'logs.around'; did you mean 'logs.arround'?" in each for each in found), (
        found
    )
    assert any(
        "shop.md:8:16: unknown action 'linear.create_issue'; did you mean 'linear.create_issues'?" in each
        for each in found
    ), found
    assert not any("'logs.*'" in each for each in found), "a glob that matches something known is no fault"


def test_what_belongs_to_a_system_that_is_not_configured_is_no_fault_but_a_slip_of_the_pen_is() -> None:
    known = {"signals.around", "signals.search"}
    assert read("shop.md", GOOD, TEMPLATES, tools=known).front.gather == ("logs.around",)
    slip = GOOD.replace("logs.around", "signal.around")
    assert any(
        "unknown tool 'signal.around'; did you mean 'signals.around'" in each for each in faults_of(slip, tools=known)
    )
    verb = GOOD.replace("logs.*", "signals.find*")
    assert any("'signals.find*' matches no tool" in each for each in faults_of(verb, tools=known))


def test_a_misspelt_field_of_a_record_is_found_before_anything_is_rendered() -> None:
    found = faults_of(GOOD.replace("incident.title", "incident.titel"))
    assert found == ["shop.md:12:1: 'incident' has no field 'titel'; did you mean 'title'?"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# only text", "expected front matter"),
        ("---\nname: x\n", "has no end"),
        ("---\nname: [x\n---\n", "not YAML"),
        ("---\n- a\n---\n", "expected keys and values"),
        (GOOD.replace("name: shop\n", ""), "'name' is missing"),
        (GOOD.replace("quote }}", "qoute }}"), "unknown filter 'qoute'; did you mean 'quote'"),
        (GOOD.replace("quote }}", "quote"), "not a template"),
        (GOOD + '{% include "prat" %}', "unknown template 'prat'; did you mean 'part'?"),
    ],
)
def test_what_is_no_playbook_is_refused_with_what_was_expected(text: str, expected: str) -> None:
    found = faults_of(text)
    assert any(expected in each for each in found), found


def test_the_version_changes_with_the_text_and_with_every_template_it_uses() -> None:
    version = read("shop.md", GOOD, TEMPLATES).version
    assert read("elsewhere.md", GOOD, TEMPLATES).version == version
    assert read("shop.md", GOOD + "\n", TEMPLATES).version != version
    assert read("shop.md", GOOD, {**TEMPLATES, "part": "other"}).version != version, "an included template counts"
    assert read("shop.md", GOOD, {**TEMPLATES, "unused": "x"}).version == version


def test_a_frozen_playbook_thaws_to_the_same_version() -> None:
    playbook = read("shop.md", GOOD, TEMPLATES)
    assert thaw(playbook.freeze()) == playbook


def test_the_shipped_playbooks_load_and_gather_something() -> None:
    library = load_library()
    assert {playbook.name for playbook in library} >= {"triage-error", "triage-alert", "log-burst", "default"}
    assert all(playbook.front.gather and playbook.front.verdicts for playbook in library)


def test_a_playbook_or_template_of_the_user_replaces_the_shipped_one(tmp_path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "issue_title.j2").write_text("Mine: {{ incident.title | line }}")
    (tmp_path / "mine.md").write_text(GOOD.replace("name: shop", "name: triage-error"))
    library = load_library(tmp_path)
    assert library.get("triage-error").front.description == "A shop."
    assert library.get("log-burst").templates["issue_title"].startswith("Mine")
    assert library.get("nowhere").name == "default"


def test_faults_of_several_files_are_told_together(tmp_path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "extra.j2").write_text("{{ nobody }}")
    (tmp_path / "a.md").write_text("no front matter")
    (tmp_path / "b.md").write_text(GOOD)
    (tmp_path / "c.md").write_text(GOOD)
    with pytest.raises(DocumentInvalid) as refused:
        load_library(tmp_path)
    told = str(refused.value)
    assert "extra.j2:1:1: undefined name 'nobody'" in told
    assert "a.md:1:1: found 'no front matter'" in told
    assert "c.md:1:1: the name 'shop' is taken" in told
