"""docs/conditions.md says what the code does: its tables of functions and macros, its examples, its limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules import cel
from rules.cel import evaluate, parser, patterns, resolve

PAGE = (Path(__file__).parents[3] / "docs" / "conditions.md").read_text(encoding="utf-8")
FIELDS = cel.FieldSchema(
    {
        "source": "string", "service": "string", "severity": "string", "labels": "map", "measures": "numbers", "raw": "dyn",
        "occurred_at": "timestamp", "received_at": "timestamp",
    }
)  # fmt: skip


def table(heading: str) -> list[tuple[str, str, str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return [
        (row[0].strip(" `"), row[1].strip().strip("`").replace("\\|", "|"), row[2].strip().replace("\\|", "|"))
        for row in rows
    ]


def test_the_table_of_functions_is_the_one_in_the_code() -> None:
    assert table("Functions") == [(name, function.usage, function.purpose) for name, function in cel.FUNCTIONS.items()]


def test_the_table_of_macros_is_the_one_in_the_code() -> None:
    assert table("Macros") == [(name, usage, purpose) for name, (usage, purpose) in cel.MACROS.items()]


@pytest.mark.parametrize("example", re.findall(r"```cel\n(.*?)\n```", PAGE, re.DOTALL))
def test_the_examples_load(example: str) -> None:
    assert cel.compile(example, schema=FIELDS).paths


def test_what_is_said_about_failures_is_so() -> None:
    for source, signal, expected in (
        ('labels.team == "web" || severity == "critical"', {"labels": {}, "severity": "critical"}, True),
        ('!(labels.team == "web")', {"labels": {}}, False),
        ('!has(labels.team) || labels.team != "web"', {"labels": {}}, True),
        ('labels.team != "web"', {"labels": {}}, False),
    ):
        assert source in PAGE
        assert cel.compile(source, schema=FIELDS).matches(signal) is expected
    with pytest.raises(cel.CelError, match="never equal"):
        cel.compile("labels.code == 500", schema=FIELDS)


def test_the_limits_are_those_of_the_code() -> None:
    words = re.sub(r"\s+", " ", PAGE)
    assert f"at most {parser.MAX_SOURCE:,} characters, nests at most {parser.MAX_DEPTH} deep" in words
    assert (
        f"has at most {resolve.MAX_NODES:,} parts; a pattern has at most {patterns.MAX_PATTERN:,} characters" in words
    )
    assert (
        f"at most {evaluate.MAX_ITEMS:,} items, and macros within macros take at most {evaluate.MAX_COST:,} steps"
        in words
    )
