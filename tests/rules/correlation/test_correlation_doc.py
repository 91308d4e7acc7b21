"""The page on correlation: its examples do what their tests on the page say, and every key and reason is there."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from rules.correlation.said import Correlate, StormOfAll
from rules.correlation.terms import Reason
from rules.trial.cases import Coverage, run_file

PAGE = (Path(__file__).parents[3] / "docs" / "correlation.md").read_text()
TOPOLOGY, *BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
PAIRS = list(zip(BLOCKS[::2], BLOCKS[1::2], strict=True))


@pytest.mark.parametrize(("rules", "tests"), PAIRS, ids=[re.findall(r"name: ([\w-]+)", rules)[0] for rules, _ in PAIRS])
def test_each_example_does_what_its_test_says(rules: str, tests: str, tmp_path: Path) -> None:
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    (tmp_path / "example.yaml").write_text(rules)
    (tmp_path / "example.test.yaml").write_text(tests)
    outcomes = list(run_file(tmp_path / "example.test.yaml", Coverage()))
    assert outcomes and [str(outcome) for outcome in outcomes if not outcome.passed] == []


def rows(section: str, head: str) -> list[str]:
    """The first cells of the table of a section whose first column is called so."""
    text = re.split(rf"^## {section}$", PAGE, flags=re.M)[1].split("\n## ")[0]
    tables = re.findall(rf"^\| {head} .*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M)
    return re.findall(r"^\| `(\w+)` \|", tables[0], re.M)


@pytest.mark.parametrize(("section", "model"), [("In a rule", Correlate), ("Storms of all rules", StormOfAll)])
def test_every_key_is_on_the_page(section: str, model: type[BaseModel]) -> None:
    assert rows(section, "key") == list(model.model_fields)


def test_every_reason_is_on_the_page() -> None:
    assert rows("What becomes of them", "reason") == list(get_args(Reason))
