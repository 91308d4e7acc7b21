"""The programming interface over HTTP: health, metrics, incidents, decisions as they are made, and commands."""

import asyncio
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from connectors.ports.archive import Archive
from connectors.ports.journal import DECISIONS, Busy, Journal, Unavailable
from connectors.ports.retry_after import whole_seconds
from schemas import Command, Record
from schemas.document import DocumentInvalid
from tocsin import silence_routes
from tocsin.quarantine import StillUnreadable

HEARTBEAT_S = 15.0
"""A comment is sent on an idle event stream this often, so that a proxy or reader sees that it lives."""
LIMIT, LIMIT_MOST = 1_000, 10_000
"""Records in one answer, unless asked for otherwise, and at most."""
EARLIER = "tocsin-earlier"
"""A header of an answer that leaves earlier records out: the query that asks for them."""


@dataclass(frozen=True)
class Page:
    """Part of a list that is told from its end: at most `limit` records before the latest `skip`."""

    limit: int
    skip: int

    @classmethod
    def asked(cls, request: Request) -> "Page":
        """By `?limit=` and `?skip=`; what is no number is as if it were not there."""
        given = {name: request.query_params.get(name, "") for name in ("limit", "skip")}
        said = {name: int(text) for name, text in given.items() if re.fullmatch(r"[0-9]{1,9}", text)}
        return cls(min(said.get("limit", LIMIT), LIMIT_MOST), said.get("skip", 0))

    @property
    def reach(self) -> int:
        """How many of the latest records have to be known: one more than are told says whether there are more."""
        return self.limit + self.skip + 1

    def of(self, found: Sequence[Record]) -> Response:
        """The answer: JSON records in their order, the latest last."""
        end = max(0, len(found) - self.skip)
        start = max(0, end - self.limit)
        content = b"[" + b",".join(record.to_json() for record in found[start:end]) + b"]"
        headers = {EARLIER: f"?limit={self.limit}&skip={self.skip + self.limit}"} if start else None
        return Response(content, headers=headers, media_type="application/json")


@dataclass(frozen=True)
class Readiness:
    """Which parts are ready; `faults` says of each that is not, why."""

    parts: Mapping[str, str]
    faults: Mapping[str, str]


