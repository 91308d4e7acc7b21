"""Redaction: takes the payload out of a record, says so and why, and leaves the chain whole."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from connectors.ledger.files import file_hash, lock, manifest_lock, put_in_place, sync
from connectors.ledger.manifest import read_manifest, write_manifest
from connectors.ledger.project import write_projection
from connectors.ledger.segment import Unreadable, read_header, redacted, segment_numbers, segment_path
from connectors.ports.clock import Clock
from schemas import to_rfc3339

REDACTIONS = "redactions.jsonl"


@dataclass(frozen=True, slots=True)
class Redaction:
    """Why the payload of record `seq` is not there; `at` is RFC 3339."""

    seq: int
    reason: str
    by: str
    at: str


def read_redactions(folder: Path) -> list[Redaction]:
    """All of them, in order. Raises ValueError when the file is not what was written."""
    try:
        lines = (folder / REDACTIONS).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    try:
        return [Redaction(**orjson.loads(line)) for line in lines]
    except (orjson.JSONDecodeError, TypeError) as error:
        raise ValueError(f"{REDACTIONS} is not a list of redactions: {error}") from error


def redact(folder: Path, seq: int, *, reason: str, by: str, clock: Clock) -> None:
    """Replace the payload of record `seq` by null, in the segment and in its projection. Asking again finishes what a crash
    interrupted, and changes nothing otherwise.

    A record of the active segment needs the ledger to be closed, else LedgerHeld is raised (seal first). Raises KeyError when there
    is no such record, OSError. What was copied elsewhere before (backups, the journal until its retention) is not reached.
    """
    number = _segment_of(folder, seq)
    active = number == segment_numbers(folder)[-1]
    held = lock(folder / "writer.lock", wait=False) if active else None
    try:
        with manifest_lock(folder):
            _must_hold(segment_path(folder, number), seq)
            _note(folder, Redaction(seq, reason, by, to_rfc3339(clock.now())))
            _rewrite(segment_path(folder, number), seq)
            _refresh(folder, number)
    finally:
        if held is not None:
            os.close(held)


def _segment_of(folder: Path, seq: int) -> int:
    chosen = 0
    for number in segment_numbers(folder):
        with segment_path(folder, number).open("rb") as file:
            try:
                header, _, _ = read_header(file.readline().rstrip(b"\n"))
            except Unreadable:
                continue
        if header["first_seq"] <= seq:
            chosen = number
    if not chosen or seq < 1:
        raise KeyError(f"the ledger has no record {seq}")
    return chosen


def _must_hold(segment: Path, seq: int) -> None:
    prefix = b'{"seq":%d,' % seq
    with segment.open("rb") as file:
        if not any(line.startswith(prefix) for line in file):
            raise KeyError(f"the ledger has no record {seq}: {segment.name} does not hold it")


def _note(folder: Path, redaction: Redaction) -> None:
    if any(known.seq == redaction.seq for known in read_redactions(folder)):
        return
    with (folder / REDACTIONS).open("ab") as file:
        file.write(orjson.dumps(asdict(redaction)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync(folder)


def _rewrite(segment: Path, seq: int) -> None:
    beside = segment.with_name(f".{segment.name}.new")
    prefix = b'{"seq":%d,' % seq
    with segment.open("rb") as source, beside.open("wb") as target:
        for line in source:
            chosen = line.startswith(prefix) and line.endswith(b"\n")
            target.write(redacted(line[:-1]) + b"\n" if chosen else line)
        target.flush()
        os.fsync(target.fileno())
    put_in_place(beside, segment)


def _refresh(folder: Path, number: int) -> None:
    listed = read_manifest(folder)
    for index, row in enumerate(listed):
        if row.number == number:
            segment = segment_path(folder, number)
            projection_hash = write_projection(segment, folder / row.projection)
            taken_out = sum(1 for known in read_redactions(folder) if row.first_seq <= known.seq <= row.last_seq)
            listed[index] = replace(
                row,
                bytes=segment.stat().st_size,
                file_hash=file_hash(segment),
                projection_hash=projection_hash,
                redacted=taken_out,
            )
            write_manifest(folder, listed)
