"""Long texts are searched for secrets beside the loop, which answers other requests meanwhile."""

import asyncio
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

THREADS = 2

_Tasks = SimpleQueue[tuple[asyncio.Future[bool], bytes] | None]


class Searching:
    """Threads in which `suspects` is asked; worth it where it lets go of Python's lock.

    They begin with the first text and end with this object. Handing a text over to them costs the loop a fifth of what it costs to hand
    it to asyncio's own.
    """

    def __init__(self, suspects: Callable[[bytes], bool]) -> None:
        self._suspects = suspects
        self._tasks: _Tasks = SimpleQueue()
        self._running = False

    async def suspects(self, text: bytes) -> bool:
        """What `suspects` says of the text, or raises."""
        if not self._running:
            self._start()
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._tasks.put((answer, text))
        return await answer

    def _start(self) -> None:
        self._running = True
        for number in range(THREADS):
            thread = threading.Thread(
                target=_work, args=(self._tasks, self._suspects), name=f"search-{number}", daemon=True
            )
            thread.start()
            weakref.finalize(self, self._tasks.put, None)


def _work(tasks: _Tasks, suspects: Callable[[bytes], bool]) -> None:
    while (task := tasks.get()) is not None:
        answer, text = task
        found: bool | Exception
        try:
            found = suspects(text)
        except Exception as error:  # noqa: BLE001  (raised where the answer is awaited)
            found = error
        try:
            answer.get_loop().call_soon_threadsafe(_settle, answer, found)
        except RuntimeError:  # that loop is closed: nobody waits any more
            continue
        finally:
            del task, answer, text, found  # or they were kept until the next comes


def _settle(answer: asyncio.Future[bool], found: bool | Exception) -> None:
    if answer.done():
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)
