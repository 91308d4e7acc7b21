"""A connection to one MCP server, made when it is needed, shared while it is used, ended when it idles or breaks.

The client's connection must be left by the task that entered it; so a task of its own holds it, and others ask through it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CONNECTION_CLOSED, Implementation

from connectors.mcp.settings import McpServer
from connectors.ports.clock import Clock, SystemClock
from connectors.ports.tool import ToolFailed

T = TypeVar("T")
CONNECT_S = 20.0


class Session:
    """One server's connection. Safe to use from many tasks of one event loop; another loop gets a connection of its own."""

    def __init__(self, name: str, server: McpServer, clock: Clock | None = None) -> None:
        self._name, self._server = name, server
        self._clock = clock or SystemClock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: asyncio.Future[Client] | None = None
        self._holder: asyncio.Task[None] | None = None
        self._stop: asyncio.Event | None = None
        self._under_way = 0
        self._used_at = 0.0

    async def use(self, what: str, ask: Callable[[Client], Awaitable[T]], *, deadline_s: float) -> T:
        """What `ask` returns. Raises ToolFailed with the server's own words, or when there is no answer in time."""
        shown = f"asked the MCP server {self._name!r} for {what}"
        self._under_way += 1
        try:
            client = await self._client(shown)
            async with asyncio.timeout(deadline_s):
                return await ask(client)
        except TimeoutError as error:
            raise ToolFailed(f"{shown}: no answer within {deadline_s:g} s") from error
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                self.close()
            raise ToolFailed(f"{shown}: it refused: {error.message[:500]!r}") from error
        except (OSError, RuntimeError, ValueError, httpx2.HTTPError, ExceptionGroup) as error:
            # The connection is gone, or what came over it is no answer: the next question gets a new one.
            self.close()
            raise ToolFailed(f"{shown}: {type(error).__name__}: {_innermost(error)[:500]}") from error
        finally:
            self._under_way -= 1
            self._used_at = self._clock.monotonic()

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._stop is not None:
            self._stop.set()
        self._ready = self._stop = self._holder = None

    async def _client(self, shown: str) -> Client:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._ready, self._stop, self._holder = loop, None, None, None
        if self._ready is None or (self._holder is not None and self._holder.done()):
            self._ready, self._stop = loop.create_future(), asyncio.Event()
            self._holder = loop.create_task(self._hold(self._ready, self._stop), name=f"mcp {self._name}")
        ready = self._ready
        done, _ = await asyncio.wait({ready}, timeout=CONNECT_S)
        if not done:
            self.close()
            raise ToolFailed(f"{shown}: no connection within {CONNECT_S:g} s")
        error = ready.exception()
        if error is not None:
            self.close()
            raise ToolFailed(f"{shown}: cannot connect: {type(error).__name__}: {_innermost(error)[:500]}") from error
        return ready.result()

    async def _hold(self, ready: "asyncio.Future[Client]", stop: asyncio.Event) -> None:
        """Keep the connection until told to stop, or nobody uses it."""
        try:
            async with self._connected() as client:
                ready.set_result(client)
                self._used_at = self._clock.monotonic()
                while not stop.is_set():
                    idle = self._server.idle_s - (self._clock.monotonic() - self._used_at)
                    if idle <= 0 and not self._under_way:
                        if self._ready is ready:
                            self._ready = None
                        return
                    try:
                        await asyncio.wait_for(stop.wait(), timeout=max(idle, 0.05))
                    except TimeoutError:
                        continue
        except asyncio.CancelledError:
            ready.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever a server does on the way, whoever asked is told
            if not ready.done():
                ready.set_exception(error)
            if self._ready is ready:
                self._ready = None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        # Nothing is offered to the server: no sampling, no questions to people, no folders.
        with _nowhere() as nowhere:
            about = Implementation(name="tocsin", version="1")
            async with Client(self._transport(nowhere), client_info=about, cache=None) as client:
                yield client

    def _transport(self, errors: TextIO) -> AbstractAsyncContextManager[Any]:
        server = self._server
        if server.url is None:
            environment = {name: value.get_secret_value() for name, value in server.environment.items()}
            parameters = StdioServerParameters(
                command=server.command[0],
                args=list(server.command[1:]),
                env=environment,
                cwd=server.folder,
                encoding_error_handler="replace",
            )
            return stdio_client(parameters, errlog=errors)
        return self._over_http(server.url)

    @asynccontextmanager
    async def _over_http(self, url: str) -> AsyncIterator[Any]:
        server = self._server
        headers = {name: value.get_secret_value() for name, value in server.headers.items()}
        if server.token is not None:
            headers["authorization"] = f"Bearer {server.token.get_secret_value()}"
        timeout = httpx2.Timeout(server.deadline_s, read=server.deadline_s + 30)
        async with (
            httpx2.AsyncClient(headers=headers, timeout=timeout, follow_redirects=False) as http,
            streamable_http_client(url, http_client=http, max_sse_event_size=server.max_bytes * 4) as streams,
        ):
            yield streams


def _nowhere() -> TextIO:
    """Where a program's complaints go: they are a stranger's text, and no log of ours."""
    return Path(os.devnull).open("w")


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error) or type(error).__name__
