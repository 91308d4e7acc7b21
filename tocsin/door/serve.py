"""The server: uvicorn with httptools, on a socket of our own, stopped by whoever started it and by no signal."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens: the port that was really taken."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """`http://HOST:PORT`."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@asynccontextmanager
async def serve(app: ASGIApp, host: str, port: int, *, grace_s: float = 10.0) -> AsyncIterator[Address]:
    """Serve while the block runs; on leaving, accept nothing new, finish what is being answered (at most `grace_s` seconds),
    then return. Port 0 takes a free one.

    Run it on a uvloop event loop for speed. Installs no signal handlers, writes no access log. Raises OSError when the address
    cannot be listened on, RuntimeError when the application's start-up fails.
    """
    listener = _listener(host, port)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="auto",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # `trusted` is decided by the real peer
        server_header=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(grace_s)),
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]), name="door")
    try:
        await server.ready(running)
        bound = listener.getsockname()
        yield Address(bound[0], bound[1])
    finally:
        server.should_exit = True
        await asyncio.wait([running])
        listener.close()
    if not running.cancelled():
        running.result()


def _listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"cannot listen on {host}:{port}: {error.strerror}; is another one running there?"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the supervisor and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._up = asyncio.Event()

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as stop:  # uvicorn ends the program when the application's start-up fails
            raise RuntimeError("the application's start-up failed; the log says why") from stop
        self._up.set()

    async def ready(self, running: "asyncio.Task[None]") -> None:
        """Return once it serves. Raises what ended it before that."""
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait([up, running], return_when=asyncio.FIRST_COMPLETED)
        if not up.done():
            up.cancel()
            running.result()
