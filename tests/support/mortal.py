"""A process that dies at a chosen unit of work, as a test needs it."""

from contextlib import asynccontextmanager
from typing import Any


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A journal whose process dies at its `at`-th unit of work, before or after the commit; then nothing works any more."""

    def __init__(self, journal: Any, at: int, *, after: bool) -> None:
        self._journal, self._left, self._after, self.dead = journal, at, after, False

    def __getattr__(self, name: str) -> Any:
        if self.dead:
            raise Killed
        return getattr(self._journal, name)

    @asynccontextmanager
    async def unit(self, **arguments: Any) -> Any:
        if self.dead:
            raise Killed
        self._left -= 1
        self.dead = self._left == 0
        if self.dead and not self._after:
            raise Killed
        async with self._journal.unit(**arguments) as unit:
            yield unit
        if self.dead:
            raise Killed
