"""The supervisor: whatever becomes of one part, the others go on and it is started again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.ports.clock import SystemClock
from tocsin.supervisor import Supervisor


class Part:
    """Breaks in the same way the first two times, and then runs."""

    def __init__(self, breaks: Callable[[], Awaitable[None]]) -> None:
        self._breaks = breaks
        self.starts = 0
        self.runs = asyncio.Event()

    async def run(self) -> None:
        self.starts += 1
        if self.starts < 3:
            await self._breaks()
        self.runs.set()
        await asyncio.Event().wait()


async def raises() -> None:
    raise ValueError("broken")


async def is_cancelled_by_what_it_awaits() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


def unreachable(_name: str, _error: Exception) -> None:
    raise RuntimeError("the error tracker cannot be reached")


@pytest.mark.parametrize("breaks", [raises, is_cancelled_by_what_it_awaits])
@pytest.mark.parametrize("told", [lambda _name, _error: None, unreachable])
def test_a_part_that_breaks_in_whatever_way_runs_again_beside_the_others(
    breaks: Callable[[], Awaitable[None]], told: Callable[[str, Exception], None]
) -> None:
    async def go() -> None:
        broken, sound = Part(breaks), Part(raises)
        sound.starts = 3
        supervisor = Supervisor(
            {"broken": broken.run, "sound": sound.run}, clock=SystemClock(), on_failure=told, first_pause_s=0.001
        )
        running = asyncio.create_task(supervisor.run())
        async with asyncio.timeout(10):
            await broken.runs.wait()
        assert supervisor.health["broken"].restarts == 2 and supervisor.health["sound"].restarts == 0
        assert supervisor.health["broken"].running and not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(go())
