"""Waiting for a journal whose servers are away when the program starts."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog

from connectors.ports.journal import Busy, Unavailable

T = TypeVar("T")
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
log = structlog.get_logger("tocsin")


class ToldToStop(Exception):
    """SIGINT or SIGTERM came while it waited: nothing was begun."""


async def patiently(make: Callable[[], Awaitable[T]], *, first_pause_s: float = FIRST_PAUSE_S) -> T:
    """What `make` returns, asked again after 0.5 s, 1 s, 2 s ... 15 s while servers are away, which is said each time.

    Raises ToldToStop, and whatever else than Busy and Unavailable `make` raises.
    """
    pause_s = first_pause_s
    with _told_to_stop() as stop:
        while True:
            try:
                return await _unless(stop, asyncio.ensure_future(make()))
            except (Busy, Unavailable) as error:
                log.warning("the journal is waited for", because=str(error), again_in_s=pause_s)
            await _unless(stop, asyncio.ensure_future(asyncio.sleep(pause_s)))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _unless(stop: asyncio.Event, doing: "asyncio.Future[T]") -> T:
    stopping = asyncio.ensure_future(stop.wait())
    both: set[asyncio.Future[Any]] = {doing, stopping}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ToldToStop
        return doing.result()
    finally:
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
