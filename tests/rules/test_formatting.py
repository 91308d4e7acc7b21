"""Rule files in one shape: what they say stays, comments stay, and once is enough."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

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
    assert 'when: severity == "critical"   # trailing\n' in made
    assert list(read(made)["rules"][0]) == ["when", "name", "playbook"]


def test_texts_over_several_lines_keep_their_blank_lines() -> None:
    text = "rules:\n- name: a\n  when: 'true'\n  description: |\n    one  \n\n\n\n    two\n"
    assert read(formatted(text, "x")) == read(text)


LONG = " || ".join(f'service == "service-number-{number}"' for number in range(12))


@pytest.mark.parametrize("said", [LONG, f"'{LONG}'", "x" * 300, f"[{', '.join(f'host-{n}' for n in range(60))}]"])
def test_a_long_constant_stays_on_its_line(said: str) -> None:
    text = f"constants:\n  LONG: {said}\n\nrules:\n  - name: a\n    when: LONG\n"
    assert formatted(text, "x") == text


def test_blank_lines_stay_between_rules_when_keys_move() -> None:
    text = "rules:\n- playbook: p\n  name: a\n\n\n- playbook: p\n\n  name: b\n- name: c\ntimes: {night: [{weekdays: [monday]}]}\n"
    assert formatted(text, "x") == (
        "times: {night: [{weekdays: [monday]}]}\n\n"
        "rules:\n  - name: a\n    playbook: p\n\n  - name: b\n    playbook: p\n\n  - name: c\n"
    )


def test_blank_lines_of_a_text_are_its_own_and_those_after_it_are_not() -> None:
    text = "rules:\n- name: a\n  when: |\n     x\n\n\n       && y\n\n\n\n  playbook: p\n\n\n\n- name: b\n"
    assert formatted(text, "x") == (
        "rules:\n  - name: a\n    when: |\n      x\n\n\n        && y\n\n    playbook: p\n\n  - name: b\n"
    )


def test_a_comment_at_the_end_of_a_rule_stays_in_it() -> None:
    text = "rules:\n- name: a\n  # playbook: x\n\n# about b\n- name: b\n"
    made = formatted(text, "x")
    assert made == "rules:\n  - name: a\n    # playbook: x\n\n  # about b\n  - name: b\n"


@pytest.mark.parametrize(
    "text",
    [
        "rules:\n  - name: a\n    when: x\n...\n---\nrules: []\n",
        "? rules\n: []\n",
        "- a\n- b\n",
        "rules: &a []\nother:  *a\n",
    ],
)
def test_what_few_write_is_left_as_it_is_or_keeps_its_order(text: str) -> None:
    if "---" in text:
        with pytest.raises(DocumentInvalid):
            formatted(text, "x")
    else:
        assert read(formatted(text, "x")) == read(text)


WORDS = st.sampled_from(
    ['service == "a"', "&&", "||", "'q'", "\\d+", '"', "#h", "# h", "a: b", "- ", "  ", "\t", "é", "😀", "{", "]", "x" * 70, ","]
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A value as people write it, in any of YAML's ways."""
    text = " ".join(draw(st.lists(WORDS, min_size=1, max_size=12)))
    match draw(st.sampled_from("'\"|>-")):
        case "'":
            return "'" + text.replace("'", "''") + "'"
        case '"':
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\n\n       ") + '"'
        case "|" | ">" as style:
            chomping = draw(st.sampled_from(["", "-", "+"]))
            blank = "\n" * draw(st.integers(1, 4))
            return f"{style}{chomping}\n        {text.strip()}{blank}          more{blank}".rstrip(" ")
        case _:
            return text.strip()


@st.composite
def files(draw: st.DrawFn) -> str:
    """A rule file by an untidy hand."""
    lines = ["# head"] if draw(st.booleans()) else []
    lines += ["constants:", f"   LONG: {draw(texts())}"] if draw(st.booleans()) else []
    lines += ["rules:", *[""] * draw(st.integers(0, 2))]
    for number in range(draw(st.integers(1, 3))):
        for place, key in enumerate(draw(st.permutations(["name", "when", "playbook", "description"]))):
            said = {"name": f"rule-{number}", "playbook": "p"}.get(key) or draw(texts())
            comment = "  # why" if "\n" not in said and draw(st.integers(0, 4)) == 0 else ""
            lines.append(f"{'-   ' if place == 0 else '    '}{key}: {said}{comment}")
            lines += draw(st.sampled_from([[], [], [], ["    # comment"], [""], ["", "", ""], ["# far left"]]))
    return "\n".join(lines) + "\n"


@pytest.mark.filterwarnings(
    "ignore::ruamel.yaml.error.ReusedAnchorWarning"
)  # "&&" names an anchor, which YAML allows twice
@settings(deadline=None)
@given(files())
def test_any_hand_is_put_into_shape_without_a_loss(text: str) -> None:
    try:
        said = read(text)
    except YAMLError:
        with pytest.raises(DocumentInvalid):
            formatted(text, "x")
        return
    made = formatted(text, "x")
    assert read(made) == said
    assert formatted(made, "x") == made
    assert made.count("#") == text.count("#")
    for comment in ("# head", "# why", "# comment", "# far left"):
        assert made.count(comment) == text.count(comment)


def in_docs() -> list[Any]:
    docs = Path(__file__).parents[2] / "docs"
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in sorted(docs.glob("*.md"))
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
    ]


@pytest.mark.parametrize("text", in_docs())
def test_every_example_means_the_same_in_shape(text: str) -> None:
    made = formatted(text, "x")
    assert read(made) == read(text)
    assert formatted(made, "x") == made


@settings(deadline=None)
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
def test_what_ships_is_in_shape(file: Path) -> None:
    assert formatted(file.read_text(), file.name) == file.read_text()


def test_what_is_no_yaml_is_refused_with_its_place() -> None:
    with pytest.raises(DocumentInvalid, match=r"x:2:"):
        formatted("rules:\n  - [", "x")


def test_an_empty_file_stays_empty() -> None:
    assert formatted("", "x") == ""
