"""The tools there are at this moment: those of the configuration, and what sources offer now."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from typing_extensions import override

from connectors.ports.tool import Tool, ToolSource, tools_now

EVERY_S = 5.0
"""How often sources are looked at; each asks its server by its own rhythm."""


class LiveTools(Mapping[str, Tool]):
    """Tools by name. What `known` names stays whose it is; the rest comes and goes."""

    def __init__(self, known: Mapping[str, Tool], sources: Sequence[ToolSource]) -> None:
        self._known, self._sources = known, sources
        self._now = dict(known)

    @override
    def __getitem__(self, name: str) -> Tool:
        return self._now[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    @override
    def __len__(self) -> int:
        return len(self._now)

    async def refresh(self) -> None:
        """Learn what the sources offer."""
        self._now = await tools_now(self._known, self._sources)

    async def run(self) -> None:
        """Keep learning; returns never."""
        while True:
            await self.refresh()
            await asyncio.sleep(EVERY_S)
