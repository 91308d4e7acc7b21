"""Whether what the manifest says of sealed segments, and their projections, is what the segments say."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import duckdb

from connectors.ledger.files import file_hash
from connectors.ledger.manifest import Sealed
from connectors.ledger.project import engine, lines_of, quoted
from connectors.ledger.segment import segment_path

SealedFault = tuple[int, Literal["manifest", "projection"], int | None, str]
"""Segment, what is wrong, a record's number where one is known, the message."""


def sealed_faults(
    folder: Path,
    listed: Sequence[Sealed],
    numbers: Sequence[int],
    ends: Mapping[int, tuple[int, str]],
    *,
    rows: bool = False,
) -> Iterator[SealedFault]:
    """`listed`: the manifest, read before the segments were (beside a writer it grows). `ends`: the last record and final hash per
    segment. With `rows`, projections are compared row by row with their segments instead of by the hash in the manifest alone."""
    for index, row in enumerate(listed, 1):
        if row.number != index or row.number not in numbers:
            message = f"entry {index} names segment {row.number}, which is not there or not its turn"
            yield row.number, "manifest", None, message
        else:
            yield from _segment_faults(folder, row, ends.get(row.number))
            yield from _projection_faults(folder, row, rows=rows)


def _segment_faults(folder: Path, row: Sealed, end: tuple[int, str] | None) -> Iterator[SealedFault]:
    if end is not None and end != (row.last_seq, row.final_hash):
        message = f"segment {row.number} ends at {end!r}, the manifest says {(row.last_seq, row.final_hash)!r}"
        yield row.number, "manifest", row.last_seq, message
    segment = segment_path(folder, row.number)
    if folder / row.file != segment or file_hash(segment) != row.file_hash:
        message = f"{row.file} is not the file that was sealed; an interrupted redaction is finished by asking again"
        yield row.number, "manifest", None, message


def _projection_faults(folder: Path, row: Sealed, *, rows: bool) -> Iterator[SealedFault]:
    projection = folder / row.projection
    if row.projection != f"projection/{row.number:08d}.parquet" or not projection.is_file():
        yield row.number, "projection", None, f"the projection {row.projection!r} is missing; project again"
    elif file_hash(projection) != row.projection_hash:
        yield row.number, "projection", None, f"{row.projection} is not what was written; project again"
    elif rows and (seq := _first_difference(segment_path(folder, row.number), projection)) is not None:
        message = f"{row.projection} says something else than the segment from record {seq} on; project again"
        yield row.number, "projection", seq, message


def _first_difference(segment: Path, projection: Path) -> int | None:
    same = ("stream", '"offset"', '"at"', "kind", "key")
    differences = [
        *(f"l.{name} is distinct from p.{name}" for name in same),
        "l.payload::varchar is distinct from p.payload::varchar",
        "l.hash is distinct from lower(hex(p.hash))",
    ]
    question = (
        f"select min(coalesce(l.seq, p.seq)) from ({lines_of([segment])}) l "  # noqa: S608
        f"full join read_parquet({quoted(str(projection))}) p on l.seq = p.seq where {' or '.join(differences)}"
    )
    with engine() as database:
        try:
            found = database.execute(question).fetchall()
        except duckdb.Error:
            return 0
    return None if found[0][0] is None else int(found[0][0])
