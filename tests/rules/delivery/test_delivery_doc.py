"""The page on who is told and when: its examples do what their tests on the page say, and every key is there."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from rules.delivery.group import Reason
from rules.delivery.holds import Cause
from rules.delivery.said import Dedup, Flapping, Inhibit, Storm, Throttle, TimeInterval
from rules.trial.cases import Coverage, run_file

PAGE = (Path(__file__).parents[3] / "docs" / "delivery.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
PAIRS = list(zip(BLOCKS[::2], BLOCKS[1::2], strict=True))


@pytest.mark.parametrize(("rules", "tests"), PAIRS, ids=[re.findall(r"name: ([\w-]+)", rules)[0] for rules, _ in PAIRS])
def test_each_example_does_what_its_test_says(rules: str, tests: str, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(rules)
    (tmp_path / "example.test.yaml").write_text(tests)
    outcomes = list(run_file(tmp_path / "example.test.yaml", Coverage()))
    assert outcomes and [str(outcome) for outcome in outcomes if not outcome.passed] == []


def rows(section: str, table: int = 0) -> list[str]:
    """The first cells of a table of a section."""
    text = re.split(rf"^## {section}$", PAGE, flags=re.M)[1].split("\n## ")[0]
    tables = re.findall(r"^\| (?:key|reason) .*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M)
    return re.findall(r"^\| `(\w+)` \|", tables[table], re.M)


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("Inhibition", Inhibit),
        ("Throttles", Throttle),
        ("Flapping", Flapping),
        ("Storms", Storm),
        ("The same again", Dedup),
        ("Times", TimeInterval),
    ],
)
def test_every_key_is_on_the_page(section: str, model: type[BaseModel]) -> None:
    assert rows(section) == list(model.model_fields)


def test_every_reason_is_on_the_page() -> None:
    assert rows("What holds a telling") == list(Cause.__args__)
    assert rows("Waits and repeats") == list(Reason.__args__)
