"""The ingest endpoints as bare ASGI (specification 3.0): a request is read under limits, handed to ingest, and answered."""

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from connectors.ports.meters import Meters, NullMeters
from connectors.ports.source import Refused, Reply, Request
from processors.ingest import Ingest
from tocsin.door.bodies import Body, Budget, Crowded, Disconnected, Receive
from tocsin.door.encodings import coding_of, decoded
from tocsin.door.routes import Match, RouteTable

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

REHEARSAL = "tocsin-rehearsal"
"""A header that marks what a trusted request brings as a rehearsal, whatever its value."""
_PROXIED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
_BROWSER = frozenset({"origin", "sec-fetch-site"})
_FROM_ELSEWHERE = _PROXIED | _BROWSER
_IN_A_THREAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What the door holds at once, over all sources; each source has its own caps on one body."""

    requests: int = 1024
    bytes: int = 256 * 1024 * 1024
    body_timeout_s: float = 30.0
    """For the whole body, from its first piece."""
    retry_after_s: float = 1.0


class IngestDoor:
    """Answers what `claims` says is its own. `loopback`: the door listens on loopback addresses alone."""

    def __init__(
        self,
        ingest: Ingest,
        routes: RouteTable,
        *,
        loopback: bool,
        limits: Limits | None = None,
        meters: Meters | None = None,
    ) -> None:
        self.routes = routes
        self._ingest = ingest
        self._loopback = loopback
        self._limits = limits if limits is not None else Limits()
        self._budget = Budget(self._limits.requests, self._limits.bytes)
        self._meters = meters if meters is not None else NullMeters()

    def claims(self, path: str) -> bool:
        """Whether the path is answered here, be it with 404."""
        return path.startswith("/in/") or path == "/in" or self.routes.find(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _path(scope)
        match = self.routes.find(path)
        if match is None:
            self._meters.count("tocsin.door.not_found")
            await respond(send, not_found(path, self.routes))
            return
        if not self._budget.enter():
            reply = self._ingest.overloaded(match.sources[0], "requests", self._limits.retry_after_s, None)
            await respond(send, reply, close=True)
            return
        body = Body(receive, self._budget)
        try:
            await self._answer(scope, path, match, body, send)
        except Disconnected:
            self._meters.count("tocsin.door.disconnects")
        finally:
            self._budget.leave(body.taken)

    async def _answer(self, scope: Scope, path: str, match: Match, body: Body, send: Send) -> None:
        source, limits = match.sources[0], self._limits
        headers, at = _headers(scope), self._ingest.now()
        trusted = self._loopback and _from_here(scope, headers)
        method, query = scope["method"], scope["query_string"].decode("latin-1")
        try:
            if method not in match.methods:
                allowed = ", ".join(sorted(match.methods))
                raise Refused("method", f"{method} is not for {path}; expected {allowed}")
            if REHEARSAL in headers and not trusted:
                raise Refused(
                    "unauthorised", "a rehearsal is taken from this machine alone; from elsewhere it would be real"
                )
            encoding, length = headers.get("content-encoding"), headers.get("content-length", "")
            coding = coding_of(encoding) if encoding else "identity"
            declared = int(length) if length.isdigit() else None
            raw = content = await body.read(declared, source.max_body, limits.body_timeout_s)
            if coding != "identity":
                content = await _decoded(raw, coding, source.max_decompressed)
                body.take(len(content))
        except Refused as refused:
            empty = Request(method, path, query, headers, b"", b"", at, match.params, trusted)
            reply = self._ingest.refuse(source, refused, empty)
            extra = {}
            if refused.reason == "method" and not any(name.lower() == "allow" for name in reply.headers):
                extra["allow"] = ", ".join(sorted(match.methods))
            waits = headers.get("expect", "").lower() == "100-continue"
            ended = not waits and await body.spill(limits.body_timeout_s)
            await respond(send, reply, extra, close=not ended)
        except Crowded:
            empty = Request(method, path, query, headers, b"", b"", at, match.params, trusted)
            reply = self._ingest.overloaded(source, "bytes", limits.retry_after_s, empty)
            await respond(send, reply, close=True)
        except TimeoutError:
            fault = f"the body was not complete after {limits.body_timeout_s:g} s"
            await respond(send, _fault(408, fault), close=True)
        else:
            request = Request(method, path, query, headers, content, raw, at, match.params, trusted)
            rehearsal = trusted and REHEARSAL in headers
            await respond(send, await self._ingest.receive(match.sources, request, rehearsal=rehearsal))


async def _decoded(raw: bytes, coding: str, cap: int) -> bytes:
    """The body decompressed, in a thread when it is large."""
    if len(raw) < _IN_A_THREAD:
        return decoded(raw, coding, cap)
    return await asyncio.to_thread(decoded, raw, coding, cap)


async def respond(send: Send, reply: Reply, extra: Mapping[str, str] | None = None, *, close: bool = False) -> None:
    """Send a reply; `close` ends the connection after it."""
    headers = [(b"content-length", b"%d" % len(reply.body)), *map(_header, reply.headers.items())]
    if extra:
        headers += map(_header, extra.items())
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


@lru_cache(maxsize=256)
def _header(named: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = named
    return name.lower().encode("latin-1"), value.encode("latin-1")


def not_found(path: str, routes: RouteTable, others: tuple[str, ...] = ()) -> Reply:
    """404 that says what there is."""
    near = routes.near(path)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `paths`"
    return _fault(404, f"nothing is at {path}; {hint}", paths=[*routes.paths, *others])


def _fault(status: int, error: str, **more: object) -> Reply:
    body = json.dumps({"error": error, **more}, ensure_ascii=False).encode("utf-8", "replace")
    return Reply(status, body, {"content-type": "application/json"})


def _path(scope: Scope) -> str:
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw is not None else str(scope["path"])


def _headers(scope: Scope) -> dict[str, str]:
    """By lower-case name; several of one name joined as RFC 9110 section 5.2 says."""
    raw = scope["headers"]
    headers: dict[str, str] = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) == len(raw):
        return headers
    headers = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _from_here(scope: Scope, headers: Mapping[str, str]) -> bool:
    """The peer is this machine, no proxy stands between, and it is no page in somebody's browser."""
    client = scope.get("client")
    if not client or not is_loopback(client[0]):
        return False
    if not _FROM_ELSEWHERE.isdisjoint(headers):
        return False
    return _names_loopback(headers.get("host", "localhost"))  # else a name was made to point here (DNS rebinding)


@lru_cache(maxsize=64)
def _names_loopback(authority: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{authority}").hostname or "")
    except ValueError:
        return False


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether the host is this machine's loopback, by name or address."""
    if host in ("127.0.0.1", "localhost", "::1"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
