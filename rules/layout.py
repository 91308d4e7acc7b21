"""A YAML text taken apart into lines that may be moved and indented anew: what stands in them is kept letter by letter.

Read as https://yaml.org/spec/1.2.2/ says. Only block mappings and sequences are taken apart; texts and what stands in braces and brackets
stay as they were written, further lines of theirs move with the first.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ruamel.yaml import YAML
from ruamel.yaml import events as ev

E = TypeVar("E", bound=ev.Event)
INDENT = 2
_COLON = re.compile(r"[ \t]*:")


class Unfit(Exception):
    """The text is written in a way that is left alone: several documents, keys over several lines, odd line breaks."""


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list."""

    head: str
    """`key:` or `-`."""
    column: int
    """Where it stands in the source."""
    before: list[str]
    """Comments above it, and "" for each place where blank lines were."""
    said: str = ""
    """What follows on its line."""
    remark: str = ""
    """What else follows: a comment, the name of an anchor; with the space before it."""
    remarked: bool = False
    """Whether a comment stands on any of its lines."""
    lines: Sequence[str] = ()
    """Further lines of its text: as they stand, or where it is `loose` without their indentation."""
    loose: bool = False
    pairs: Sequence[tuple[str, str]] = ()
    """Of a mapping in braces on one line: its keys, and each with its value."""
    below: Block | None = None

    @property
    def is_long(self) -> bool:
        return self.below is not None or bool(self.lines)

    @property
    def commented(self) -> bool:
        """Whether a comment stands anywhere in it."""
        inside = self.below is not None and (any(self.below.tail) or any(each.commented for each in self.below.entries))
        return self.remarked or any(self.before) or inside


@dataclass(slots=True)
class Block:
    """A block mapping or sequence. `tail`: comments after its last entry that stand as deep as it does."""

    entries: list[Entry] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)

    def written(self, indent: int = 0) -> Iterator[str]:
        """Its lines."""
        space = " " * indent
        for entry in self.entries:
            yield from (space + line if line else "" for line in entry.before)
            first = f"{space}{entry.head}{' ' if entry.said else ''}{entry.said}{entry.remark}"

            below = entry.below.written(indent + INDENT) if entry.below is not None else iter(())
            if entry.head == "-" and not entry.said and not entry.remark:
                first = f"{first} {next(below, '').lstrip()}".rstrip()
            yield first
            for line in entry.lines:
                text = line.lstrip(" ")
                moved = indent + INDENT if entry.loose else indent - entry.column
                yield " " * max(0, len(line) - len(text) + moved) + text if text else ""
            yield from below
        yield from (space + line if line else "" for line in self.tail)


