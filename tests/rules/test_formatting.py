"""Rule files in one shape: what they say stays, comments stay, and once is enough."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from rules.formatting import formatted
from rules.load import PACKS, files_of
from schemas.document import DocumentInvalid

UNTIDY = """\
# head
rules:


- when: severity == "critical"   # trailing
  name: pages
  # about the playbook
  playbook: x
- {when: 'a == "b"', name: two}
- playbook: p
  name: three

  when: |
    source == "x" &&

      y
  rules:
   - playbook: z
     name: inner
     when: 'true'
times: {office: [{weekdays: [monday]}]}
"""


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_keys_go_into_the_order_of_the_language() -> None:
    made = formatted(UNTIDY, "x")
    assert read(made) == read(UNTIDY)
    assert "  - {name: two, when: 'a == \"b\"'}\n" in made
    assert list(read(made)["rules"][2]) == ["name", "when", "playbook", "rules"]
    assert list(read(made)["rules"][2]["rules"][0]) == ["name", "when", "playbook"]


def test_comments_stay_where_they_are() -> None:
    made = formatted(UNTIDY, "x")
    assert made.startswith("# head\n")
    assert 'when: severity == "critical" # trailing\n' in made
    assert list(read(made)["rules"][0]) == ["when", "name", "playbook"]


def test_texts_over_several_lines_keep_their_blank_lines() -> None:
    text = "rules:\n- name: a\n  when: 'true'\n  description: |\n    one  \n\n\n\n    two\n"
    assert read(formatted(text, "x")) == read(text)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["name", "when", "playbook", "group_by", "labels", "unknown"]),
            st.text(st.characters(codec="ascii"), max_size=12) | st.lists(st.integers(), max_size=2) | st.booleans(),
            min_size=1,
        ),
        max_size=4,
    )
)
def test_formatting_changes_nothing_that_is_said_and_is_done_once(rules: list[dict[str, Any]]) -> None:
    import io

    out = io.StringIO()
    YAML().dump({"rules": rules}, out)
    made = formatted(out.getvalue(), "x")
    assert read(made) == {"rules": rules}
    assert formatted(made, "x") == made


@pytest.mark.parametrize("file", files_of(PACKS), ids=lambda file: file.name)
def test_what_ships_is_formatted_once(file: Any) -> None:
    made = formatted(file.read_text(), file.name)
    assert read(made) == read(file.read_text())
    assert formatted(made, file.name) == made


def test_what_is_no_yaml_is_refused_with_its_place() -> None:
    with pytest.raises(DocumentInvalid, match=r"x:2:"):
        formatted("rules:\n  - [", "x")


def test_an_empty_file_stays_empty() -> None:
    assert formatted("", "x") == ""
