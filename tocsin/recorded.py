"""Recorded requests: the samples that ship, and files with a `.meta.json` beside them, ready to be sent through the door."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.time import from_rfc3339, to_rfc3339

FOLDER = Path(__file__).parent / "samples"
_MOMENT = re.compile(rb"(?<![0-9])20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?Z")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it was received, or as a file gives it."""

    name: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def recorded(file: Path, *, default_path: str) -> Recorded:
    """The request in `file`; a sibling `STEM.meta.json` gives method, path and headers, else it is a POST to `default_path`.

    Raises OSError; ValueError when the meta file is not of that shape.
    """
    meta_file = file.with_name(f"{file.stem}.meta.json")
    body = file.read_bytes()
    if not meta_file.is_file():
        return Recorded(file.name, "POST", default_path, {}, body)
    try:
        meta = json.loads(meta_file.read_text())
        headers = {str(name).lower(): str(value) for name, value in meta.get("headers", [])}
        return Recorded(file.name, str(meta.get("method", "POST")), str(meta.get("path", default_path)), headers, body)
    except (ValueError, TypeError, AttributeError) as error:
        shape = '{"method": "POST", "path": "/in/NAME", "headers": [["name", "value"], ...]}'
        raise ValueError(f"{meta_file}: expected {shape}, found something else: {error}") from error


def shipped(now: int) -> Iterator[Recorded]:
    """The samples, in the order in which they happened, moved in time so that the latest moment in them is `now`."""
    found = [
        recorded(file, default_path="/")
        for file in sorted(FOLDER.iterdir())
        if file.suffix != ".md" and not file.name.endswith(".meta.json")
    ]
    latest = max(moment for one in found for moment in _moments(one.body))
    for one in found:
        yield Recorded(one.name, one.method, one.path, one.headers, _moved(one.body, now - latest))


def _moments(body: bytes) -> list[int]:
    return [from_rfc3339(match.group().decode()) for match in _MOMENT.finditer(body)]


def _moved(body: bytes, distance: int) -> bytes:
    return _MOMENT.sub(lambda match: to_rfc3339(from_rfc3339(match.group().decode()) + distance).encode(), body)
