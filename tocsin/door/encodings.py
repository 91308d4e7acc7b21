"""Content encodings of requests (RFC 9110 section 8.4), undone up to a cap: a bomb is stopped there, whatever it would become."""

import sys
import zlib
from collections.abc import Iterator

import brotli

from connectors.ports.source import Refused

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STEP = 256 * 1024
"""Bytes made at a time; so much and no more stands in memory beyond the cap."""
KNOWN = ("gzip", "deflate", "br", "zstd", "identity")
ZSTD: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
"""RFC 9659: nobody has to keep more than 8 MB of what came before; a frame that asks for more is refused."""


def coding_of(header: str) -> str:
    """The one coding a Content-Encoding header names: gzip, deflate, br, zstd or identity.

    Raises Refused (unsupported_encoding) for another, or for several of them.
    """
    named = [part.strip().lower() for part in header.split(",") if part.strip()]
    codings = ["gzip" if coding == "x-gzip" else coding for coding in named if coding != "identity"]
    if len(codings) > 1:
        raise Refused(
            "unsupported_encoding", f"Content-Encoding {header!r} names several codings; send one of {', '.join(KNOWN)}"
        )
    if not codings:
        return "identity"
    if codings[0] not in KNOWN:
        raise Refused(
            "unsupported_encoding", f"Content-Encoding {header!r} is not known; send one of {', '.join(KNOWN)}"
        )
    return codings[0]


def decoded(raw: bytes, coding: str, cap: int) -> bytes:
    """The body without its coding. Raises Refused: too_large beyond `cap` bytes, bad_encoding when it is broken or short."""
    match coding:
        case "identity":
            pieces = iter((raw,))
        case "gzip":
            pieces = _gzip(raw)
        case "deflate":
            pieces = _deflate(raw)
        case "br":
            pieces = _brotli(raw)
        case "zstd":
            pieces = _zstd(raw)
        case _:
            raise ValueError(f"{coding!r} is no coding, expected one of {KNOWN}")
    made: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            if size > cap:
                raise too_large("decompressed", cap)
            made.append(piece)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise Refused("bad_encoding", f"the body is not {coding} as its Content-Encoding says: {error}") from error
    return b"".join(made)


def too_large(what: str, cap: int) -> Refused:
    """The refusal of a body beyond `cap` bytes."""
    return Refused("too_large", f"the body is larger than {cap} bytes {what}; send less at a time")


def _gzip(raw: bytes) -> Iterator[bytes]:
    """RFC 1952: one member after the other; zeros after the last are padding."""
    if not raw:
        raise Refused("bad_encoding", "the body is empty, expected gzip")
    while raw.strip(b"\0"):
        member = zlib.decompressobj(wbits=31)
        yield from _inflated(member, raw, "gzip")
        raw = member.unused_data


def _deflate(raw: bytes) -> Iterator[bytes]:
    """zlib's format, as RFC 9110 says, or bare DEFLATE, as some senders do: told apart by zlib's two-byte header."""
    zlibbed = len(raw) >= 2 and raw[0] & 0x0F == 8 and int.from_bytes(raw[:2], "big") % 31 == 0
    member = zlib.decompressobj(wbits=15 if zlibbed else -15)
    yield from _inflated(member, raw, "deflate")
    if member.unused_data:
        raise Refused("bad_encoding", f"{len(member.unused_data)} bytes follow the end of the deflate stream")


def _inflated(member: "zlib._Decompress", raw: bytes, coding: str) -> Iterator[bytes]:
    rest = raw
    while not member.eof:
        piece = member.decompress(rest, STEP)
        rest = member.unconsumed_tail
        if not piece and not rest and not member.eof:
            raise Refused("bad_encoding", f"the {coding} body ends before its end, after {len(raw)} bytes")
        yield piece


def _brotli(raw: bytes) -> Iterator[bytes]:
    stream = brotli.Decompressor()
    piece = stream.process(raw, output_buffer_limit=STEP)
    while piece:
        yield piece
        piece = b"" if stream.is_finished() else stream.process(b"", output_buffer_limit=STEP)
    if not stream.is_finished():
        raise Refused("bad_encoding", f"the br body ends before its end, after {len(raw)} bytes")


def _zstd(raw: bytes) -> Iterator[bytes]:
    """RFC 8878: one frame after the other."""
    if not raw:
        raise Refused("bad_encoding", "the body is empty, expected zstd")
    rest = raw
    while rest:
        frame = zstd.ZstdDecompressor(options=ZSTD)
        piece = frame.decompress(rest, STEP)
        while not frame.eof:
            if not piece and frame.needs_input:
                raise Refused("bad_encoding", f"the zstd body ends before its end, after {len(raw)} bytes")
            yield piece
            piece = frame.decompress(b"", STEP)
        yield piece
        rest = frame.unused_data