class Api:
    """Everything under /healthz, /readyz, /metrics and /api/v1. The latter needs `Authorization: Bearer TOKEN`."""

    def __init__(
        self,
        *,
        journal: Journal,
        archive: Archive,
        submit: Callable[[Command], Awaitable[None]],
        readiness: Callable[[], Readiness],
        exposition: Callable[[], bytes],
        token: str,
        reload: Callable[[], Awaitable[str]],
        retry: Callable[[str], Awaitable[int]],
    ) -> None:
        self._reload = reload
        self._retry = retry
        self._journal = journal
        self._archive = archive
        self._submit = submit
        self._readiness = readiness
        self._exposition = exposition
        self._token = token.encode()
        self._closing = asyncio.Event()

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            *health(self._readiness, self._exposition),
            Route("/api/v1/incidents", self._guarded(self._incidents)),
            Route("/api/v1/incidents/{id}", self._guarded(self._incident)),
            Route("/api/v1/incidents/{id}/decisions", self._guarded(self._decisions)),
            Route("/api/v1/commands", self._guarded(self._command), methods=["POST"]),
            Route("/api/v1/rules/activate", self._guarded(self._activate), methods=["POST"]),
            Route("/api/v1/quarantine/{id}/retry", self._guarded(self._try_again), methods=["POST"]),
            *silence_routes.routes(self._journal, self._archive, self._guarded),
            Route("/api/v1/stream", self._guarded(self._stream)),
        ]

    def close(self) -> None:
        """End the event streams, so that nobody who listens keeps the door from closing."""
        self._closing.set()

    async def _incidents(self, request: Request) -> Response:
        page = Page.asked(request)
        return page.of(await self._archive.incidents(limit=page.reach))

    async def _incident(self, request: Request) -> Response:
        found = await self._archive.incident(request.path_params["id"])
        if found is None:
            return _unknown(request)
        return Response(found.to_json(), media_type="application/json")

    async def _decisions(self, request: Request) -> Response:
        page = Page.asked(request)
        found = await self._archive.decisions(incident_id=request.path_params["id"], limit=page.reach)
        return page.of(found) if found else _unknown(request)

    async def _command(self, request: Request) -> Response:
        try:
            command = Command.from_json(await request.body())
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
            return reply(400, {"error": "this is no command; see schemas/json/command.schema.json", "faults": faults})
        try:
            await self._submit(command)
        except (Busy, Unavailable) as error:
            return _later(error)
        return reply(202, {"id": command.id})

    async def _activate(self, _request: Request) -> Response:
        try:
            return reply(202, {"version": await self._reload()})
        except DocumentInvalid as error:
            return reply(
                409, {"error": "the rules in force stay in force", "faults": [str(fault) for fault in error.faults]}
            )
        except OSError as error:
            return reply(409, {"error": "the rules in force stay in force", "faults": [str(error)]})
        except (Busy, Unavailable) as error:
            return _later(error)

    async def _try_again(self, request: Request) -> Response:
        try:
            return reply(200, {"signals": await self._retry(request.path_params["id"])})
        except KeyError as error:
            return reply(404, {"error": f"nothing is in quarantine as {error}"})
        except StillUnreadable as error:
            return reply(409, {"error": str(error)})
        except (Busy, Unavailable) as error:
            return _later(error)

    async def _stream(self, request: Request) -> Response:
        """Decisions as server-sent events; `Last-Event-ID` or `?after=` continues behind an offset, else from now on."""
        given = request.headers.get("last-event-id") or request.query_params.get("after")
        if given is not None and not re.fullmatch(r"[0-9]{1,18}", given):
            return reply(400, {"error": f"after {given!r} is no offset; expected a whole number"})
        after = int(given) if given is not None else await self._journal.head(DECISIONS)
        return StreamingResponse(
            self._events(after), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _events(self, after: int) -> AsyncIterator[bytes]:
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            while not closing.done():
                for entry in await self._journal.read(DECISIONS, after=after):
                    after = entry.offset
                    yield b"id: %d\nevent: decision\ndata: %s\n\n" % (after, entry.payload)
                more = asyncio.ensure_future(self._journal.wait(DECISIONS, after=after, timeout_s=HEARTBEAT_S))
                try:
                    await asyncio.wait({more, closing}, return_when=asyncio.FIRST_COMPLETED)
                    if more.done() and not more.result():
                        yield b": nothing new\n\n"
                finally:
                    more.cancel()
        finally:
            closing.cancel()

    def _guarded(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
                error = "a bearer token is needed: the content of the file 'token' in the data folder"
                return reply(401, {"error": error}, {"www-authenticate": "Bearer"})
            return await handler(request)

        return checked


def health(readiness: Callable[[], Readiness], exposition: Callable[[], bytes]) -> list[BaseRoute]:
    """Whether it lives, whether it is ready, and its figures: /healthz, /readyz, /metrics. They need no token."""

    async def alive(_request: Request) -> Response:
        return reply(200, {"status": "alive"})

    async def ready(_request: Request) -> Response:
        state = readiness()
        return reply(
            503 if state.faults else 200, {"ready": not state.faults, "parts": state.parts, "faults": state.faults}
        )

    async def metrics(_request: Request) -> Response:
        return Response(exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]


def reply(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    """JSON."""
    return Response(orjson.dumps(content), status, headers, "application/json")


def _later(error: Busy | Unavailable) -> Response:
    return reply(503, {"error": str(error)}, {"retry-after": whole_seconds(error.retry_after_s)})


def _unknown(request: Request) -> Response:
    return reply(404, {"error": f"no incident {request.path_params['id']!r}; the whole id is needed here"})
