"""The supervisor: keeps the parts running, restarts a failed one with back-off, and says so."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from connectors.ports.clock import Clock
from connectors.ports.journal import JournalError
from connectors.ports.ledger import LedgerDamaged, LedgerHeld

log = structlog.get_logger("tocsin.supervisor")

Part = Callable[[], Awaitable[None]]
"""One part's main loop. It returns only when it is done for good; an exception means: start it again."""

FORESEEN = (JournalError, LedgerDamaged, LedgerHeld)
"""Failures whose text says all that a person needs: where in the program they came from is left out. So it is with one that comes again."""
MAX_PAUSE_S = 30.0
STEADY_S = 60.0
"""A part that ran this long has recovered: its next failure waits from the beginning again."""


@dataclass
class Health:
    """How a part is doing, as `/readyz` tells it."""

    running: bool = False
    restarts: int = 0
    last_error: str | None = None
    retry_at: float | None = field(default=None, repr=False)


class Supervisor:
    """Runs named parts side by side. One that fails is logged, counted and restarted after 0.5 s, 1 s, 2 s ... 30 s; the others
    do not notice. `on_failure` hears of every failure (for the operator's own error tracker)."""

    def __init__(
        self,
        parts: Mapping[str, Part],
        *,
        clock: Clock,
        on_failure: Callable[[str, Exception], None] = lambda _name, _error: None,
        first_pause_s: float = 0.5,
    ) -> None:
        self._parts = parts
        self._clock = clock
        self._on_failure = on_failure
        self._first_pause_s = first_pause_s
        self.health: dict[str, Health] = {name: Health() for name in parts}

    async def run(self) -> None:
        """Until cancelled, or until every part returned. Cancellation reaches every part and waits for it."""
        async with asyncio.TaskGroup() as group:
            for name, part in self._parts.items():
                group.create_task(self._keep(name, part), name=name)

    async def _keep(self, name: str, part: Part) -> None:
        health, failures = self.health[name], 0
        while True:
            started = self._clock.monotonic()
            health.running = True
            try:
                await _whole(part)
            except Exception as error:
                failures = 1 if self._clock.monotonic() - started > STEADY_S else failures + 1
                said, before = f"{type(error).__name__}: {error}", health.last_error
                health.running, health.restarts, health.last_error = False, health.restarts + 1, said
                is_news = not isinstance(error, FORESEEN) and (failures == 1 or said != before)
                pause = min(MAX_PAUSE_S, self._first_pause_s * 2 ** min(failures - 1, 16))
                log.error(
                    "part failed, restarting",
                    part=name,
                    error=said,
                    failures=failures,
                    pause_s=round(pause, 2),
                    exc_info=error if is_news else None,
                )
                self._tell(name, error)
                await asyncio.sleep(pause)
                continue
            health.running = False
            log.info("part finished", part=name)
            return

    def _tell(self, name: str, error: Exception) -> None:
        try:
            self._on_failure(name, error)
        except Exception:
            # Whoever is told may be out of reach himself: no reason to end the parts.
            log.exception("a failure could not be reported", part=name)


class Interrupted(Exception):
    """Something a part awaited was cancelled by somebody else; the part itself was not told to stop."""


async def _whole(part: Part) -> None:
    """Run a part. Raises Interrupted where a cancellation that is not ours would end its task in silence."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    try:
        await part()
    except asyncio.CancelledError as error:
        if task.cancelling():
            raise
        raise Interrupted("something it waited for was cancelled") from error
