"""The form of a segment: how a header and a record are written as lines, and read back, byte for byte.

A record's line is `ENVELOPE,"payload":PAYLOAD,"salt":SALT,"hash":HASH}`. The envelope holds the payload's hash, SHA-256 over the
salt's 32 characters and the payload's bytes; HASH is SHA-256 over the line before's hash and the envelope's bytes. So the chain never
needs the payload: it can be replaced by `null`, the salt with it (what is left cannot be guessed back), and the chain still holds.
What is hashed are the bytes on disk, never a re-serialisation. The first line is the header, which takes part in the chain.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from connectors.ports.journal import Entry
from schemas import to_rfc3339
from schemas.time import SECOND

FORMAT = 1
GENESIS = "0" * 64
"""The hash before the first header."""

_PAYLOAD = b',"payload":'
_SALT = b',"salt":"'
_HASH = b'","hash":"'
_REDACTED = b',"payload":null,"salt":null,"hash":"'
_END = b'"}'
_TAIL = len(_SALT) + 32 + len(_HASH) + 64 + len(_END)
_PAYLOAD_HASH = b',"payload_hash":"'


class Unreadable(Exception):
    """A line that is not in the form of this module; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a segment. `positions`: per stream, the offset of its last entry in the segments before."""

    ledger: str
    segment: int
    epoch: int
    previous: str
    first_seq: int
    started_at: int
    positions: Mapping[str, int]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Line:
    """A record's line taken apart; `payload` None when it is redacted. All parts are bytes of the line."""

    envelope: bytes
    payload: bytes | None
    salt: bytes
    hash: bytes


def write_header(header: Header) -> tuple[bytes, str]:
    """The line with its newline, and its hash."""
    fields = {
        "format": header.format,
        "ledger": header.ledger,
        "segment": header.segment,
        "epoch": header.epoch,
        "previous": header.previous,
        "first_seq": header.first_seq,
        "started_at": to_rfc3339(header.started_at),
        "positions": dict(header.positions),
    }
    body = orjson.dumps(fields)[:-1]
    digest = hashlib.sha256(header.previous.encode() + body).hexdigest()
    return body + b',"hash":"' + digest.encode() + b'"}\n', digest


def read_header(line: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Its fields, the bytes that are hashed and the hash that stands there. Raises Unreadable."""
    body, separator, tail = line.rpartition(b',"hash":"')
    if not separator or len(tail) != 66 or not tail.endswith(_END):
        raise Unreadable(f"expected a segment header that ends in its hash, found {line[:60]!r}")
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the header is not JSON: {error}") from error
    if not isinstance(fields, dict) or not _is_header(fields):
        raise Unreadable(f"expected a segment header of format {FORMAT}, found {line[:80]!r}")
    return fields, body, tail[:64]


def _is_header(fields: dict[str, Any]) -> bool:
    numbers = all(type(fields.get(name)) is int for name in ("segment", "epoch", "first_seq"))
    texts = all(isinstance(fields.get(name), str) for name in ("ledger", "previous", "started_at"))
    return fields.get("format") == FORMAT and numbers and texts and isinstance(fields.get("positions"), dict)


def write_records(entries: Iterable[Entry], *, seq: int, previous: str, salts: bytes) -> tuple[list[bytes], str]:
    """Lines for entries numbered from `seq` on after the line with hash `previous`, and the last line's hash.

    `salts` are 16 random bytes per entry.
    """
    sha256 = hashlib.sha256
    lines: list[bytes] = []
    salt_text = salts.hex()
    before, second, prefix, start = previous.encode(), -1, "", 0
    for entry in entries:
        if entry.accepted_at // SECOND != second:
            second = entry.accepted_at // SECOND
            prefix = to_rfc3339(second * SECOND)[:20]
        salt = salt_text[start : start + 32].encode()
        payload = embeddable(entry.payload)
        envelope = (
            f'{{"seq":{seq},"stream":"{entry.stream}","offset":{entry.offset},'
            f'"at":"{prefix}{entry.accepted_at % SECOND:06d}Z","kind":"{entry.kind}","key":'
        ).encode()
        envelope += orjson.dumps(entry.key) + _PAYLOAD_HASH + sha256(salt + payload).hexdigest().encode() + b'"'
        before = sha256(before + envelope).hexdigest().encode()
        lines.append(b"".join((envelope, _PAYLOAD, payload, _SALT, salt, _HASH, before, b'"}\n')))
        seq += 1
        start += 32
    return lines, before.decode()


def embeddable(payload: bytes) -> bytes:
    """The payload as one JSON value on one line: as it is for our records, which are; anything else as a JSON text."""
    if payload[:1] == b"{" and payload[-1:] == b"}" and b"\n" not in payload:
        return payload
    try:
        return orjson.dumps(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return orjson.dumps({"unreadable": payload.decode("utf-8", "backslashreplace")})


def split(line: bytes) -> Line:
    """A record's line, without its newline, taken apart. Raises Unreadable."""
    at = line.find(_PAYLOAD)
    if at < 0 or line[-2:] != _END:
        raise Unreadable(f"expected a record with a payload and a hash at its end, found {line[:60]!r}")
    if len(line) == at + len(_REDACTED) + 66 and line[at:-66] == _REDACTED:
        return Line(line[:at], None, b"", line[-66:-2])
    tail = len(line) - _TAIL
    salt_at = tail + len(_SALT)
    if tail < at + len(_PAYLOAD) or line[tail:salt_at] != _SALT or line[salt_at + 32 : salt_at + 42] != _HASH:
        raise Unreadable(f"expected a salt and a hash at the end of the record, found {line[-120:]!r}")
    return Line(line[:at], line[at + len(_PAYLOAD) : tail], line[salt_at : salt_at + 32], line[-66:-2])


def chained(previous: bytes, body: bytes) -> bytes:
    """The hash a line must have whose hashed part is `body`, after the line with hash `previous`."""
    return hashlib.sha256(previous + body).hexdigest().encode()


def payload_matches(line: Line) -> bool:
    """Whether the payload is the one the envelope's hash was taken of; a redacted one always is."""
    if line.payload is None:
        return line.envelope[-82:-65] == _PAYLOAD_HASH
    stated = line.envelope[-82:]
    return stated == _PAYLOAD_HASH + hashlib.sha256(line.salt + line.payload).hexdigest().encode() + b'"'


def place(envelope: bytes) -> tuple[int, str, int]:
    """The number, the stream and the offset an envelope states. Raises Unreadable."""
    parts = envelope.split(b'"', 8)
    try:
        if parts[1] != b"seq" or parts[3] != b"stream" or parts[7] != b"offset":
            raise Unreadable(f"expected seq, stream and offset, found {envelope[:60]!r}")
        return int(parts[2][1:-1]), parts[5].decode(), int(parts[8][1 : parts[8].index(b",")])
    except (ValueError, IndexError) as error:
        raise Unreadable(f"expected seq, stream and offset, found {envelope[:60]!r}") from error


def redacted(line: bytes) -> bytes:
    """The same line, without its newline, with neither payload nor salt. Raises Unreadable."""
    parts = split(line)
    return parts.envelope + _REDACTED + parts.hash + _END


def segment_path(folder: Path, number: int) -> Path:
    """Where segment `number` stands, for good."""
    return folder / "segments" / f"{number:08d}.jsonl"


def segment_numbers(folder: Path) -> list[int]:
    """The segments that are there, in order; other files are passed over."""
    found = (folder / "segments").glob("*.jsonl")
    return sorted(int(path.stem) for path in found if path.stem.isdecimal())
