"""How often something came, against how often it usually comes."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Window
from connectors.ports.series import Point, Reading
from connectors.ports.series import read as read_series
from connectors.ports.tool import Tool, ToolContext
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, Looked, all_of, read, start_of
from connectors.stream.search import Kind
from schemas import Severity, Signal, severity_rank, to_rfc3339
from schemas.time import SECOND

Baseline = Literal["before", "yesterday", "last_week"]
_AGO = {"yesterday": 86_400, "last_week": 7 * 86_400}
_MOST_BUCKETS = 240


class RateQuestion(Window):
    """What to count, and what to compare it with."""

    service: str = Field(default="", max_length=200, description="Empty: the incident's own; `*`: all")
    types: tuple[Kind, ...] = Field(default=(), description="Kinds of signals; empty: all")
    text: str = Field(default="", max_length=200, description="In title, body or a label, in any case")
    severity: Severity = Field(default="warning", description="This bad or worse")
    baseline: Baseline = Field(
        default="before", description="The time before the start, or the same stretch a day or a week ago"
    )
    bucket_s: int = Field(default=60, ge=10, le=86_400)


class Bucket(Answer):
    """So many in the bucket that begins at `at`."""

    at: str
    count: int


class Rate(Looked):
    """Counts per bucket with their reading. Rates are per minute; `ratio` is current / usual, null when nothing is usual."""

    counted: str
    start: str
    since: str
    until: str
    bucket_s: int
    total: int
    baseline: Baseline
    usual_per_minute: float
    current_per_minute: float
    ratio: float | None
    reading: Reading
    buckets: tuple[Bucket, ...] = Field(description="Those with any, in order of time")
    by_service: dict[str, int] = Field(default_factory=dict)


class SignalsRate(Tool):
    """Rate against a baseline."""

    name = "signals.rate"
    description = (
        "Counts signals and log lines of a service per minute around the start of this incident and compares with the time before, "
        "yesterday or last week; says when the rate left what is usual."
    )
    arguments: type[BaseModel] = RateQuestion
    result: type[BaseModel] = Rate
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Rate:
        assert isinstance(arguments, RateQuestion)  # noqa: S101 - the caller validated against `arguments`
        start = start_of(context)
        since, until = arguments.span(context)
        service = arguments.service or context.incident.service
        one = None if service == "*" else service
        found = await read(context, self.name, since=since, until=until, types=arguments.types, service=one)
        complete = all_of(found)
        wanted = _matching(found, arguments)
        covered = since if complete or not found else found[0].occurred_at
        parted = min(max(start, covered), until)
        current = [each for each in wanted if each.occurred_at >= parted]
        if arguments.baseline == "before":
            usual, minutes = [each for each in wanted if each.occurred_at < parted], _minutes(covered, parted)
        else:
            ago = _AGO[arguments.baseline] * SECOND
            then = await read(
                context, self.name, since=since - ago, until=until - ago, types=arguments.types, service=one
            )
            complete = complete and all_of(then)
            usual, minutes = _matching(then, arguments), _minutes(since, until)
        step = max(arguments.bucket_s, (until - since) // SECOND // _MOST_BUCKETS)
        counts = Counter((each.occurred_at - covered) // (step * SECOND) for each in wanted)
        points = [
            Point(covered + index * step * SECOND, float(counts[index]))
            for index in range((until - covered) // (step * SECOND))
        ]
        rates = len(usual) / minutes, len(current) / _minutes(parted, until)
        return Rate(
            complete=complete,
            counted=f"{'/'.join(arguments.types) or 'all kinds'} of {one or 'all services'}, {arguments.severity} or worse"
            + (f", with {arguments.text!r}" if arguments.text else ""),
            start=to_rfc3339(start),
            since=to_rfc3339(covered),
            until=to_rfc3339(until),
            bucket_s=step,
            total=len(wanted),
            baseline=arguments.baseline,
            usual_per_minute=round(rates[0], 4),
            current_per_minute=round(rates[1], 4),
            ratio=round(rates[1] / rates[0], 2) if rates[0] else None,
            reading=read_series(points, start),
            buckets=tuple(
                Bucket(at=to_rfc3339(covered + index * step * SECOND), count=count)
                for index, count in sorted(counts.items())
            ),
            by_service=dict(Counter(each.service or "(no service)" for each in wanted).most_common(20)),
        )


def _matching(found: Sequence[Signal], asked: RateQuestion) -> list[Signal]:
    needle, least = asked.text.casefold(), severity_rank(asked.severity)
    return [
        each
        for each in found
        if severity_rank(each.severity) >= least
        and (
            not needle
            or needle in each.title.casefold()
            or needle in each.body.casefold()
            or any(needle in value.casefold() for value in each.labels.values())
        )
    ]


def _minutes(since: int, until: int) -> float:
    return max((until - since) / (60 * SECOND), 1 / 60)
