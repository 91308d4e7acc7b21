"""The page on matching: every key is there, and every example does what its tests say."""

import re
from pathlib import Path
from typing import get_args

import pytest

from rules.counts import Outcome
from rules.load import load
from rules.match.said import MOST_COUNTED, Match
from rules.model import RuleFile
from rules.trial.cases import Coverage, run_file

PAGE = (Path(__file__).parents[2] / "docs" / "matching.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def test_every_key_of_match_and_of_files_is_on_the_page() -> None:
    tables = re.findall(r"^\| key(?: of a file)? \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)
    match, file = (re.findall(r"^\| `(\w+)` \|", table, re.M) for table in tables)
    assert match == [field.alias or name for name, field in Match.model_fields.items()]
    assert set(file) == set(RuleFile.model_fields) - {"dedup", "storm"}
    assert f"At most {MOST_COUNTED}." in PAGE


def pairs() -> list[tuple[str, str]]:
    rules = [text for text in EXAMPLES if not text.startswith("tests:")]
    tests = [text for text in EXAMPLES if text.startswith("tests:")]
    return list(zip(rules, tests, strict=True))


@pytest.mark.parametrize(("rules", "tests"), pairs(), ids=lambda text: text.split("name: ")[1].split("\n")[0])
def test_an_example_does_what_its_tests_say(rules: str, tests: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(rules)
    (tmp_path / "x.test.yaml").write_text(tests)
    assert load([tmp_path]).rules
    found = list(run_file(tmp_path / "x.test.yaml", Coverage()))
    assert found
    assert [(one.name, one.missing, one.unexpected, one.fault) for one in found if not one.passed] == []


def test_every_reason_for_which_a_signal_comes_to_nothing_is_documented() -> None:
    decisions = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text()
    reasons = re.findall(r"^\| `(\w+)` \|", decisions.split("| reason |")[1].split("\n## ")[0], re.M)
    assert set(reasons) == set(get_args(Outcome))
