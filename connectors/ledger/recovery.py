"""Where a ledger ends: reads the last segment again, cuts what never became durable, and refuses what is damaged."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from connectors.ledger.files import sync
from connectors.ledger.segment import (
    Unreadable,
    chained,
    place,
    read_header,
    segment_numbers,
    segment_path,
    split,
)
from connectors.ports.ledger import Head, LedgerDamaged


@dataclass(slots=True)
class Tail:
    """The end of the chain as it stands on disk."""

    ledger: str
    segment: int
    epoch: int
    started_at: str
    first_seq: int
    seq: int
    record_hash: str
    """Of the last record."""
    hash: str
    """What the next line follows: the last record's, or the header's in a segment without one."""
    size: int
    positions: dict[str, int] = field(default_factory=dict)
    cut: str | None = None
    """What was cut off when it was read, as a sentence."""


def recover(folder: Path, head: Head | None) -> Tail | None:
    """The end of the chain, None for a ledger with no segment.

    A last line that never ended is cut: it was not durable, nobody was told it was. With a `head` known to be durable, everything
    after it that does not hold is cut too (a power cut may leave holes in what was being written). Anything else raises
    LedgerDamaged. Raises OSError.
    """
    numbers = segment_numbers(folder)
    while numbers:
        tail = _read(segment_path(folder, numbers[-1]), head)
        if tail is not None:
            if head is not None and tail.seq < head.seq:
                raise LedgerDamaged(
                    f"segment {tail.segment} ends at record {tail.seq}, but record {head.seq} is known to be durable: "
                    f"the tail was cut; run `tocsin ledger verify`, and see docs/ledger.md"
                )
            return tail
        # Its header never became whole: no record can be in it.
        segment_path(folder, numbers.pop()).unlink()
        sync(folder / "segments")
    if head is not None and head.seq > 0:
        raise LedgerDamaged(
            f"no segment is there, but record {head.seq} is known to be durable; was the folder removed? "
            f"Put it back, or begin anew with `tocsin ledger accept`"
        )
    return None


def _read(path: Path, head: Head | None) -> Tail | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.readline()
        if not first.endswith(b"\n"):
            return None
        try:
            header, body, stated = read_header(first[:-1])
        except Unreadable as error:
            raise LedgerDamaged(f"{path.name}: {error}; run `tocsin ledger verify`") from error
        if chained(header["previous"].encode(), body) != stated:
            raise LedgerDamaged(f"{path.name}: the header is not what was written; run `tocsin ledger verify`")
        tail = Tail(
            ledger=header["ledger"],
            segment=header["segment"],
            epoch=header["epoch"],
            started_at=header["started_at"],
            first_seq=header["first_seq"],
            seq=header["first_seq"] - 1,
            record_hash=header["previous"],
            hash=stated.decode(),
            size=len(first),
            positions=dict(header["positions"]),
        )
        for line in file:
            fault = _extend(tail, line)
            if fault:
                _cut(path, tail, size, fault, head, last=file.tell() == size)
                break
    # What was found whole may still be in memory alone; it counts from now on, so it has to last.
    sync(path)
    return tail


def _extend(tail: Tail, line: bytes) -> str | None:
    """Take a line in, or say why it cannot be."""
    if not line.endswith(b"\n"):
        return "it has no end"
    try:
        parts = split(line[:-1])
        seq, stream, offset = place(parts.envelope)
    except Unreadable as error:
        return str(error)
    if seq != tail.seq + 1 or chained(tail.hash.encode(), parts.envelope) != parts.hash:
        return f"its hash does not follow from record {tail.seq}"
    tail.seq, tail.hash, tail.size = seq, parts.hash.decode(), tail.size + len(line)
    tail.record_hash = tail.hash
    tail.positions[stream] = offset
    return None


def _cut(path: Path, tail: Tail, size: int, fault: str, head: Head | None, *, last: bool) -> None:
    torn = last and fault == "it has no end"
    beyond = head is not None and tail.seq >= head.seq
    if not torn and not beyond:
        raise LedgerDamaged(
            f"{path.name}: the line after record {tail.seq} is damaged: {fault}; run `tocsin ledger verify`, and see docs/ledger.md"
        )
    os.truncate(path, tail.size)
    tail.cut = f"{path.name}: {size - tail.size} bytes after record {tail.seq} were cut off: {fault}"
