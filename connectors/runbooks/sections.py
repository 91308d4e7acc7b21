"""Markdown cut into sections by its headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading, up to the next of any level. `heading` names those above it too."""

    file: str
    heading: str
    line: int
    text: str


def sections(file: str, markdown: str) -> Iterator[Section]:
    """Sections in order; one without any text of its own is left out. A file without headings is one section."""
    front = _FRONT.match(markdown)
    skipped = front.group().count("\n") if front else 0
    above: list[tuple[int, str]] = []
    gathered: list[str] = []
    began, fence = skipped + 1, ""
    for number, row in enumerate(markdown.split("\n")[skipped:], skipped + 1):
        mark = _FENCE.match(row)
        if mark is not None:
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and row.strip() == mark[1]:
                fence = ""
        heading = _HEADING.match(row) if not fence else None
        if heading is None:
            gathered.append(row)
            continue
        yield from _made(file, above, began, gathered)
        level = len(heading[1])
        above = [*(each for each in above if each[0] < level), (level, heading[2].strip())]
        gathered, began = [], number
    yield from _made(file, above, began, gathered)


def _made(file: str, above: list[tuple[int, str]], line: int, gathered: list[str]) -> Iterator[Section]:
    text = "\n".join(gathered).strip()
    if text:
        yield Section(file, " > ".join(title for _, title in above), line, text)
