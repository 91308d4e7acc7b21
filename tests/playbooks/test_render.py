"""Text from outside stays text: fenced, quoted or escaped, whatever it says."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playbooks import untrusted
from playbooks.load import read
from playbooks.model import Playbook
from playbooks.render import RenderFailed, context, render
from tests.support.checkout_story import INJECTION, NOW, checkout_incident, error_signal

FRONT = "---\nname: shop\ndescription: A shop.\n---\n"


def playbook(body: str, **templates: str) -> Playbook:
    return read("shop.md", FRONT + body + "".join(f'\n{{% include "{name}" %}}' for name in templates), templates)


def rendered(body: str, title: str = "x") -> str:
    signal = error_signal(0, title=title)
    made = playbook(body)
    return render(made, None, context(made, checkout_incident([signal]), [signal], NOW))


def test_a_body_is_rendered_with_the_documented_names() -> None:
    assert rendered("{{ incident.service }} {{ signals[0].title }} {{ now | moment }} {{ playbook.name }}") == (
        "checkout x 2026-03-14 02:22:00 UTC shop\n"
    )


def test_outside_text_that_nobody_marked_is_escaped_and_not_evaluated() -> None:
    text = rendered("{{ incident.title }}", INJECTION)
    assert "49" not in text and "\n#" not in text
    assert "\\`\\`\\`" in text and "\\<img" in text and "\\[click\\]" in text and "@everyone" not in text


def test_a_template_cannot_reach_python_change_a_value_or_call_what_is_not_offered() -> None:
    for body in (
        "{{ ''.__class__.__mro__ }}",
        "{{ incident.labels.update({'a': 'b'}) }}",
        "{{ signals.append(1) }}",
        "{{ incident.labels.__init__.__globals__ }}",
    ):
        with pytest.raises(RenderFailed, match="cannot be rendered"):
            rendered(body)


def test_an_undefined_name_below_the_top_is_an_error_and_never_an_empty_text() -> None:
    with pytest.raises(RenderFailed, match="nothing_here"):
        rendered("{{ incident.labels.nothing_here }}")


def test_a_rendering_that_does_not_end_is_cut_with_a_word_about_it() -> None:
    made = playbook(
        "```\n{% for a in range(9999) %}{% for b in range(9999) %}line {{ b }}\n{% endfor %}{% endfor %}```"
    )
    signal = error_signal(0)
    text = render(made, None, context(made, checkout_incident(), [signal], NOW), limit=2000)
    assert len(text) < 2100 and text.endswith("```\n(cut at 2000 characters)\n")


@given(st.text(max_size=300))
@example(INJECTION)
@example("`" * 40)
@example("a\u202eb\u2028# c")
def test_nothing_leaves_a_fence(text: str) -> None:
    rows = untrusted.fence(text).split("\n")
    ticks = rows[0].removesuffix("text")
    assert set(ticks) == {"`"} and rows[-1] == ticks
    assert not any(row.strip().startswith(ticks) for row in rows[1:-1])


@given(st.text(max_size=300))
@example(INJECTION)
@example("``x`` | y")
def test_nothing_leaves_a_quote(text: str) -> None:
    quoted = untrusted.quote(text)
    assert re.fullmatch(r"`[^`\n\r|]+`", quoted)


@given(st.text(max_size=300))
@example(INJECTION)
@example("1. a\n- b")
@example("http://evil.example")
def test_escaped_text_holds_no_markdown_that_acts(text: str) -> None:
    escaped = untrusted.escape(text)
    assert "\n" not in escaped
    bare = re.sub(r"\\.", "", escaped)
    assert not re.search(r"[`*<>\[\]|~#!]", bare)
    assert not re.search(r"https?:|www\.|(?<!\w)@\w", bare)


@given(st.text(max_size=100), st.text(max_size=100))
def test_code_spans_of_the_analyst_stay_and_all_around_them_is_escaped(before: str, inside: str) -> None:
    text = untrusted.prose(f"{before.replace('`', '')} {untrusted.quote(inside)}")
    assert untrusted.quote(inside) in text
    assert not re.search(r"[*<>\[\]|~#!]", re.sub(r"\\.", "", text.replace(untrusted.quote(inside), "")))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a.example/)[x](", "data:text/html,x", "", "https://a.example/\nb"]
)
def test_an_address_that_could_break_out_is_shown_and_not_linked(url: str) -> None:
    assert untrusted.link(url, "see").startswith("`")


def test_an_address_is_linked_under_an_escaped_title() -> None:
    assert untrusted.link("https://a.example/x?y=1#z", "a](b)") == "[a\\](b)](https://a.example/x?y=1#z)"
