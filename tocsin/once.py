"""One run over files: each goes through its source, and if wanted through the whole pipeline, with nothing ever sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.ports.connector import Settings
from connectors.ports.source import Received, Refused, Reply, Request, Source
from schemas.document import near
from tocsin.config import Instance
from tocsin.door import RouteTable
from tocsin.door.encodings import coding_of, decoded
from tocsin.recorded import Recorded


class NotReadable(Exception):
    """The file is no request that this connector accepts. The message says why."""


@dataclass(frozen=True)
class Prepared:
    """A recorded request and who reads it."""

    name: str
    source: Source
    request: Request


def without_secrets(settings: Settings) -> Settings:
    """The settings with every secret unset: a file on this machine needs no signature."""
    unset: dict[str, Any] = {
        name: field.get_default(call_default_factory=True)
        for name, field in type(settings).model_fields.items()
        if "SecretStr" in str(field.annotation) and not field.is_required()
    }
    return settings.model_copy(update=unset)


def sources_of(instances: Sequence[Instance]) -> list[Source]:
    """Every configured source, as for files."""
    return [
        each.connector.source(without_secrets(each.settings), each.name)
        for each in instances
        if each.connector.source is not None
    ]


def prepare(request: Recorded, sources: Sequence[Source], connector: str | None, *, now: int) -> Prepared:
    """Find the source of a request by connector name (`NAME` or `NAME/INSTANCE`) or by its path, and decompress its body.

    Raises NotReadable.
    """
    path, _, query = request.path.partition("?")
    match = RouteTable(sources).find(path)
    if connector is not None:
        source = _named(connector, sources)
    elif match is not None:
        source = match.sources[0]
    else:
        raise NotReadable(
            f"{request.name}: nothing says which connector it is for; name one with --connector ({_names(sources)})"
        )
    params = match.params if match is not None and source in match.sources else {}
    try:
        coding = coding_of(request.headers.get("content-encoding") or _guessed(request))
        body = decoded(request.body, coding, source.max_decompressed) if coding != "identity" else request.body
    except Refused as refused:
        raise NotReadable(f"{request.name}: {refused}") from refused
    received = Request(
        method=request.method,
        path=path,
        query=query,
        headers=request.headers,
        body=body,
        raw_body=request.body,
        received_at=now,
        params=params,
        trusted=True,
    )
    return Prepared(request.name, source, received)


def _guessed(request: Recorded) -> str:
    """Without any header to say so: gzip is told by how it begins (RFC 1952)."""
    return "gzip" if not request.headers and request.body.startswith(b"\x1f\x8b") else "identity"


def receive(prepared: Prepared) -> Received:
    """What the source makes of it. Raises NotReadable."""
    try:
        return prepared.source.receive(prepared.request)
    except Refused as refused:
        raise NotReadable(f"{prepared.name}: {refused.reason}: {refused}") from refused


def said(reply: Reply) -> str:
    """A refusal's text, for people."""
    return f"{reply.status} {reply.body.decode('utf-8', 'replace')[:300]}"


def _named(connector: str, sources: Sequence[Source]) -> Source:
    name, _, instance = connector.partition("/")
    for source in sources:
        if source.name == name and source.instance == (instance or "default"):
            return source
    known = [source.name for source in sources]
    raise NotReadable(f"unknown connector {connector!r}{near(name, known)}")


def _names(sources: Sequence[Source]) -> str:
    return ", ".join(sorted({source.name for source in sources}))
