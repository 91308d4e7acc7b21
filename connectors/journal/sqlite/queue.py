"""What waits to be committed: bounded by number and bytes, so that senders are pushed back instead of memory filling up."""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from connectors.journal.sqlite.state import Group
from connectors.ports.journal import Busy, Unavailable

Entrance = Literal["append", "unit", "control"]
"""Who asks: appends are pushed back first, units when twice as much waits (so that a flood at the door never stops the processors
that work it off), leases and claims never."""


Request = tuple[Callable[[Group], Any], int, asyncio.Future[Any]]
"""Something to do inside a commit, its size in bytes, and the one who waits for it. A bare tuple: one is made per append."""


class RequestQueue:
    """Many threads put, the writer's thread takes."""

    def __init__(self, *, most: int, most_bytes: int) -> None:
        self.bytes = 0
        self._most: dict[Entrance, tuple[float, float]] = {
            "append": (most, most_bytes),
            "unit": (2 * most, 2 * most_bytes),
            "control": (math.inf, math.inf),
        }
        self._waiting: deque[Request] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._idle = False
        self._waking: asyncio.AbstractEventLoop | None = None
        """The loop that will wake the writer in its next turn."""
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, request: Request, entrance: Entrance) -> None:
        """From the loop of the one who waits. Raises Busy when too much waits, Unavailable once closed."""
        most, most_bytes = self._most[entrance]
        waiting = self._waiting
        with self._lock:
            if self._closed:
                raise Unavailable("the journal is closed: open it again")
            size = self.bytes + request[1]
            # A request larger than the whole queue passes alone.
            if len(waiting) >= most or (size > most_bytes and waiting):
                raise Busy(
                    f"{len(waiting)!r} requests of {self.bytes!r} bytes wait to be written,"
                    f" at most {most!r} or {most_bytes!r} bytes may: come again later"
                )
            waiting.append(request)
            self.bytes = size
            if self._idle:
                loop = request[2].get_loop()
                if loop is not self._waking:
                    self._waking = loop
                    loop.call_soon(self._wake)

    def _wake(self) -> None:
        """Only now that the loop has gone through everything that was ready: were the writer woken by the first put, it would commit
        that alone, and fight with the loop over the interpreter while the others are put."""
        with self._changed:
            self._waking = None
            self._changed.notify()

    def take(self, *, most: int, most_bytes: int, timeout_s: float | None) -> list[Request] | None:
        """What waits, up to a limit (always one at least); waits for something to come. Empty after the timeout, None when closed
        and drained."""
        with self._changed:
            if not self._waiting:
                if self._closed:
                    return None
                self._idle = True
                self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
                self._idle = False
            taken: list[Request] = []
            size = 0
            while self._waiting and len(taken) < most:
                size += self._waiting[0][1]
                if taken and size > most_bytes:
                    size -= self._waiting[0][1]
                    break
                taken.append(self._waiting.popleft())
            self.bytes -= size
            return None if self._closed and not taken else taken

    def close(self) -> None:
        """Accept nothing more; what waits is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify()
