"""A source: how one outside system's requests become signals, and how it wants to be answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from schemas import LogBatch, Signal

Refusal = Literal[
    "missing_signature",
    "bad_signature",
    "expired",
    "unauthorised",
    "unknown_instance",
    "unknown_project",
    "too_large",
    "unsupported_encoding",
    "bad_encoding",
    "malformed",
    "method",
]
"""Why a request is refused at the door: a closed set, counted by it."""

STATUS: Mapping[Refusal, int] = {
    "missing_signature": 401,
    "bad_signature": 401,
    "expired": 401,
    "unauthorised": 401,
    "unknown_instance": 404,
    "unknown_project": 404,
    "too_large": 413,
    "unsupported_encoding": 415,
    "bad_encoding": 400,
    "malformed": 400,
    "method": 405,
}
"""What HTTP calls each, for protocols that have no answer of their own."""


SELF_TAG = "tocsin.self"
"""The tag on errors that Tocsin reports about itself: one that comes back is context, and never opens anything."""


class Refused(Exception):
    """The request is not accepted, nothing of it is kept. The message says what was found, what was expected, what to do."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason: Refusal = reason


@dataclass(frozen=True, slots=True)
class Request:
    """One request as received. `body` is decompressed and within the source's limits; `raw_body` is as it came over the wire.
    `headers` have lower-case names; `path` and `query` are undecoded. `received_at` in microseconds."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    raw_body: bytes
    received_at: int
    params: Mapping[str, str] = field(default_factory=dict)
    """What the route's `{name}` parts matched."""
    trusted: bool = False
    """It came from this machine to a door that listens on loopback alone and is not behind a proxy: a source that has no secret
    configured may accept it unsigned. All others without a secret are refused."""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Reply(NamedTuple):
    """An HTTP answer in the protocol's own form."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = _NOTHING


@dataclass(frozen=True, slots=True)
class Poison:
    """A part that could not be read: kept whole, with the reason, and can be retried."""

    reason: str
    content: bytes


class Received(NamedTuple):
    """What one request said. Nothing in it is dropped silently: what is neither signal nor batch nor poison is in `ignored`.

    (Values that every request makes are named tuples: made in a third of the time of a frozen dataclass.)"""

    signals: Sequence[Signal] = ()
    batches: Sequence[LogBatch] = ()
    poison: Sequence[Poison] = ()
    ignored: Mapping[str, int] = _NOTHING
    """What was recognised and needs no signal, by kind (session, transaction, ping ...), counted."""
    unknown_severities: Sequence[str] = ()
    """Severity words nobody taught us; counted, treated as info."""
    reply: Reply = Reply(200)


@dataclass(frozen=True, slots=True)
class Route:
    """A path of its own beside `/in/NAME[/INSTANCE]`, such as `/api/{project}/envelope/`; parts in braces match one segment."""

    methods: Sequence[str]
    path: str


class Source(Protocol):
    """One configured instance of an outside system that sends to us.

    `receive` is pure: no I/O, no clock (the request carries its time). It verifies before it parses, over raw bytes, in constant
    time, against every active secret.
    """

    name: str
    """The connector's name; the last part of `/in/NAME`."""
    instance: str
    routes: Sequence[Route]
    max_body: int
    """Bytes over the wire."""
    max_decompressed: int
    """Bytes after decompression."""

    def receive(self, request: Request) -> Received:
        """Raises Refused; a part that cannot be read becomes Poison and the rest is kept."""

    def refuse(self, refused: Refused, request: Request | None) -> Reply:
        """The refusal in this protocol's own form (wire formats: status codes mean retry or drop to each sender)."""

    def overloaded(self, retry_after_s: float, request: Request | None) -> Reply:
        """'Not now' so that this sender comes again, as far as it ever does."""
