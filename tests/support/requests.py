"""Recorded requests as the door hands them to a source: payload file plus its sibling `STEM.meta.json`."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import brotli

from connectors.ports.source import Request

RECEIVED_AT = 1_795_248_000_000_000
"""2026-11-21T08:00:00Z: when recorded requests arrive unless a test says otherwise."""


def load_request(
    path: Path, received_at: int = RECEIVED_AT, *, default_path: str | None = None, trusted: bool = False
) -> Request:
    """The request in `path`, decompressed by its Content-Encoding (gzip, deflate, br).

    Method, path and headers come from `STEM.meta.json` (`headers`: list of pairs) where it exists; without it the request is
    a JSON POST to `default_path`, by default `/in/NAME` with NAME the connector whose test folder the file lies in.
    """
    raw = path.read_bytes()
    meta_path = path.with_name(f"{path.stem}.meta.json")
    if not meta_path.exists():
        where = default_path or f"/in/{path.parent.parent.name}"
        return Request("POST", where, "", {"content-type": "application/json"}, raw, raw, received_at, trusted=trusted)
    meta = json.loads(meta_path.read_text())
    where, _, query = (default_path or meta["path"]).partition("?")
    headers = {name.lower(): value for name, value in meta["headers"]}
    body = decompress(raw, headers.get("content-encoding", "identity"))
    return Request(meta["method"], where, query, headers, body, raw, received_at, trusted=trusted)


def decompress(raw: bytes, encoding: str) -> bytes:
    """`raw` decompressed; ValueError for an encoding nobody recorded."""
    match encoding.lower():
        case "identity" | "":
            return raw
        case "gzip":
            return zlib.decompress(raw, wbits=31)
        case "deflate":
            return zlib.decompress(raw)
        case "br":
            return bytes(brotli.decompress(raw))
        case other:
            raise ValueError(f"no recorded request is encoded as {other!r}")


def with_headers(request: Request, **headers: str) -> Request:
    """The same request with headers added; underscores in names become hyphens."""
    added = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return replace(request, headers={**request.headers, **added})