class Reader:
    """Takes one text apart."""

    def __init__(self, text: str) -> None:
        if re.search("[\r\x85\u2028\u2029\ufeff]", text):
            raise Unfit("line breaks of another kind")
        self._text = text
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._events = iter(YAML(typ="safe", pure=True).parse(text))
        self._line = 0
        """The first line that is not taken yet."""
        self.has_aliases = False

    def read(self) -> tuple[list[str], Block]:
        """The lines above the document, and its mapping. Raises Unfit, or an error of the YAML library."""
        head: list[str] = []
        self._take(ev.StreamStartEvent)
        if self._take(ev.DocumentStartEvent).explicit:
            line = next(number for number, text in enumerate(self._lines) if text.startswith("---"))
            head, self._line = [text.rstrip() for text in self._lines[: line + 1]], line + 1
            if head[-1] != "---":
                raise Unfit("something stands beside the document's beginning")
        start = self._take(ev.MappingStartEvent)
        if start.flow_style or start.anchor or start.tag:
            raise Unfit("no plain mapping")
        found = self._block(start)
        if not self._take(ev.DocumentEndEvent).explicit and isinstance(next(self._events), ev.StreamEndEvent):
            return head, found
        raise Unfit("several documents")

    def _take(self, kind: type[E]) -> E:
        event = next(self._events)
        if isinstance(event, kind):
            return event
        raise Unfit(f"no {kind.__name__}")

    def _line_of(self, index: int) -> int:
        return bisect_right(self._starts, index) - 1

    def _block(self, start: ev.Event, at: int = 0) -> Block:
        """What follows its first event, from the index `at` on."""
        block, column = Block(), 0
        is_list = isinstance(start, ev.SequenceStartEvent)
        while not isinstance(event := next(self._events), ev.CollectionEndEvent):
            entry, at = self._item(at, event) if is_list else self._pair(event)
            column = entry.column
            if not block.entries and entry.before[:1] == [""]:
                del entry.before[0]
            block.entries.append(entry)
        block.tail = self._tail(column)
        return block

    def _pair(self, key: ev.Event) -> tuple[Entry, int]:
        if not isinstance(key, ev.ScalarEvent) or key.style in ("|", ">"):
            raise Unfit("a key that is no word")
        start, end = key.start_mark.index, key.end_mark.index
        line = self._line_of(start)
        colon = _COLON.match(self._text, end)
        lead = self._text[self._starts[line] : start]
        if colon is None or start == end or line != self._line_of(end) or lead.strip(" -"):
            raise Unfit("a key that does not stand alone on one line")
        entry = Entry(f"{self._text[start:end]}:", start - self._starts[line], self._free(line))
        return entry, self._value(entry, next(self._events), line, colon.end())

    def _item(self, at: int, event: ev.Event) -> tuple[Entry, int]:
        """The item whose dash is the first thing after `at`."""
        line, column = self._line_of(at), at - self._starts[self._line_of(at)]
        if not self._lines[line][column:].lstrip(" ").startswith("-"):
            line = next(number for number in range(self._line, len(self._lines)) if not _is_free(self._lines[number]))
            column = 0
        column += len(self._lines[line][column:]) - len(self._lines[line][column:].lstrip(" "))
        if not self._lines[line].startswith("-", column):
            raise Unfit("an item without a dash")
        entry = Entry("-", column, self._free(line))
        end = self._value(entry, event, line, self._starts[line] + column + 1)
        if entry.below is not None and not entry.remark:
            entry.before += entry.below.entries[0].before
            entry.below.entries[0].before = []
        return entry, end

    def _value(self, entry: Entry, event: ev.Event, line: int, after: int) -> int:
        """Put the value into the entry, whose head ends at the index `after`; returns the index of its own end."""
        start: int = event.start_mark.index
        end: int = event.end_mark.index
        self.has_aliases |= isinstance(event, ev.AliasEvent)
        beside = self._lines[line][after - self._starts[line] :].rstrip()
        rest = beside.strip()
        self._line = max(self._line, line + 1)
        if isinstance(event, ev.CollectionStartEvent) and not event.flow_style:
            own_line = not rest or rest[0] in "#&!"
            if own_line:
                entry.remark, entry.remarked = beside, "#" in rest
            entry.below = self._block(event, self._starts[line + 1] if own_line else after)
            return self._starts[min(self._line, len(self._lines))]
        if isinstance(event, ev.ScalarEvent) and event.style in ("|", ">"):
            self._literal(entry, start, line)
            return self._starts[min(self._line, len(self._lines))]
        if isinstance(event, ev.CollectionStartEvent):
            entry.pairs, end = self._flow(event)
        elif start == end:
            if rest and not rest.startswith("#"):
                raise Unfit("a value of nothing")
            entry.remark, entry.remarked = beside, bool(rest)
            return after
        self._plain(entry, start, end, line, rest)
        return end

    def _plain(self, entry: Entry, start: int, end: int, line: int, rest: str) -> None:
        """A text, or what stands in braces or brackets, as it is written."""
        last = self._line_of(end)
        first = self._line_of(start)
        if first != line and (rest or any(map(str.strip, self._lines[line + 1 : first]))):
            raise Unfit("a comment between a key and its value")
        beyond = self._text[end : self._starts[last + 1] - 1].rstrip()
        if beyond.strip() and not beyond.lstrip().startswith("#"):
            raise Unfit("something after a value")
        entry.said, *more = self._text[start:end].split("\n")
        entry.lines, entry.remarked = more, bool(beyond)
        if beyond and more:
            entry.lines = [*more[:-1], f"{more[-1]}{beyond}"]
        else:
            entry.remark = beyond
        self._line = last + 1

    def _literal(self, entry: Entry, start: int, line: int) -> None:
        """A text of lines: what is as deep as its first line belongs to it, and blank lines at its end only with `+`."""
        if self._line_of(start) != line:
            raise Unfit("a text that begins on a line of its own")
        entry.said = self._text[start : self._starts[line + 1] - 1].strip()
        header, hash_sign, _ = entry.said.partition("#")
        entry.remarked = bool(hash_sign)
        end = first = line + 1
        inside = next((_depth(text) for text in self._lines[first:] if text.strip()), 0)
        if fixed := re.search(r"\d", header):
            inside = entry.column + int(fixed.group())
        while end < len(self._lines) and (not self._lines[end].strip() or (_depth(self._lines[end]) >= inside > 0)):
            end += 1
        if end == len(self._lines) and not self._lines[-1]:
            end -= 1
        while "+" not in header and end > first and not self._lines[end - 1].strip():
            end -= 1
        entry.loose = fixed is None
        entry.lines = [text[inside:] if entry.loose else text for text in self._lines[first:end]]
        self._line = end

    def _flow(self, start: ev.CollectionStartEvent) -> tuple[list[tuple[str, str]], int]:
        """The pairs of a mapping in braces on one line, none of any other; and the index of its end."""
        depth, places, is_mapping = 1, [], isinstance(start, ev.MappingStartEvent)
        while depth:
            event = next(self._events)
            self.has_aliases |= isinstance(event, ev.AliasEvent)
            if isinstance(event, ev.CollectionStartEvent):
                if depth == 1:
                    places.append((event.start_mark.index, 0))
                depth += 1
            elif isinstance(event, ev.CollectionEndEvent):
                depth -= 1
                if depth == 1:
                    places[-1] = places[-1][0], event.end_mark.index
            elif depth == 1:
                places.append((event.start_mark.index, event.end_mark.index))
        end = event.end_mark.index
        plain = (
            is_mapping and not start.anchor and not start.tag and "\n" not in self._text[start.start_mark.index : end]
        )
        if not plain or any(begin == stop for begin, stop in places):
            return [], end
        keys, values = places[::2], places[1::2]
        return [
            (self._text[key[0] : key[1]], self._text[key[0] : value[1]])
            for key, value in zip(keys, values, strict=True)
        ], end

    def _free(self, line: int) -> list[str]:
        """Comments and blank lines up to a line, which are taken with this."""
        free, self._line = self._lines[self._line : line], max(self._line, line)
        if not all(map(_is_free, free)):
            raise Unfit("something that is no comment")
        return _tidied(free)

    def _tail(self, column: int) -> list[str]:
        """The comments at the end of a block that stand as deep as it does, and deeper than what follows."""
        line = self._line
        while line < len(self._lines) and _is_free(self._lines[line]):
            line += 1
        following = _depth(self._lines[line]) if line < len(self._lines) else -1
        end = self._line
        for number in range(self._line, line):
            text = self._lines[number]
            if text.strip():
                if not _depth(text) >= column > following:
                    break
                end = number + 1
        return self._free(end)


def _is_free(line: str) -> bool:
    return not (text := line.strip()) or text.startswith("#")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _tidied(lines: Iterable[str]) -> list[str]:
    """Comments, and "" for any number of blank lines."""
    found: list[str] = []
    for line in map(str.strip, lines):
        if line or found[-1:] != [""]:
            found.append(line)
    return found
