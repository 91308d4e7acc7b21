"""Verification: reads the whole ledger and names every place where it is not what was written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connectors.ledger.manifest import ManifestUnreadable, Sealed, read_manifest
from connectors.ledger.redactions import read_redactions
from connectors.ledger.segment import (
    GENESIS,
    Line,
    Unreadable,
    chained,
    payload_matches,
    place,
    read_header,
    segment_numbers,
    segment_path,
    split,
)
from connectors.ledger.verify_sealed import sealed_faults
from connectors.ports.ledger import Head

Fault = Literal[
    "edited",
    "removed",
    "moved",
    "unreadable",
    "header",
    "segment_missing",
    "tail_cut",
    "manifest",
    "projection",
    "redaction",
]
MOST_FAULTS = 100
"""Reading stops after so many."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that is not what was written. `line` counts from 1, the header; `seq` is the record's number, where one is known."""

    fault: Fault
    segment: int
    line: int | None
    seq: int | None
    message: str

    def __str__(self) -> str:
        """For people: where, then what."""
        places = (("segment", self.segment or None), ("line", self.line), ("record", self.seq))
        where = ", ".join(f"{name} {number}" for name, number in places if number is not None)
        return f"{where or 'the ledger'}: {self.fault}: {self.message}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `torn` is a last line still being written or cut short by a crash: it was never durable, and is no fault."""

    findings: tuple[Finding, ...]
    records: int
    segments: int
    redacted: int
    head: Head
    torn: bool = False

    @property
    def holds(self) -> bool:
        """Whether everything is as it was written."""
        return not self.findings


@dataclass(slots=True)
class _Walk:
    folder: Path
    known: Head | None
    findings: list[Finding] = field(default_factory=list)
    ledger: str | None = None
    links: tuple[bytes, ...] = (GENESIS.encode(),)
    """Hashes the next line may follow: after a fault both the one that stands there and the one it should be."""
    seq: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    record_hash: str = GENESIS
    records: int = 0
    redacted: list[int] = field(default_factory=list)
    torn: bool = False
    met_known: bool = False
    segment: int = 0
    ends: dict[int, tuple[int, str]] = field(default_factory=dict)

    def find(self, fault: Fault, segment: int, line: int | None, seq: int | None, message: str) -> None:
        self.findings.append(Finding(fault, segment, line, seq, message))

    @property
    def full(self) -> bool:
        return len(self.findings) >= MOST_FAULTS


def verify(folder: Path, *, head: Head | None = None, rows: bool = False) -> Verification:
    """Read everything in `folder`; with the `head` kept elsewhere, a cut tail shows too; with `rows`, projections are compared row
    by row (else by their hash in the manifest, which says nothing against somebody who changed both).

    Works beside a running writer. Raises FileNotFoundError when there is no ledger, OSError when it cannot be read.
    """
    if not (folder / "segments").is_dir():
        raise FileNotFoundError(f"no ledger in {str(folder)!r}: expected a folder 'segments' in it")
    walk = _Walk(folder, head, met_known=head is None or head.seq == 0)
    listed = _listed(walk)
    numbers = segment_numbers(folder)
    expected = 1
    for number in numbers:
        if number != expected:
            walk.find("segment_missing", expected, None, None, f"segments {expected} to {number - 1} are missing")
        expected = number + 1
        walk.segment = number
        _walk_segment(walk, number, active=number == numbers[-1])
        if walk.full:
            break
    _check_known(walk)
    _check_redactions(walk)
    for number, fault, seq, message in sealed_faults(folder, listed, numbers, walk.ends, rows=rows):
        walk.find(fault, number, None, seq, message)
    return Verification(
        findings=tuple(walk.findings[:MOST_FAULTS]),
        records=walk.records,
        segments=len(numbers),
        redacted=len(walk.redacted),
        head=Head(walk.seq, walk.record_hash),
        torn=walk.torn,
    )


def _walk_segment(walk: _Walk, number: int, *, active: bool) -> None:
    with segment_path(walk.folder, number).open("rb", buffering=1 << 20) as file:
        lines: Iterator[tuple[int, bytes]] = enumerate(file, 1)
        for _, first in lines:
            if not first.endswith(b"\n"):
                if active:
                    walk.torn = True
                    return
                walk.find("header", number, 1, None, "the header has no end")
            _take_header(walk, number, first.rstrip(b"\n"))
            break
        else:
            if not active:
                walk.find("header", number, 1, None, "the segment is empty; expected a header")
            return
        for index, line in lines:
            if line[-1:] != b"\n":
                if active:
                    walk.torn = True
                else:
                    walk.find("unreadable", number, index, walk.seq + 1, f"the last line has no end: {line[:60]!r}")
                return
            _take_line(walk, number, index, line[:-1])
            if walk.full:
                return
    walk.ends[number] = (walk.seq, _text(walk.links[0]))


