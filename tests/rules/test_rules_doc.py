"""The page for users: every key is there, and its examples load."""

import re
from pathlib import Path

from rules.load import load_texts
from rules.model import Rule
from schemas.spans import parse_span

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()


def keys_of_tables() -> list[list[str]]:
    """The first cells of each table, in order."""
    tables = re.findall(r"^\| key .*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)
    return [re.findall(r"^\| `(\w+)` \|", table, re.M) for table in tables]


def test_every_key_is_on_the_page_and_no_other() -> None:
    rule, *_ = keys_of_tables()
    assert rule == [field.alias or name for name, field in Rule.model_fields.items()]


def test_the_examples_load() -> None:
    examples = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if re.search("^rules:", text, re.M)]
    assert len(examples) >= 2
    for text in examples:
        load_texts({"docs/rules.md": text})


def test_the_full_example_says_every_key() -> None:
    full = next(text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "checkout-burst" in text)
    of_trees = {"continue", "rules", "under"}
    assert (
        set(re.findall(r"^ +(?:- )?(\w+):", full, re.M))
        == {field.alias or name for name, field in Rule.model_fields.items()} - of_trees
    )


def test_defaults_and_limits_are_those_of_the_model() -> None:
    assert Rule.model_fields["reopen_within"].default == parse_span("30m")
    assert "| `30m` |" in PAGE
