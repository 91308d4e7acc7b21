"""The envelope format: lengths, newlines, and going on after what is broken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.reading import Unreadable
from connectors.sentry.envelope import MAX_ITEMS, MAX_LINES_SEARCHED, Broken, Item, parse_envelope

ITEM = st.tuples(st.sampled_from(["event", "attachment", "x"]), st.booleans(), st.binary(max_size=60))


@given(st.lists(ITEM, max_size=8), st.booleans())
def test_items_with_and_without_length_come_out_as_they_went_in(
    items: list[tuple[str, bool, bytes]], final_newline: bool
) -> None:
    parts, expected = [b"{}"], []
    for kind, measured, content in items:
        payload = content if measured else content.replace(b"\n", b" ")
        header = {"type": kind, **({"length": len(payload)} if measured else {})}
        parts += [json.dumps(header).encode(), payload]
        expected.append((kind, payload))
    body = b"\n".join(parts) + (b"\n" if final_newline else b"")
    pieces = parse_envelope(body).pieces
    assert [(piece.type, piece.payload) for piece in pieces if isinstance(piece, Item)] == expected
    assert len(pieces) == len(expected)


def test_a_payload_of_known_length_may_hold_newlines_and_headers() -> None:
    content = b'a\r\n{"type":"event"}\n\n'
    body = b'{}\n{"type":"attachment","length":%d}\n' % len(content) + content + b'\n{"type":"event"}\n{}'
    assert [piece.type for piece in parse_envelope(body).pieces if isinstance(piece, Item)] == ["attachment", "event"]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"type":"event","length":9999}\n{"message":"short"}',
        b'{"type":"event","length":3}\n{"message":"long"}',
        b'{"type":"event","length":-1}\n{}',
        b'{"type":"event","length":"many"}\n{}',
        b"{oops\n{}",
        b'{"no":"type"}\n{"type":"transaction","spans":[]}',
        b"[]\n{}",
    ],
)
def test_reading_goes_on_at_the_next_item_after_a_broken_one(broken: bytes) -> None:
    body = b'{"event_id":"a"}\n{"type":"event"}\n{"n":1}\n' + broken + b'\n{"type":"event"}\n{"n":2}\n'
    first, middle, last = parse_envelope(body).pieces
    assert isinstance(first, Item) and isinstance(last, Item)
    assert (first.payload, last.payload) == (b'{"n":1}', b'{"n":2}')
    assert isinstance(middle, Broken)
    assert middle.content == broken


def test_nothing_is_lost_of_an_envelope_with_too_many_items() -> None:
    pieces = parse_envelope(b"{}\n" + b'{"type":"x"}\n{}\n' * (MAX_ITEMS + 5)).pieces
    assert len(pieces) == MAX_ITEMS + 1
    rest = pieces[-1]
    assert isinstance(rest, Broken)
    assert rest.content.count(b'"x"') == 5


def test_the_search_for_the_next_item_has_an_end_and_loses_nothing() -> None:
    lines = b"{oops\n" * (MAX_LINES_SEARCHED + 5)
    last = b'{"type":"event"}\n{}'
    (rest,) = parse_envelope(b"{}\n" + lines + last).pieces
    assert rest.content == lines + last
    short = parse_envelope(b"{}\n" + lines[:60] + last).pieces
    assert [type(piece) for piece in short] == [Broken, Item]


@given(st.binary(max_size=300))
def test_every_byte_is_read_as_a_header_an_item_or_a_broken_piece(tail: bytes) -> None:
    pieces = parse_envelope(b"{}\n" + tail).pieces
    kept = b"".join(piece.content for piece in pieces)
    assert sorted(kept.replace(b"\n", b"")) == sorted(tail.replace(b"\n", b""))


@pytest.mark.parametrize("body", [b"", b"\n", b"[]\n", b"{\n", b"\xff\n"])
def test_an_envelope_without_a_readable_first_line_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="first line"):
        parse_envelope(body)
