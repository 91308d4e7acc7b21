"""A tool that counts its calls and does what the test says."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel
from typing_extensions import override

from connectors.ports.tool import Tool, ToolContext


class Nothing(BaseModel):
    """No arguments."""


class Said(BaseModel):
    """A short answer."""

    text: str = "fine"


class Probe(Tool):
    """A tool that counts its calls and does what the test says."""

    description = "Does what the test says."
    arguments: type[BaseModel] = Nothing
    result: type[BaseModel] = Said

    def __init__(
        self,
        name: str,
        act: Callable[[], Awaitable[str]] | None = None,
        *,
        deadline_s: float = 5,
        max_bytes: int = 1000,
    ) -> None:
        self.name, self._act = name, act
        self.deadline_s, self.max_bytes = deadline_s, max_bytes
        self.calls = 0

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> BaseModel:
        self.calls += 1
        return Said(text=await self._act() if self._act is not None else "fine")
