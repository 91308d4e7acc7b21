"""Markdown of an analyst with what could act taken out, wherever CommonMark sees text; code stays as it is.

Where blocks and code begin and end is CommonMark's to say (https://spec.commonmark.org/0.31.2/), with GitHub's tables, and said by a reader of it: what only looks
like code here would be HTML there.
"""

import re
from functools import cache

from markdown_it import MarkdownIt

from connectors.linear.markdown import visible

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_MENTION = re.compile(r"(?<![^\W_])@(?=\w)")
_CLOSING = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*$")
_BACKTICKS = re.compile("`*")
_MOST_READINGS = 20


def defuse(markdown: str) -> str:
    """Markdown written by an analyst, with what could act taken out: mentions reach nobody, HTML and HTML comments are shown, our
    marker cannot be imitated. Code, fenced or inline, is left as it is."""
    lines = visible(markdown).split("\n")
    for _ in range(_MOST_READINGS):
        blocks = _blocks().parse("\n".join(lines))
        raw = [number for token in blocks if token.type == "html_block" and token.map for number in range(*token.map)]
        if not raw:
            break
        # Shown as text, what was in it is Markdown: read it again.
        for number in raw:
            lines[number] = _TAG.sub("&lt;", lines[number])
    else:
        return "\n".join(map(_inert, lines))
    done: dict[int, str] = {}
    end = ""
    for token in blocks:
        if token.map is None:
            continue
        first, last = token.map
        if token.type in ("fence", "code_block"):
            done.update((number, lines[number]) for number in range(first, last))
            if token.type == "fence" and not token.level and not _closes(lines, first, last, token.markup):
                end = token.markup
        elif token.type == "table_open":
            done.update((number, _defuse_row(lines[number])) for number in range(first, last))
        elif token.type == "inline" and first not in done:
            defused = _defuse_inline("\n".join(lines[first:last])).split("\n")
            done.update(zip(range(first, last), defused, strict=True))
    text = [done.get(number, _inert(line)) for number, line in enumerate(lines)]
    return "\n".join([*text, end] if end else text)


@cache
def _blocks() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable("inline")


def _closes(lines: list[str], first: int, last: int, fence: str) -> bool:
    """Whether the fence that begins on one line is closed on the last one."""
    closing = _CLOSING.match(lines[last - 1]) if last - 1 > first else None
    return closing is not None and closing.group(1).startswith(fence)


def _defuse_row(line: str) -> str:
    """A row of a table: its cells end code."""
    return _inert(line) if "\\|" in line else "|".join(map(_defuse_inline, line.split("|")))


def _defuse_inline(text: str) -> str:
    """A stretch of text, such as a paragraph: code begins with a run of backticks that no backslash escapes, and ends with the next one as long."""
    pieces: list[str] = []
    plain = at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] != "`":
            at += 1
        else:
            run = _run(text, at)
            end = _end_of_code(text, at + run, run)
            if end is not None:
                pieces += [_inert(text[plain:at]), text[at:end]]
                plain = end
            at = end or at + run
    return "".join([*pieces, _inert(text[plain:])])


def _run(text: str, at: int) -> int:
    """How many backticks stand there."""
    found = _BACKTICKS.match(text, at)
    return found.end() - at if found is not None else 0


def _end_of_code(text: str, at: int, run: int) -> int | None:
    while (at := text.find("`", at)) >= 0:
        found = _run(text, at)
        at += found
        if found == run:
            return at
    return None


def _inert(text: str) -> str:
    return _TAG.sub("&lt;", _MENTION.sub("@\u2060", text)).replace("tocsin:incident=", "tocsin:incident\u2060=")
