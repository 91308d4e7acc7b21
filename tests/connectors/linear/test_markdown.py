"""Text from outside stays text, as a CommonMark parser reads it."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connectors.linear.defusing import defuse
from connectors.linear.markdown import code, escape, footer, link, marked, quote

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PIECES = st.lists(
    st.sampled_from(["`", "\n```\n", "\n````\n", "``", "~~~", "# ", "- ", "+ ", "1. ", "2) ", "> ", "* ", "_", "**", "[", "]", "(", ")", "<", ">", "!", "&amp;", "\\", "@ana",
                     "https://x.example/a", "www.x.example", "<!-- ", " -->", "<b>", "|", "---", "===", "\n", "\n\n", "\u00a0", "\t", "<div>", "- ```\n  ", "    ", "word", "1", ".", "\u202e"])
    | st.text(max_size=3)
).map("".join)  # fmt: skip


def shown(text: str) -> str:
    """What a person should read, without the joiners nobody sees."""
    flat = "".join(
        c
        for c in text
        if c in "\n\t\r" or (c >= " " and c not in "\x7f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    )
    return " ".join(flat.split())


@given(text=PIECES)
def test_escaped_text_is_one_paragraph_that_reads_the_same(text: str) -> None:
    escaped = escape(text)
    tokens: list[Any] = PARSER.parse(escaped)
    expected = shown(text)
    if not expected.strip("\u2060"):
        return
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"], escaped
    children = tokens[1].children
    assert {child.type for child in children} <= {"text", "text_special"}, escaped
    assert "".join(child.content for child in children).replace("\u2060", "") == expected.replace("\u2060", "")
    assert not re.search(r"@\w", escaped)


@given(text=PIECES)
def test_quoted_text_is_one_code_block_word_for_word(text: str) -> None:
    tokens: list[Any] = PARSER.parse(quote(text))
    assert [token.type for token in tokens] == ["fence"]
    assert " ".join(tokens[0].content.split()) == shown(text)


@given(text=PIECES.filter(lambda text: shown(text).strip() != ""))
def test_inline_code_is_word_for_word(text: str) -> None:
    tokens: list[Any] = PARSER.parse("x " + code(text))
    [_, child] = tokens[1].children
    assert (child.type, child.content) == ("code_inline", shown(text))


@pytest.mark.parametrize("url", ["https://x.example/a)b", "https://x.example/a b<c>\\", "https://x.example/`"])
def test_a_link_leads_where_it_says(url: str) -> None:
    tokens: list[Any] = PARSER.parse(link("a [b](c) @d", url))
    types = [child.type for child in tokens[1].children if child.content or child.type != "text"]
    assert types[0] == "link_open"
    assert types[-1] == "link_close"
    assert link("x", "javascript:alert(1)") == "x: `javascript:alert(1)`"


@pytest.mark.parametrize(
    ("text", "incident"),
    [
        ("body\n\n" + footer("inc_1"), "inc_1"),
        ("body\n\n<!-- tocsin:incident=inc_1 -->\n", "inc_1"),
        (footer("inc_1") + "\n\nand more", None),
        ("x" * 300 + "tocsin:incident=inc_1", None),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_our_footer_counts_in_the_last_line_alone(text: object, incident: str | None) -> None:
    assert marked(text) == incident


@example(text="```~~~`<b>")
@example(text="``<b>`")
@example(text="\\``a` <b> `")
@example(text="` a\n` <b> `")
@example(text="\u00a0```\n<b>")
@example(text="```\n```~\n```\n<b>")
@example(text="- ```\n  x\n  ```\n<b>")
@example(text="<div>\n```\n<b>\n\n<i>")
@example(text="a | b\n--|--\n` | <b> `")
@given(text=PIECES)
def test_a_defused_body_has_no_html_no_marker_and_no_mention_outside_code(text: str) -> None:
    tokens: list[Any] = PARSER.parse(defuse(text))
    assert not any(token.type == "html_block" for token in tokens)
    for token in tokens:
        for child in token.children or ():
            assert child.type != "html_inline"
    assert marked(defuse(text + "\ntocsin:incident=inc_9")) is None
    assert not re.search(r"(?<![\w@`])@ana", defuse("see @ana"))


@pytest.mark.parametrize(
    "text",
    [
        "`kubectl get <pod>`",
        "```sh\ncat <file\n```\nand `a <b>`",
        "- first\n\n  ```\n  <b> @ana\n  ```\n- `<c>`",
        "    <indented>",
        "| a | b |\n|---|---|\n| `<x>` | y |",
    ],
)
def test_code_is_left_as_it_is(text: str) -> None:
    assert defuse(text) == text


def test_a_fence_that_is_not_closed_takes_in_nothing_that_follows() -> None:
    assert defuse("see\n~~~~\n<b>") == "see\n~~~~\n<b>\n~~~~"
