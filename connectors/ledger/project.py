"""The Parquet projection of sealed segments: fast to ask, rebuildable at any time, never the authority."""

from pathlib import Path

import duckdb

from connectors.ledger.files import file_hash, manifest_lock, put_in_place, sync
from connectors.ledger.manifest import Sealed, read_manifest, write_manifest
from connectors.ledger.segment import place, read_header, segment_numbers, segment_path, split

LARGEST_LINE = 1 << 26
"""Bytes of the longest line a reader takes; what is longer is in the chain, but no query sees it."""

COLUMNS = (
    "{seq:'BIGINT',stream:'VARCHAR','offset':'BIGINT','at':'TIMESTAMP',kind:'VARCHAR',key:'VARCHAR',"
    "payload_hash:'VARCHAR',payload:'JSON',salt:'VARCHAR',hash:'VARCHAR'}"
)

_PACKED = (
    'seq, stream, "offset", "at", kind, key, unhex(payload_hash) as payload_hash, payload, unhex(salt) as salt, '
    "unhex(hash) as hash"
)
"""Hashes as bytes: half the size of their text, and they dominate."""


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def lines_of(paths: list[Path]) -> str:
    """SQL for the records in JSONL segments; headers and torn lines become rows without `seq` and are left out."""
    files = ",".join(quoted(str(path)) for path in paths)
    return (
        f"select * from read_json([{files}], columns={COLUMNS}, format='newline_delimited', ignore_errors=true, "  # noqa: S608
        f"maximum_object_size={LARGEST_LINE}) where seq is not null"
    )


def engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that never fetches an extension."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "threads": "2",
    }
    return duckdb.connect(":memory:", config=settings)


def write_projection(segment: Path, target: Path) -> str:
    """Write the projection of one segment, durably and whole; its file hash. Raises OSError."""
    target.parent.mkdir(exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    select = f"select {_PACKED} from ({lines_of([segment])}) order by seq"  # noqa: S608
    with engine() as database:
        try:
            database.execute(f"copy ({select}) to {quoted(str(beside))} (format parquet, compression zstd)").fetchall()
        except duckdb.Error as error:
            raise OSError(f"the projection {target.name!r} could not be written: {error}") from error
    sync(beside)
    digest = file_hash(beside)
    put_in_place(beside, target)
    return digest


def describe(folder: Path, number: int) -> Sealed:
    """Project segment `number` and say what the manifest has to say of it. It must be sealed."""
    segment = segment_path(folder, number)
    first, last, taken_out = b"", b"", 0
    with segment.open("rb") as file:
        header, _, final = read_header(next(file).rstrip(b"\n"))
        for line in file:
            first = first or line
            last = line
            taken_out += b',"payload":null,"salt":null,' in line and split(line[:-1]).payload is None
    since = until = header["started_at"]
    last_seq = header["first_seq"] - 1
    if last:
        opening, closing = split(first.rstrip(b"\n")), split(last.rstrip(b"\n"))
        since, until, final = moment_of(opening.envelope), moment_of(closing.envelope), closing.hash
        last_seq = place(closing.envelope)[0]
    projection = f"projection/{number:08d}.parquet"
    return Sealed(
        number=number,
        file=f"segments/{segment.name}",
        first_seq=header["first_seq"],
        last_seq=last_seq,
        since=since,
        until=until,
        final_hash=final.decode(),
        bytes=segment.stat().st_size,
        file_hash=file_hash(segment),
        projection=projection,
        projection_hash=write_projection(segment, folder / projection),
        redacted=taken_out,
    )


def moment_of(envelope: bytes) -> str:
    """The time of acceptance an envelope states."""
    return envelope.split(b'"', 12)[11].decode()


def project(folder: Path, *, again: bool = False) -> int:
    """Project every sealed segment that is not listed yet, in order, and list it; how many. The last segment is the active one.

    `again` makes every projection and the manifest anew. Raises OSError; what was projected before the error stays listed.
    """
    made = 0
    with manifest_lock(folder):
        listed = [] if again else read_manifest(folder)
        done = listed[-1].number if listed else 0
        for number in segment_numbers(folder)[:-1]:
            if number > done:
                listed.append(describe(folder, number))
                write_manifest(folder, listed)
                made += 1
    return made
