"""A tool that takes a text and says it back."""

from pydantic import BaseModel
from typing_extensions import override

from connectors.ports.tool import Tool, ToolContext


class Wanted(BaseModel):
    """What to say."""

    text: str = ""


class Echoed(BaseModel):
    """What was said."""

    said: str


class Echo(Tool):
    """Keeps what it was asked."""

    description = "Says it back."
    arguments: type[BaseModel] = Wanted
    result: type[BaseModel] = Echoed
    deadline_s = 5.0
    max_bytes = 100_000

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[str] = []

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> BaseModel:
        assert isinstance(arguments, Wanted)
        self.heard.append(arguments.text)
        return Echoed(said=f"heard {arguments.text}")
