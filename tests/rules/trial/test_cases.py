"""Tests of rules pass when what was expected follows and nothing else of its kinds, and say what is missing when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.trial.cases import Coverage, Outcome, case_files, run_file
from schemas.document import DocumentInvalid

RULES = """
rules:
  - name: burst
    when: source == "sentry" && service == "checkout"
    group_by: [service]
    match: {count: ">= 3", within: 5m}
    playbook: log-burst
  - name: other
    when: source == "other"
"""
THREE = "events: [{t: 0, repeat: 3, every: 10, signal: {source: sentry, service: checkout}}]"


def outcomes(folder: Path, tests: str, head: str = "") -> tuple[list[Outcome], Coverage]:
    (folder / "a.yaml").write_text(RULES)
    (folder / "a.test.yaml").write_text(f"{head}tests:\n{tests}")
    coverage = Coverage()
    return list(run_file(folder / "a.test.yaml", coverage)), coverage


def test_what_is_expected_and_happens_passes_and_covers_its_rule(tmp_path: Path) -> None:
    (found,), coverage = outcomes(
        tmp_path,
        f"""
  - name: three open
    {THREE}
    expect:
      - {{t: 20, kind: incident.opened, rule: burst, group: {{service: checkout}}, signals: [0]}}
      - {{t: 20, kind: playbook.selected, playbook: log-burst, data: {{incident: {{episode: 1}}}}}}
""",
    )
    assert found.passed, found
    assert (coverage.untested, coverage.share) == (["other"], 50.0)


def test_what_is_missing_is_shown_beside_what_there_is(tmp_path: Path) -> None:
    (found,), coverage = outcomes(
        tmp_path, f"  - {{name: late, {THREE}, expect: [{{t: 21, kind: incident.opened}}, {{kind: playbook.skipped}}]}}"
    )
    assert not found.passed
    assert found.line == 2
    assert "t=20 incident.opened rule='burst'" in found.missing[0]
    assert found.missing[1] == "playbook.skipped; of that kind there are none"
    assert len(found.unexpected) == 1
    assert coverage.untested == ["burst", "other"]


def test_an_incident_that_nobody_expects_fails_the_test(tmp_path: Path) -> None:
    (found,), _ = outcomes(tmp_path, f"  - {{name: quiet, {THREE}, expect: []}}")
    assert [text.split(" rule")[0] for text in found.unexpected] == ["t=20 incident.opened"]


def test_other_kinds_are_looked_at_only_where_they_are_named(tmp_path: Path) -> None:
    two = THREE.replace("repeat: 3", "repeat: 2")
    (quiet, counted), _ = outcomes(
        tmp_path,
        f"""
  - {{name: nothing, {two}, expect: [], until: 600}}
  - {{name: counted, {two}, expect: [{{kind: signal.suppressed, reason: below_threshold, rule: burst}}], until: 600}}
""",
    )
    assert quiet.passed
    assert counted.passed, counted


def test_a_test_that_cannot_run_says_why(tmp_path: Path) -> None:
    (found,), _ = outcomes(tmp_path, "  - {name: x, events: [{t: 0, signal: {severity: bad}}], expect: []}")
    assert "severity" in found.fault


def test_rules_of_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.yaml").write_text("rules: [{name: b, when: 'true'}]")
    found, coverage = outcomes(
        tmp_path,
        "  - {name: x, events: [{t: 0, signal: {}}], expect: [{kind: incident.opened, rule: b}]}",
        "rules: [more]\nbase: 2026-06-01T00:00:00Z\n",
    )
    assert found[0].passed
    assert coverage.rules == {"b"}


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        ("  - {nam: x, events: [], expect: []}", "unknown key 'nam'"),
        ("  - {name: x, events: [{t: 0, signl: {}}], expect: []}", "unknown key 'signl'; did you mean 'signal'"),
        ("  - {name: x, events: []}", "'expect' is missing"),
    ],
)
def test_faults_of_a_test_file_have_their_place(tmp_path: Path, tests: str, words: str) -> None:
    with pytest.raises(DocumentInvalid, match=words):
        outcomes(tmp_path, tests)


def test_test_files_are_found_at_any_depth(tmp_path: Path) -> None:
    for name in ("a.test.yaml", "a.yaml", "deep/b.test.yml", "deep/c.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [file.name for file in case_files([tmp_path])] == ["a.test.yaml", "b.test.yml"]


def test_of_a_rule_file_the_tests_beside_it_are_meant(tmp_path: Path) -> None:
    for name in ("a.test.yaml", "a.yaml", "b.yaml", "c.test.yml", "c.yml"):
        (tmp_path / name).touch()
    found = case_files([tmp_path / "a.yaml", tmp_path / "c.yml", tmp_path / "c.test.yml"])
    assert [file.name for file in found] == ["a.test.yaml", "c.test.yml"]


def test_rules_that_are_included_are_covered_by_tests_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text("rules: [{name: common, when: type == 'error'}]\n")
    (tmp_path / "x.yaml").write_text("include: common.yaml\nrules: [{name: mine, when: type == 'alert'}]\n")
    (tmp_path / "x.test.yaml").write_text(
        "tests:\n  - {name: it opens, events: [{t: 0, signal: {}}], expect: [{kind: incident.opened, rule: mine}]}\n"
    )
    coverage = Coverage()
    assert all(outcome.passed for outcome in run_file(tmp_path / "x.test.yaml", coverage))
    assert (coverage.rules, coverage.untested) == ({"mine"}, [])
