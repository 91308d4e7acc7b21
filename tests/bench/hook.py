"""A receiver of webhooks that keeps no request, so that it costs the machine little beside what is measured."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Hook(asyncio.Protocol):
    """One connection, kept open: requests with their length said."""

    def __init__(self, read: Callable[[bytes], Iterable[str]], names: set[str]) -> None:
        self._read, self._names, self._left = read, names, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._left += data
        while (end := self._left.find(b"\r\n\r\n")) >= 0:
            head = self._left[:end].lower()
            at = head.index(b"content-length: ") + 16
            stop = head.find(b"\r\n", at)
            whole = end + 4 + int(head[at : stop if stop > 0 else None])
            if len(self._left) < whole:
                return
            body, self._left = self._left[end + 4 : whole], self._left[whole:]
            self._names.update(self._read(body))
            self._transport.write(_ANSWER)


@contextmanager
def counting(read: Callable[[bytes], Iterable[str]]) -> Iterator[tuple[str, set[str]]]:
    """Its URL on loopback, and the names that `read` finds in the bodies it got so far."""
    names: set[str] = set()
    loop = uvloop.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: _Hook(read, names), "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/hook", names
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
