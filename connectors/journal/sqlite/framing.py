"""How the records that were committed together lie in one blob.

Version 1, little-endian: version (u8), count (u32), the lengths of all kinds, of all keys and of all payloads (3 x count x u32), then
all kinds, all keys and all payloads one after the other. Text is UTF-8. Offsets and the time of acceptance stand in the row, not here.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate

from connectors.ports.journal import Entry, NewRecord

VERSION = 1
_HEAD = struct.Struct("<BI")


def pack(records: Sequence[NewRecord]) -> bytes:
    """One blob. Raises UnicodeEncodeError or TypeError when a record holds what cannot be stored."""
    parts = [record.kind.encode() for record in records]
    parts += [record.key.encode() for record in records]
    parts += [record.payload for record in records]
    lengths = struct.pack(f"<{len(parts)}I", *map(len, parts))
    return b"".join((_HEAD.pack(VERSION, len(records)), lengths, *parts))


def unpack(frames: bytes, *, skip: int = 0, take: int | None = None) -> list[NewRecord]:
    """The records from number `skip` on, at most `take`. Raises ValueError for a version written by a newer Tocsin."""
    version, count = _HEAD.unpack_from(frames)
    if version != VERSION:
        raise ValueError(
            f"batch format {version!r} is not known here, expected {VERSION!r}: read it with a newer Tocsin"
        )
    lengths = struct.unpack_from(f"<{3 * count}I", frames, _HEAD.size)
    ends = list(accumulate(lengths, initial=_HEAD.size + 12 * count))
    stop = count if take is None else min(count, skip + take)
    return [
        NewRecord(
            kind=frames[ends[at] : ends[at + 1]].decode(),
            key=frames[ends[count + at] : ends[count + at + 1]].decode(),
            payload=frames[ends[2 * count + at] : ends[2 * count + at + 1]],
        )
        for at in range(skip, stop)
    ]


def entries(
    stream: str, first: int, accepted_at: int, frames: bytes, *, above: int = 0, limit: int | None = None
) -> list[Entry]:
    """The entries of a stored row with offsets above `above`, at most `limit`."""
    skip = max(0, above + 1 - first)
    return stamp(stream, first + skip, accepted_at, unpack(frames, skip=skip, take=limit))


def stamp(stream: str, first: int, accepted_at: int, records: Sequence[NewRecord]) -> list[Entry]:
    """Records with the offsets `first`, `first` + 1, ..."""
    return [
        Entry(stream, offset, accepted_at, record.kind, record.key, record.payload)
        for offset, record in enumerate(records, first)
    ]
