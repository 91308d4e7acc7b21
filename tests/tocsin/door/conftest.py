"""A real server on a free port of loopback, over a journal in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as HttpRoute

from connectors.ports.clock import ManualClock
from connectors.ports.source import Route
from processors.ingest import Ingest, Redactor
from tests.support.hmac_source import HmacSource
from tests.support.memory_journal import MemoryJournal
from tocsin.door import Address, IngestDoor, Limits, RouteTable, door, rest, serve

NOW = 1_795_248_000_000_000
SECRET = b"a secret of the test"


@dataclass
class Open:
    """A door that is open: where, what is behind it, and a client."""

    address: Address
    journal: MemoryJournal
    clock: ManualClock
    sources: Sequence[HmacSource]
    http: httpx.AsyncClient

    async def raw(self, sent: bytes, *, until_close: bool = False) -> bytes:
        """The answer to bytes on a connection of their own: as much as came when the server closed, or one response."""
        reader, writer = await asyncio.open_connection(self.address.host, self.address.port)
        try:
            writer.write(sent)
            await writer.drain()
            if until_close:
                return await reader.read()
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            return head + await reader.readexactly(length)
        finally:
            writer.close()


Opened = Callable[..., AbstractAsyncContextManager[Open]]


@pytest.fixture
def opened() -> Opened:
    """Opens a door: `opened(*sources, limits=, loopback=, prefixes=)`."""

    @asynccontextmanager
    async def opening(
        *sources: HmacSource, limits: Limits | None = None, loopback: bool = True, prefixes: Sequence[str] = ()
    ) -> AsyncIterator[Open]:
        heard = sources or (
            HmacSource([SECRET], routes=[Route(["POST"], "/api/{project}/envelope/")]),
            HmacSource([], name="open", max_body=2000, max_decompressed=5000),
        )
        clock = ManualClock(NOW)
        journal = MemoryJournal(clock)
        table = RouteTable(heard, prefixes=prefixes)
        ingest = Ingest(journal, redactor=Redactor(b"k" * 32), clock=clock)  # type: ignore[arg-type]

        async def health(_request: Request) -> Response:
            return PlainTextResponse("well")

        others = rest([HttpRoute("/healthz", health)], table)
        app = door(IngestDoor(ingest, table, loopback=loopback, limits=limits), others)
        async with serve(app, "127.0.0.1", 0, grace_s=2) as address, httpx.AsyncClient(base_url=address.url) as http:
            yield Open(address, journal, clock, heard, http)

    return opening