def _take_header(walk: _Walk, number: int, line: bytes) -> None:
    try:
        header, body, stated = read_header(line)
    except Unreadable as error:
        walk.find("header", number, 1, None, str(error))
        return
    previous = header["previous"].encode()
    due = chained(previous, body)
    if due != stated:
        walk.find(
            "header", number, 1, None, f"the header was edited: it hashes to {_text(due)}, and says {_text(stated)}"
        )
    if previous not in walk.links:
        walk.find(
            "removed",
            number,
            1,
            walk.seq + 1,
            f"the segment follows a line with hash {header['previous']}, but the one before it ends in "
            f"{_text(walk.links[0])}: records after {walk.seq} were removed or changed",
        )
    walk.ledger = walk.ledger or header["ledger"]
    found = (header["segment"], header["ledger"], header["first_seq"], header["positions"])
    expected = (number, walk.ledger, walk.seq + 1, walk.positions)
    if found != expected:
        walk.find("header", number, 1, None, f"the header says {found!r}, expected {expected!r}")
        walk.seq = header["first_seq"] - 1
        walk.positions = dict(header["positions"])
    walk.links = (stated, due)


def _take_line(walk: _Walk, number: int, index: int, line: bytes) -> None:
    try:
        parts = split(line)
        seq, stream, offset = place(parts.envelope)
    except Unreadable as error:
        walk.find("unreadable", number, index, walk.seq + 1, str(error))
        return
    follows = _check_link(walk, number, index, parts, seq)
    if not payload_matches(parts):
        walk.find("edited", number, index, seq, f"the payload or salt of record {seq} is not what was recorded")
    if follows:
        if offset <= walk.positions.get(stream, 0):
            message = f"record {seq} has offset {offset} of {stream!r}, after {walk.positions[stream]}"
            walk.find("moved", number, index, seq, message)
        walk.positions[stream] = offset
    elif seq > walk.seq:
        walk.positions[stream] = offset
    if parts.payload is None:
        walk.redacted.append(seq)
    walk.records += 1
    if seq > walk.seq:
        walk.seq, walk.record_hash = seq, _text(parts.hash)
    if walk.known is not None and seq == walk.known.seq:
        walk.met_known = True
        if _text(parts.hash) != walk.known.hash:
            message = f"record {seq} ends in {_text(parts.hash)}; the head kept elsewhere is {walk.known.hash}"
            walk.find("edited", number, index, seq, message)


def _check_link(walk: _Walk, number: int, index: int, parts: Line, seq: int) -> bool:
    stated = parts.hash
    due = b""
    for link in walk.links:
        due = chained(link, parts.envelope)
        if due == stated:
            walk.links = (stated,)
            if seq != walk.seq + 1:
                walk.find("moved", number, index, seq, f"record {seq} stands where {walk.seq + 1} is expected")
            return True
    before, walk.links = walk.links, (stated, due)
    if seq == walk.seq + 1:
        message = f"record {seq} was edited: it hashes to {_text(due)}, and says {_text(stated)}"
        walk.find("edited", number, index, seq, message)
    elif seq > walk.seq + 1:
        missing = f"records {walk.seq + 1} to {seq - 1} are" if seq > walk.seq + 2 else f"record {walk.seq + 1} is"
        walk.find("removed", number, index, walk.seq + 1, f"{missing} missing before record {seq}")
    else:
        walk.find("moved", number, index, seq, f"record {seq} stands after record {walk.seq}: repeated or out of order")
        walk.links = (*before, stated, due)
    return False


def _listed(walk: _Walk) -> list[Sealed]:
    try:
        return read_manifest(walk.folder)
    except ManifestUnreadable as error:
        walk.find("manifest", 0, None, None, str(error))
        return []


def _check_known(walk: _Walk) -> None:
    if walk.known is not None and not walk.met_known:
        message = f"the ledger ends at record {walk.seq}; record {walk.known.seq} is known to have been written: the tail was cut"
        walk.find("tail_cut", walk.segment, None, walk.known.seq, message)


def _check_redactions(walk: _Walk) -> None:
    try:
        named = {entry.seq for entry in read_redactions(walk.folder)}
    except ValueError as error:
        walk.find("redaction", 0, None, None, str(error))
        return
    for seq in walk.redacted:
        if seq not in named:
            walk.find("redaction", 0, None, seq, f"the payload of record {seq} was taken out, with no reason recorded")


def _text(hash_bytes: bytes) -> str:
    """A hash as it stands there, whatever stands there."""
    return hash_bytes.decode("ascii", "backslashreplace")
