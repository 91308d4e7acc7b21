"""Places: how many may do one thing at once, in this process or over every process of one journal."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import orjson

from connectors.ports.journal import Conflict, Journal, JournalError
from processors.investigate.rows import PLACES
from schemas.time import SECOND

TTL_S = 60.0
"""A place whose holder was killed is free again after so long."""
ATTEMPTS = 20
LONGEST_S = 1.0
"""Between two looks for a free place."""


class Places:
    """With a journal, places are rows in it, renewed while they are held and free by themselves afterwards; without one they are counted here."""

    def __init__(self, journal: Journal | None = None, *, ttl_s: float = TTL_S) -> None:
        self._journal, self._ttl_s = journal, ttl_s
        self._here: Counter[str] = Counter()
        self._queues: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def one(self, name: str, most: int) -> AsyncIterator[None]:
        """Hold one of `most` places, waited for as long as it takes. A journal that cannot say holds up nobody: this process's bound is left then."""
        queue = self._queues.setdefault(name, asyncio.Semaphore(most))
        async with queue:
            waits = 0
            while True:
                try:
                    holder = await self._enter(name, most)
                except JournalError:
                    holder = ""
                if holder is not None:
                    break
                waits += 1
                await asyncio.sleep(min(LONGEST_S, 0.05 * 2**waits) * random.uniform(0.75, 1.25))
            async with self._kept(name, holder):
                yield

    @asynccontextmanager
    async def one_if_free(self, name: str, most: int) -> AsyncIterator[bool]:
        """Hold one of `most` places if one is free now; whether it was. Raises Busy, Unavailable."""
        if self._here[name] >= most:
            yield False
            return
        self._here[name] += 1
        try:
            holder = await self._enter(name, most)
            if holder is None:
                yield False
                return
            async with self._kept(name, holder):
                yield True
        finally:
            self._here[name] -= 1

    async def _enter(self, name: str, most: int) -> str | None:
        """Who holds the place that was taken, nobody where none is kept; None when there is none."""
        if self._journal is None:
            return ""
        holder = uuid4().hex
        return holder if await self._change(name, lambda held: self._with(held, holder, most)) else None

    @asynccontextmanager
    async def _kept(self, name: str, holder: str) -> AsyncIterator[None]:
        if not holder:
            yield
            return
        keeping = asyncio.ensure_future(self._keep(name, holder))
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            # What cannot be given back is free by itself after a while.
            with suppress(JournalError):
                await self._change(name, lambda held: held.pop(holder, None) is not None)

    async def _keep(self, name: str, holder: str) -> None:
        while True:
            await asyncio.sleep(self._ttl_s / 3)
            with suppress(JournalError):
                await self._change(name, lambda held: self._with(held, holder, len(held) + 1))

    def _with(self, held: dict[str, int], holder: str, most: int) -> bool:
        if holder not in held and len(held) >= most:
            return False
        assert self._journal is not None  # noqa: S101 - rows are there only with a journal
        held[holder] = self._journal.now() + round(self._ttl_s * SECOND)
        return True

    async def _change(self, name: str, change: Callable[[dict[str, int]], bool]) -> bool:
        """Write the row anew, unless there is nothing to change. Raises Busy, Unavailable; Conflict when others were faster again and again."""
        journal = self._journal
        assert journal is not None  # noqa: S101 - see above
        for attempt in range(ATTEMPTS):
            before = await journal.get(PLACES, name)
            now = journal.now()
            held = {each: until for each, until in orjson.loads(before or b"{}").items() if until > now}
            if not change(held):
                return False
            try:
                async with journal.unit() as unit:
                    if before is None:
                        unit.create(PLACES, name, orjson.dumps(held))
                    else:
                        unit.replace(PLACES, name, before, orjson.dumps(held))
            except Conflict:
                await asyncio.sleep(random.uniform(0, 0.01 * (attempt + 1)))
            else:
                return True
        raise Conflict(f"the places of {name!r} were written by others {ATTEMPTS} times in a row")
