"""An import is written as YAML that reads back as it was."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.importers.sheet import Item, Names, Sheet
from rules.importers.written import write
from schemas.document import parse_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.lists(TEXTS, max_size=2))
def test_whatever_a_rule_holds_reads_back(rule: dict[str, Any], notes: list[str]) -> None:
    sheet = Sheet("test", "a file", [Item("rule", "r", rule, notes)])
    assert plain(parse_yaml(write(sheet), "x").content) == {"rules": [rule]}


def test_what_is_left_out_stands_as_a_comment_in_its_place() -> None:
    inner = [Item("route", "a", {"name": "a"}), Item("route", "b", None, ["nothing like it"])]
    sheet = Sheet("test", "x.yml", [Item("route", "top", {"name": "top", "playbook": "page"}, ["half"], inner)])
    text = write(sheet)
    assert plain(parse_yaml(text, "x").content) == {
        "rules": [{"name": "top", "playbook": "page", "rules": [{"name": "a"}]}]
    }
    assert "# Not exact: half" in text
    assert "# Left out: route 'b': nothing like it" in text
    assert "1 carried over exactly, 1 with a comment,\n# 1 left out" in text
    assert "Playbooks still to be written: page." in text


def test_times_stand_below_the_rules() -> None:
    sheet = Sheet("test", "x", times={"office": [{"weekdays": ["monday:friday"], "location": "Europe/Berlin"}]})
    read = plain(parse_yaml(write(sheet), "x").content)
    assert read == {"rules": [], "times": {"office": [{"weekdays": ["monday:friday"], "location": "Europe/Berlin"}]}}


def test_names_are_made_plain_and_kept_apart() -> None:
    names = Names()
    assert [names.take("Disk full!"), names.take("Disk full?"), names.take("§§")] == [
        "Disk-full",
        "Disk-full-2",
        "rule",
    ]
    assert names.given["Disk-full-2"] == "Disk full?"
