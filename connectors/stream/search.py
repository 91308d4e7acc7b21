"""A search in our own stream, for what the neighbourhood of the start does not show."""

from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Question
from connectors.ports.tool import Tool, ToolContext
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, Looked, Seen, all_of, read, seen, start_of
from schemas import Severity, severity_rank, to_rfc3339
from schemas.time import SECOND

Kind = Literal["alert", "error", "log", "issue", "comment", "change", "check_in", "loss"]


class SearchQuestion(Question):
    """What to look for: all conditions must hold."""

    text: str = Field(default="", max_length=200, description="In title, body or a label's value, in any case")
    types: tuple[Kind, ...] = ()
    service: str | None = None
    severity: Severity = Field(default="debug", description="This bad or worse")
    hours: float = Field(default=24, gt=0, le=24 * 14, description="Before now")
    limit: int = Field(default=30, ge=1, le=100)


class Found(Looked):
    """The latest matches in order of time; `total` before the limit."""

    since: str
    until: str
    total: int
    signals: tuple[Seen, ...]


class SignalsSearch(Tool):
    """Signals by text, type, service and severity."""

    name = "signals.search"
    description = (
        "Searches signals and log lines by text, type, service and severity over the last hours; the latest matches."
    )
    arguments: type[BaseModel] = SearchQuestion
    result: type[BaseModel] = Found
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Found:
        assert isinstance(arguments, SearchQuestion)  # noqa: S101 - the caller validated against `arguments`
        since = context.now - round(arguments.hours * 3600) * SECOND
        question = f"{self.name} {arguments.text!r}"
        found = await read(
            context, question, since=since, until=context.now, types=arguments.types, service=arguments.service
        )
        needle = arguments.text.casefold()
        wanted = [
            each
            for each in found
            if severity_rank(each.severity) >= severity_rank(arguments.severity)
            and (
                not needle
                or needle in each.title.casefold()
                or needle in each.body.casefold()
                or any(needle in value.casefold() for value in each.labels.values())
            )
        ]
        mine = set(context.incident.signal_ids)
        return Found(
            complete=all_of(found),
            since=to_rfc3339(max(0, since)),
            until=to_rfc3339(context.now),
            total=len(wanted),
            signals=tuple(seen(each, start_of(context), own=each.id in mine) for each in wanted[-arguments.limit :]),
        )
