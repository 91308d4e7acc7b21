"""Watching: what investigations of this process do, as it happens, for a console or a chat."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import suppress

from processors.investigate.events import Ended, Event, Paused, Replied

KEPT = 1000
"""Events a slow watcher may be behind; what was written since is left out for him, the records stand."""
_LAST = (Ended, Paused, Replied)


class Watching:
    """Hand `tell` to `Means.watch`, and follow any investigation."""

    def __init__(self) -> None:
        self._watchers: dict[str, list[asyncio.Queue[Event]]] = {}

    def tell(self, investigation_id: str, event: Event) -> None:
        """To whoever follows it. Never waits."""
        for queue in self._watchers.get(investigation_id, ()):
            with suppress(asyncio.QueueFull):
                queue.put_nowait(event)

    async def follow(self, investigation_id: str) -> AsyncGenerator[Event, None]:
        """Events from now on, until it ends, pauses or has replied."""
        queue: asyncio.Queue[Event] = asyncio.Queue(KEPT)
        self._watchers.setdefault(investigation_id, []).append(queue)
        try:
            while True:
                event = await queue.get()
                yield event
                if isinstance(event, _LAST):
                    return
        finally:
            self._watchers[investigation_id].remove(queue)
            if not self._watchers[investigation_id]:
                del self._watchers[investigation_id]


async def events_of(work: Awaitable[None], queue: "asyncio.Queue[Event]") -> AsyncGenerator[Event, None]:
    """What `work` puts into the queue while it runs; its exception, if it ends with one. Closing the iterator cancels it."""
    doing = asyncio.ensure_future(work)
    try:
        while True:
            coming = asyncio.ensure_future(queue.get())
            await asyncio.wait({doing, coming}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                yield coming.result()
                continue
            coming.cancel()
            while not queue.empty():
                yield queue.get_nowait()
            await doing
            return
    finally:
        if not doing.done():
            doing.cancel()
            with suppress(asyncio.CancelledError):
                await doing
