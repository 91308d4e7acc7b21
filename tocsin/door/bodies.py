"""Request bodies, read piece by piece under caps: the sender's, and that of all requests together."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tocsin.door.encodings import too_large

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

FORGIVEN = 8 * 1024 * 1024
"""Bytes beyond a cap that are still read and thrown away, so that a sender which reads only after writing hears the refusal."""


class Disconnected(Exception):
    """The client went away before its request was whole: there is nobody to answer."""


class Crowded(Exception):
    """All requests together hold as much as they may: this one must come again."""


class Budget:
    """Bytes and requests that may be in flight at once."""

    def __init__(self, requests: int, size: int) -> None:
        self._requests = requests
        self._size = size

    def enter(self) -> bool:
        """Whether there is room for one more request; it must `leave` then."""
        if self._requests <= 0:
            return False
        self._requests -= 1
        return True

    def leave(self, size: int) -> None:
        """A request is done, and gives back the bytes it took."""
        self._requests += 1
        self._size += size

    def take(self, size: int) -> None:
        """Hold so many bytes. Raises Crowded."""
        if size > self._size:
            raise Crowded
        self._size -= size


class Body:
    """One request's body as it comes. `taken` is what it holds of the budget."""

    __slots__ = ("_budget", "_ended", "_receive", "taken")

    def __init__(self, receive: Receive, budget: Budget) -> None:
        self._receive = receive
        self._budget = budget
        self._ended = False
        self.taken = 0

    def take(self, size: int) -> None:
        """Hold so many bytes of the budget until the request is done. Raises Crowded."""
        self._budget.take(size)
        self.taken += size

    async def read(self, declared: int | None, cap: int, timeout_s: float) -> bytes:
        """The whole body. Raises Refused (too_large), Crowded, Disconnected, TimeoutError."""
        if declared is not None and declared > cap:
            raise too_large("over the wire", cap)
        first, more = self._piece(await self._receive())
        self.take(len(first))
        if len(first) > cap:
            raise too_large("over the wire", cap)
        if not more:
            return first
        async with asyncio.timeout(timeout_s):
            pieces, size = [first], len(first)
            while more:
                piece, more = self._piece(await self._receive())
                self.take(len(piece))
                size += len(piece)
                if size > cap:
                    raise too_large("over the wire", cap)
                pieces.append(piece)
        return b"".join(pieces)

    async def spill(self, timeout_s: float) -> bool:
        """Read on and throw away, up to FORGIVEN bytes; whether the end was reached."""
        left = FORGIVEN
        try:
            async with asyncio.timeout(timeout_s):
                while left > 0 and not self._ended:
                    piece, _ = self._piece(await self._receive())
                    left -= len(piece)
        except (TimeoutError, Disconnected):
            return False
        return self._ended

    def _piece(self, message: MutableMapping[str, Any]) -> tuple[bytes, bool]:
        """What came, and whether there is more."""
        if message["type"] == "http.disconnect":
            raise Disconnected
        more = bool(message.get("more_body", False))
        self._ended = not more
        return message.get("body", b""), more
