"""A search in log lines: by words, by a regular expression, by service, severity and label, with how many came each minute."""

from collections import Counter
from collections.abc import Callable

import re2
from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Window
from connectors.ports.loglines import Entry, LogFindings, findings
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, all_of, read, start_of
from schemas import Severity, Signal, severity_rank, to_rfc3339
from schemas.time import SECOND

MINUTE = 60 * SECOND


class LinesQuestion(Window):
    """Which lines: all conditions must hold."""

    text: str = Field(
        default="", max_length=500, description="In the line, in any case; several words must all be there"
    )
    pattern: str = Field(default="", max_length=500, description="RE2 expression found in the line")
    service: str | None = Field(default=None, description="Only this service; by default all")
    severity: Severity = Field(default="debug", description="This bad or worse")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels with exactly these values")
    limit: int = Field(default=30, ge=1, le=200, description="Lines shown")


class LineCount(Answer):
    """Matching lines of one minute."""

    at: str
    count: int


class FoundLines(LogFindings):
    """`total` lines matched of the `scanned` that were looked at."""

    scanned: int
    per_minute: tuple[LineCount, ...] = ()


class LogsSearch(Tool):
    """Log lines by what they say."""

    name = "logs.search"
    description = (
        "Searches the log lines heard around the start of this incident (or another moment) by words, RE2 expression, service, "
        "severity and labels; gives lines, patterns counted before and after the start, and how many came each minute."
    )
    arguments: type[BaseModel] = LinesQuestion
    result: type[BaseModel] = FoundLines
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> FoundLines:
        assert isinstance(arguments, LinesQuestion)  # noqa: S101 - the caller validated against `arguments`
        since, until = arguments.span(context)
        wanted = _condition(arguments)
        found = await read(context, self.name, since=since, until=until, types=("log",), service=arguments.service)
        lines = [each for each in found if wanted(each)]
        counted = Counter(each.occurred_at // MINUTE for each in lines)
        base = findings(
            _shown(arguments),
            (Entry(each.occurred_at, each.body or each.title, each.severity, each.service, each.id) for each in lines),
            start=start_of(context),
            since=since,
            until=until,
            shown=arguments.limit,
            complete=all_of(found),
            service=context.incident.service,
        )
        return FoundLines(
            **dict(base),
            scanned=len(found),
            per_minute=tuple(
                LineCount(at=to_rfc3339(minute * MINUTE), count=count)
                for minute, count in sorted(counted.items())[-180:]
            ),
        )


def _condition(asked: LinesQuestion) -> Callable[[Signal], bool]:
    """Raises ToolFailed when the expression is none that RE2 takes."""
    words = asked.text.casefold().split()
    least = severity_rank(asked.severity)
    try:
        expression = re2.compile(asked.pattern) if asked.pattern else None
    except re2.error as error:
        raise ToolFailed(
            f"pattern {asked.pattern!r} is no RE2 expression: {error}; escape what is meant literally"
        ) from error

    def holds(signal: Signal) -> bool:
        line = signal.body or signal.title
        folded = line.casefold()
        return (
            severity_rank(signal.severity) >= least
            and all(word in folded for word in words)
            and (expression is None or expression.search(line) is not None)
            and all(signal.labels.get(name) == value for name, value in asked.labels.items())
        )

    return holds


def _shown(asked: LinesQuestion) -> str:
    given = asked.model_dump(exclude_defaults=True, exclude={"before_s", "after_s", "around", "limit"})
    return " ".join(f"{name}={value!r}" for name, value in given.items()) or "all lines"
