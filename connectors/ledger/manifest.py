"""The manifest: which segments are sealed, what they hold and where their projection stands."""

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from connectors.ledger.files import replace_file

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed segment. `file_hash` and `projection_hash` are SHA-256 of the files; times are RFC 3339 of the first and last
    acceptance (of its start, in a segment without a record); `final_hash` is its last line's; `redacted` counts payloads taken out."""

    number: int
    file: str
    first_seq: int
    last_seq: int
    since: str
    until: str
    final_hash: str
    bytes: int
    file_hash: str
    projection: str
    projection_hash: str
    redacted: int = 0


class ManifestUnreadable(ValueError):
    """The manifest is not what was written; it can be made again (`project(folder, again=True)`)."""


def read_manifest(folder: Path) -> list[Sealed]:
    """Sealed segments in order, empty without a manifest. Raises ManifestUnreadable."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return []
    try:
        rows = [Sealed(**row) for row in orjson.loads(content)["segments"]]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ManifestUnreadable(f"{MANIFEST} is not a manifest of this format: {error}") from error
    for row in rows:
        numbers = (row.number, row.first_seq, row.last_seq, row.bytes, row.redacted)
        texts = (row.file, row.since, row.until, row.final_hash, row.file_hash, row.projection, row.projection_hash)
        if not all(type(value) is int for value in numbers) or not all(isinstance(value, str) for value in texts):
            raise ManifestUnreadable(f"{MANIFEST} has a segment with a value of the wrong kind: {row!r}")
    return rows


def write_manifest(folder: Path, segments: list[Sealed]) -> None:
    """Replace the manifest atomically. Raises OSError."""
    content = {"format": 1, "segments": [asdict(row) for row in segments]}
    replace_file(folder / MANIFEST, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
