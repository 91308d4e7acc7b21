"""Log lines around the start of an incident, and the patterns among them that are new since then."""

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Question
from connectors.ports.loglines import Entry, Pattern, patterns
from connectors.ports.tool import Tool, ToolContext
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, Looked, Seen, all_of, first_by_nearness, read, seen, start_of
from schemas import Severity, Signal, severity_rank, to_rfc3339
from schemas.time import SECOND


class LogsQuestion(Question):
    """Which lines."""

    before_s: int = Field(default=600, ge=0, le=21_600, description="Seconds before the start")
    after_s: int = Field(default=600, ge=0, le=21_600, description="Seconds after the start")
    service: str | None = Field(default=None, description="Only this service; by default all, the incident's own first")
    severity: Severity = Field(default="warning", description="This bad or worse; `debug` for all")
    contains: str = Field(default="", max_length=200, description="Only lines with this text, in any case")
    limit: int = Field(default=25, ge=1, le=100)


class Lines(Looked):
    """`lines` are samples in order of time; `patterns` are counted over all `total` lines, new ones first."""

    start: str
    since: str
    until: str
    total: int
    scanned: int = Field(description="Lines of any severity that were looked at; 0 means no logs are recorded here")
    lines: tuple[Seen, ...]
    patterns: tuple[Pattern, ...]


class LogsAround(Tool):
    """Log lines near the start, same service first."""

    name = "logs.around"
    description = (
        "Log lines around the start of this incident, warnings and worse by default, and the message patterns counted before "
        "and after the start: a pattern with before=0 is new."
    )
    arguments: type[BaseModel] = LogsQuestion
    result: type[BaseModel] = Lines
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Lines:
        assert isinstance(arguments, LogsQuestion)  # noqa: S101 - the caller validated against `arguments`
        start = start_of(context)
        since, until = start - arguments.before_s * SECOND, min(start + arguments.after_s * SECOND, context.now)
        found = await read(context, self.name, since=since, until=until, types=("log",), service=arguments.service)
        needle = arguments.contains.casefold()
        wanted = [
            each
            for each in found
            if severity_rank(each.severity) >= severity_rank(arguments.severity)
            and (not needle or needle in each.body.casefold() or needle in each.title.casefold())
        ]
        mine = set(context.incident.signal_ids)
        return Lines(
            complete=all_of(found),
            start=to_rfc3339(start),
            since=to_rfc3339(max(0, since)),
            until=to_rfc3339(until),
            total=len(wanted),
            scanned=len(found),
            lines=tuple(
                seen(each, start, own=each.id in mine, body=500)
                for each in first_by_nearness(wanted, context, arguments.limit)
            ),
            patterns=patterns([_entry(each) for each in wanted], start, context.incident.service),
        )


def _entry(signal: Signal) -> Entry:
    return Entry(signal.occurred_at, signal.body or signal.title, signal.severity, signal.service, signal.id)
