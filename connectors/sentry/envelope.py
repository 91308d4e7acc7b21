"""The envelope: a header line, then items of a header line and a payload each.

Follows https://develop.sentry.dev/sdk/data-model/envelopes/. A payload without `length` ends at the next newline (node omits it on every
item); one with `length` may hold any bytes. A broken item does not spoil the others: reading goes on at the next line that is an item header.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.ports.reading import Unreadable, lenient_json, mapping, text

MAX_ITEMS = 1_000
"""Items read of one envelope; what follows is kept as one broken piece."""

MAX_LINES_SEARCHED = 10_000
"""Lines of broken pieces searched for the next item; when they are used up, the rest of the envelope is one broken piece."""

_HEADER_KEYS = frozenset(
    (
        "type",
        "length",
        "content_type",
        "item_count",
        "filename",
        "attachment_type",
        "meta",
        "platform",
        "version",
        "sdk",
    )
)
_LONGEST_HEADER = 2_000
_NOT_NEWLINE = re.compile(rb"[^\n]")


@dataclass(frozen=True, slots=True)
class Item:
    """One readable item; `header` has a text `type`."""

    type: str
    header: Mapping[str, Any]
    header_line: bytes
    payload: bytes

    @property
    def content(self) -> bytes:
        """Header line and payload as they stood."""
        return self.header_line + b"\n" + self.payload


@dataclass(frozen=True, slots=True)
class Broken:
    """A stretch of the envelope that could not be read as an item, and why."""

    reason: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """`header_line` is the first line as it stood, so that a piece can be made an envelope of its own again."""

    header: Mapping[str, Any]
    header_line: bytes
    pieces: tuple[Item | Broken, ...]


def parse_envelope(body: bytes) -> Envelope:
    """Raises Unreadable when the first line is no JSON object; everything after it becomes items and broken pieces, in order."""
    header, header_line = envelope_header(body)
    return Envelope(header, header_line, tuple(_pieces(body, len(header_line) + 1)))


def envelope_header(body: bytes) -> tuple[Mapping[str, Any], bytes]:
    """The header and its line. Raises Unreadable."""
    line = body[: _line_end(body, 0)]
    try:
        header = lenient_json(line)
    except Unreadable as error:
        raise Unreadable(f"the envelope's first line is {error}") from error
    if not isinstance(header, dict):
        raise Unreadable(f"the envelope's first line is {type(header).__name__}, expected a JSON object")
    return header, line


def looks_like_envelope(body: bytes) -> bool:
    """Whether the first two lines are an envelope header and an item header."""
    try:
        _, line = envelope_header(body)
    except Unreadable:
        return False
    start = _skip_newlines(body, len(line))
    return _item_header(body[start : _line_end(body, start)]) is not None


def _pieces(body: bytes, position: int) -> Iterator[Item | Broken]:
    count, searched = 0, 0
    while (position := _skip_newlines(body, position)) < len(body):
        count += 1
        if count > MAX_ITEMS:
            yield Broken(f"more than {MAX_ITEMS} items in one envelope", body[position:])
            return
        found = _item(body, position)
        if isinstance(found, str):
            end, lines = _next_header(body, position, MAX_LINES_SEARCHED - searched)
            searched += lines
            yield Broken(found, body[position:end].rstrip(b"\n"))
            position = end
        else:
            item, position = found
            yield item


def _item(body: bytes, start: int) -> tuple[Item, int] | str:
    """The item and where it ends, or what is wrong with it."""
    header_end = _line_end(body, start)
    header = _item_header(body[start:header_end])
    if header is None:
        return "an item header that is not a JSON object with a `type`"
    payload_start = min(header_end + 1, len(body))
    length = header.get("length")
    if length is None:
        end = _line_end(body, payload_start)
    elif isinstance(length, int) and not isinstance(length, bool) and length >= 0:
        end = payload_start + length
        if end > len(body):
            return f"an item of {length} bytes of which {len(body) - payload_start} came"
        if end < len(body) and body[end] != 0x0A:
            return f"an item of {length} bytes that does not end in a newline there"
    else:
        return f"an item with length {text(length, 40)!r}, expected a number of bytes"
    return Item(header["type"], header, body[start:header_end], body[payload_start:end]), end


def _item_header(line: bytes) -> Mapping[str, Any] | None:
    try:
        header = mapping(lenient_json(line))
    except Unreadable:
        return None
    return header if isinstance(header.get("type"), str) else None


def _next_header(body: bytes, start: int, most: int) -> tuple[int, int]:
    """Where the next line after `start` begins that is an item header and nothing else, and how many lines were looked at; the end
    when there is none among the next `most` lines."""
    position = _line_end(body, start) + 1
    for looked_at in range(most):
        if position >= len(body):
            return len(body), looked_at
        end = _line_end(body, position)
        if body[position : position + 1] == b"{" and end - position <= _LONGEST_HEADER:
            line = body[position:end]
            header = _item_header(line) if b'"type"' in line else None
            if header is not None and header.keys() <= _HEADER_KEYS:
                return position, looked_at
        position = end + 1
    return len(body), most


def _line_end(body: bytes, start: int) -> int:
    found = body.find(b"\n", start)
    return len(body) if found < 0 else found


def _skip_newlines(body: bytes, position: int) -> int:
    found = _NOT_NEWLINE.search(body, position)
    return found.start() if found else len(body)
