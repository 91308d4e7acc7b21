"""Log lines around the start of an incident, and the patterns among them that are new since then."""

from collections.abc import Sequence

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.tool import Tool, ToolContext
from connectors.stream.ask import (
    DEADLINE_S,
    MAX_BYTES,
    Answer,
    Looked,
    Question,
    Seen,
    all_of,
    first_by_nearness,
    read,
    seen,
    start_of,
)
from connectors.ports.texts import clipped, masked
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


class Pattern(Answer):
    """Lines alike but for numbers, ids and times. New since the start when `before` is 0 and `after` is not."""

    pattern: str
    service: str | None
    severity: str
    before: int
    after: int
    first: str
    last: str
    example: str
    example_id: str


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
            patterns=patterns(wanted, start, context.incident.service),
        )


def patterns(lines: Sequence[Signal], start: int, service: str | None, limit: int = 25) -> tuple[Pattern, ...]:
    """Lines grouped by service and masked text: new since the start first, then of the given service, then by count."""
    groups: dict[tuple[str | None, str], list[Signal]] = {}
    for each in lines:
        groups.setdefault((each.service, masked(each.title)), []).append(each)

    def made(key: tuple[str | None, str], group: list[Signal]) -> Pattern:
        before = sum(each.occurred_at < start for each in group)
        worst = max(group, key=lambda each: severity_rank(each.severity))
        return Pattern(
            pattern=clipped(key[1], 200),
            service=key[0],
            severity=worst.severity,
            before=before,
            after=len(group) - before,
            first=to_rfc3339(group[0].occurred_at),
            last=to_rfc3339(group[-1].occurred_at),
            example=clipped(worst.body or worst.title, 500),
            example_id=worst.id,
        )

    all_made = [made(key, group) for key, group in groups.items()]
    all_made.sort(
        key=lambda each: (
            each.before > 0,
            each.service != service,
            -severity_rank(each.severity),
            -(each.before + each.after),
            each.pattern,
        )
    )
    return tuple(all_made[:limit])
