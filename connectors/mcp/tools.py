"""The tools of an MCP server as tools of ours: listed anew now and then, called by allow-list, answers taken as text from outside."""

import logging
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from mcp import Client
from mcp.types import CallToolResult, TextContent
from mcp.types import Tool as Described
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import override

from connectors.mcp.offering import Offered, Unfit, allowed, offered
from connectors.mcp.session import Session
from connectors.mcp.settings import McpServer
from connectors.ports.asking import Answer
from connectors.ports.checkup import Doubtful
from connectors.ports.clock import Clock, SystemClock
from connectors.ports.reading import Unreadable, lenient_json, line
from connectors.ports.tool import Tool, ToolContext, ToolFailed, ToolSource
from playbooks.untrusted import clean

LISTING_S = 10.0
MOST_TOOLS = 64
_log = logging.getLogger(__name__)


class McpArguments(BaseModel):
    """Arguments of a tool that a server described: held to the server's schema."""

    model_config = ConfigDict(frozen=True, extra="allow")
    held_to: ClassVar[Mapping[str, Any]] = {"type": "object"}

    @model_validator(mode="before")
    @classmethod
    def _hold(cls, given: Any) -> Any:
        faults = [error.message for error in Draft202012Validator(cls.held_to).iter_errors(given)]
        if faults:
            raise ValueError("; ".join(faults[:5])[:1000])
        return given

    @classmethod
    @override
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(cls.held_to)


class McpAnswer(Answer):
    """What the server answered: text from outside. `left_out` are kinds of content that are no text, counted."""

    server: str
    tool: str
    text: str
    structured: Any = None
    left_out: dict[str, int] = Field(default_factory=dict)


class McpTool(Tool):
    """One tool of one server."""

    result: type[BaseModel] = McpAnswer

    def __init__(self, server: str, settings: McpServer, session: Session, offer: Offered) -> None:
        self.name = offer.shown
        self.description = offer.description
        self.arguments = type(
            "McpArguments", (McpArguments,), {"held_to": offer.schema, "__doc__": None, "__module__": __name__}
        )
        self.deadline_s = settings.deadline_s + 25.0
        self.max_bytes = settings.max_bytes
        self.trusted = settings.trusted
        self._server, self._settings, self._session, self._offer = server, settings, session, offer

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> McpAnswer:
        given = arguments.model_dump()

        async def ask(client: Client) -> CallToolResult:
            return await client.call_tool(self._offer.name, given, read_timeout_seconds=self._settings.deadline_s)

        answer = await self._session.use(self._offer.name, ask, deadline_s=self._settings.deadline_s)
        texts = [clean(part.text) for part in answer.content if isinstance(part, TextContent)]
        left_out: dict[str, int] = {}
        for part in answer.content:
            if not isinstance(part, TextContent):
                left_out[part.type] = left_out.get(part.type, 0) + 1
        text = "\n".join(texts)
        if answer.is_error:
            raise ToolFailed(
                f"asked the MCP server {self._server!r} for {self._offer.name!r}: it answered an error: {line(text, 800)!r}"
            )
        size = len(text.encode())
        if size > self.max_bytes:
            raise ToolFailed(f"{self.name!r} answered {size} bytes, at most {self.max_bytes} are taken: narrow it")
        # What is also there as structure is not said twice.
        structured = answer.structured_content
        return McpAnswer(
            server=self._server,
            tool=self._offer.name,
            text="" if structured and _same(texts, structured) else text,
            structured=structured,
            left_out=left_out,
        )


def _same(texts: Sequence[str], structured: Mapping[str, Any]) -> bool:

    try:
        return len(texts) == 1 and lenient_json(texts[0].encode()) in (structured, structured.get("result"))
    except Unreadable:
        return False


class McpTools(ToolSource):
    """What one server offers."""

    def __init__(self, name: str, settings: McpServer, clock: Clock | None = None) -> None:
        self.name = f"mcp.{name}"
        self._server, self._settings = name, settings
        self._clock = clock or SystemClock()
        self._session = Session(name, settings, self._clock)
        self._tools: tuple[Tool, ...] = ()
        self._marks: dict[str, str] = {}
        self._listed_at: float | None = None
        self._said: set[str] = set()

    @override
    async def tools(self) -> Sequence[Tool]:
        now = self._clock.monotonic()
        if self._listed_at is not None and now - self._listed_at < self._settings.refresh_s:
            return self._tools
        # Whatever comes of it: it is not asked again at once, so that a server that hangs does not hold up every turn.
        self._listed_at = now
        try:
            listed = await self._session.use("its tools", _listed, deadline_s=LISTING_S)
        except ToolFailed as error:
            self._say(f"mcp.{self._server} offers what it did before: {error}")
            return self._tools
        self._tools = tuple(self._offered(listed))
        return self._tools

    async def answers(self) -> str:
        """How many of its tools may be called. Raises ToolFailed; Doubtful when an entry of `allow` lets nothing in."""
        try:
            listed = await self._session.use("its tools", _listed, deadline_s=LISTING_S)
            found = [each.name for each in self._offered(listed)]
        finally:
            self._session.close()
        idle = [glob for glob in self._settings.allow if not any(fnmatchcase(each.name, glob) for each in listed)]
        if idle:
            raise Doubtful(
                f"it answers with {len(listed)} tools, and none is called {', '.join(map(repr, idle))}",
                f"correct mcp.servers.{self._server}.allow; there is {line(', '.join(each.name for each in listed), 300)}",
            )
        return f"it answers with {len(listed)} tools, {len(found)} of them allowed"

    def close(self) -> None:
        """End the connection, if there is one."""
        self._session.close()

    def _offered(self, listed: Sequence[Described]) -> list[Tool]:
        made: dict[str, Tool] = {}
        for each in listed:
            if not allowed(each, self._settings.allow):
                continue
            try:
                offer = offered(self._server, each)
                Draft202012Validator.check_schema(offer.schema)
            except (Unfit, SchemaError) as error:
                self._say(f"mcp.{self._server}: a tool is not offered: {line(str(error), 200)}")
                continue
            if self._settings.pinned and self._marks.setdefault(offer.name, offer.mark) != offer.mark:
                self._say(
                    f"{offer.shown} is withheld: what it says of itself changed while Tocsin runs; start again to take it"
                )
                continue
            if offer.shown in made:
                self._say(f"{offer.shown} is offered twice, under names that read alike; the first is taken")
                continue
            made[offer.shown] = McpTool(self._server, self._settings, self._session, offer)
            if len(made) == MOST_TOOLS:
                break
        return list(made.values())

    def _say(self, message: str) -> None:
        """Once."""
        if message not in self._said:
            self._said.add(message)
            _log.warning("%s", message)


async def _listed(client: Client) -> Sequence[Described]:
    found: list[Described] = []
    cursor: str | None = None
    for _ in range(20):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return found
