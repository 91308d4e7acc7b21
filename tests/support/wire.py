"""A wire to a server that can be cut, held up and mended: a proxy on loopback.

with Wire(postgres.port) as wire:
    ...                                 # wire.address instead of the server's own
    wire.stall()                        # bytes are taken and go nowhere, no connection ends: a cable pulled out
    wire.cut()                          # every connection is reset, new ones are refused
    wire.mend()
"""

import select
import socket
import struct
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

_RESET = struct.pack("ii", 1, 0)
_LOOK_S = 0.05


class Wire:
    """Carries connections to the port `to` of 127.0.0.1, each in a thread of its own; `port` is where they begin."""

    def __init__(self, to: int) -> None:
        self.to = to
        self._whole, self._flowing, self._ending = Event(), Event(), Event()
        self._whole.set()
        self._flowing.set()
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self._threads = [Thread(target=self._listen, daemon=True)]

    @property
    def address(self) -> str:
        """HOST:PORT to connect to."""
        return f"127.0.0.1:{self.port}"

    def stall(self) -> None:
        """What is sent from now on arrives after `mend`, if anybody still waits for it."""
        self._flowing.clear()

    def cut(self) -> None:
        """Both ends of every connection hear of it, and nobody gets through."""
        self._whole.clear()
        with self._lock:
            for end in self._open:
                _reset(end)

    def mend(self) -> None:
        """As it was."""
        self._whole.set()
        self._flowing.set()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ending.set()
        self.cut()
        self._flowing.set()
        for thread in list(self._threads):
            thread.join()
        self._door.close()

    def _listen(self) -> None:
        while not self._ending.is_set():
            if not select.select([self._door], [], [], _LOOK_S)[0]:
                continue
            near, _ = self._door.accept()
            if not self._whole.is_set():
                _reset(near)
                near.close()
                continue
            thread = Thread(target=self._carry, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.to), timeout=5)
        except OSError:
            _reset(near)
            near.close()
            return
        ends = {near: far, far: near}
        with self._lock:
            self._open |= ends.keys()
        try:
            self._pass_on(ends)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open -= ends.keys()
            for end in ends:
                end.close()

    def _pass_on(self, ends: dict[socket.socket, socket.socket]) -> None:
        while not self._ending.is_set() and self._whole.is_set():
            if not self._flowing.wait(_LOOK_S):
                continue
            for end in select.select(list(ends), [], [], _LOOK_S)[0]:
                taken = end.recv(1 << 16)
                if not taken:
                    return
                self._flowing.wait()
                ends[end].sendall(taken)


def _reset(end: socket.socket) -> None:
    """Let the other side see that the connection was reset."""
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
