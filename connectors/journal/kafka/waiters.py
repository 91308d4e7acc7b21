"""Who waits for news of a stream or a queue, within one event loop."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Waiters:
    """Everybody who listens to a topic is woken at once by its news."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    @contextmanager
    def listen(self, topic: str) -> Iterator[asyncio.Future[None]]:
        """A future that is set at the next news of `topic`; begin to listen before looking, so that nothing is missed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        listening = self._waiting.setdefault(topic, set())
        listening.add(future)
        try:
            yield future
        finally:
            listening.discard(future)
            if not listening and self._waiting.get(topic) is listening:
                del self._waiting[topic]
            future.cancel()

    def news(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for future in self._waiting.pop(topic, ()):
                if not future.done():
                    future.set_result(None)

    def all(self) -> None:
        self.news(list(self._waiting))


def stream_topic(stream: str) -> str:
    return f"stream:{stream}"


def queue_topic(queue: str) -> str:
    return f"queue:{queue}"
