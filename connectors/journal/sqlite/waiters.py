"""Who waits for news, and how a thread tells event loops of it: one call per loop, however many wait there."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Delivery = tuple[asyncio.Future[Any], Any]
"""A future and the answer for it; an answer that is an exception is raised at the waiting side."""


def deliver(deliveries: Iterable[Delivery]) -> None:
    """From any thread. Loops that are closed are passed over."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Delivery]] = {}
    for delivery in deliveries:
        loop = delivery[0].get_loop()
        if loop in by_loop:
            by_loop[loop].append(delivery)
        else:
            by_loop[loop] = [delivery]
    for loop, batch in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, batch)
        except RuntimeError:
            # The loop is closed: nobody is left there to be told.
            continue


def _settle(deliveries: list[Delivery]) -> None:
    for future, answer in deliveries:
        if future.done():
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)


class Waiters:
    """Those who wait for a topic: a stream, or a queue of jobs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, set[asyncio.Future[Any]]] = {}

    @contextmanager
    def listen(self, topic: str) -> Iterator[asyncio.Future[Any]]:
        """A future that is set at the next news of `topic`; begin to listen before looking, so that nothing is missed."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.setdefault(topic, set()).add(future)
        try:
            yield future
        finally:
            with self._lock:
                listening = self._waiting.get(topic)
                if listening is not None:
                    listening.discard(future)
                    if not listening:
                        del self._waiting[topic]
            future.cancel()

    def news(self, topics: Iterable[str]) -> list[Delivery]:
        """The deliveries that wake everybody who listens to one of these."""
        with self._lock:
            return [(future, True) for topic in topics for future in self._waiting.pop(topic, ())]

    def all(self) -> list[Delivery]:
        """The deliveries that wake everybody."""
        with self._lock:
            topics = list(self._waiting)
        return self.news(topics)


def stream_topic(stream: str) -> str:
    return f"stream:{stream}"


def queue_topic(queue: str) -> str:
    return f"queue:{queue}"
