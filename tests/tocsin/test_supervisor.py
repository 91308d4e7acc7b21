"""The supervisor: whatever becomes of one part, the others go on and it is started again."""

import asyncio
from collections.abc import Awaitable, Callable
from io import StringIO

import pytest

from connectors.ports.clock import SystemClock
from connectors.ports.ledger import LedgerDamaged
from tocsin.supervisor import Supervisor
from tocsin.telemetry import start_logging


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


async def is_damaged() -> None:
    raise LedgerDamaged("record 7 is not what was written")


@pytest.mark.parametrize(("breaks", "traces"), [(raises, 1), (is_damaged, 0)])
def test_where_it_broke_is_logged_once_and_not_at_all_where_the_text_says_everything(
    breaks: Callable[[], Awaitable[None]], traces: int
) -> None:
    async def go() -> None:
        broken = Part(breaks)
        supervisor = Supervisor({"broken": broken.run}, clock=SystemClock(), first_pause_s=0.001)
        running = asyncio.create_task(supervisor.run())
        async with asyncio.timeout(10):
            await broken.runs.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    said = StringIO()
    start_logging("text", "info", said)
    asyncio.run(go())
    text = said.getvalue()
    assert text.count("part failed, restarting") == 2 and text.count("Traceback") == traces, text
    assert "broken" in text if traces else "record 7 is not what was written" in text


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
