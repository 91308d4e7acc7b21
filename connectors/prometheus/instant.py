"""The value of an expression at one moment, and the names there are to ask for."""

import asyncio

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question, Window
from connectors.ports.reading import moment
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.prometheus import answers
from connectors.prometheus.expressions import own_expressions
from connectors.prometheus.settings import PrometheusSettings
from schemas import to_rfc3339

DESCRIBED = 20


class QueryQuestion(Question):
    """What, and when."""

    query: str = Field(
        default="", max_length=4000, description="PromQL; empty: the expression of the alert behind this incident"
    )
    at: str = Field(default="", max_length=40, description="RFC 3339 moment; empty: the start of this incident")
    limit: int = Field(default=30, ge=1, le=200)


class Valued(Answer):
    """One series and its value; `value` null when it is no finite number."""

    labels: dict[str, str]
    value: float | None


class Instant(Answer):
    """Values at a moment, the largest first; `total` before the limit."""

    query: str
    at: str
    kind: str
    results: tuple[Valued, ...]
    total: int
    text: str = ""
    warnings: tuple[str, ...] = ()


class PrometheusQuery(Tool):
    """Values at a moment."""

    name = "prometheus.query"
    description = "The value of a PromQL expression at one moment (by default of this incident's alert, at its start)."
    arguments: type[BaseModel] = QueryQuestion
    result: type[BaseModel] = Instant
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: PrometheusSettings) -> None:
        self._remote = settings.remote("Prometheus")

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Instant:
        assert isinstance(arguments, QueryQuestion)  # noqa: S101 - the caller validated against `arguments`
        at = context.incident.first_seen if not arguments.at else moment(arguments.at)
        if at is None:
            raise ToolFailed(
                f"at {arguments.at!r} is no moment; expected RFC 3339, or nothing for the incident's start"
            )
        query = arguments.query or next(iter(own_expressions(context)), "")
        if not query:
            raise ToolFailed(
                "no query was given, and no signal of this incident links to an expression; give a `query`"
            )
        found = await answers.query(self._remote, query, at)
        values = [(row.labels, row.points[0].value if row.points else None) for row in found.rows]
        values.sort(key=lambda each: (each[1] is None, -(each[1] or 0.0), sorted(each[0].items())))
        return Instant(
            query=query,
            at=to_rfc3339(at),
            kind=found.kind,
            results=tuple(Valued(labels=dict(labels), value=value) for labels, value in values[: arguments.limit]),
            total=len(values),
            text=found.text,
            warnings=found.warnings,
        )


class MetricsQuestion(Window):
    """Which names."""

    contains: str = Field(
        default="", max_length=200, description="In the name, in any case; several words must all be there"
    )
    selector: str = Field(
        default="", max_length=1000, description='Series selector such as {job="checkout"}; empty: all metrics'
    )
    limit: int = Field(default=60, ge=1, le=300)


class Metric(Answer):
    """A name with its type and help, where they were looked up (the first 20) and are known."""

    name: str
    type: str = ""
    help: str = ""


class Metrics(Answer):
    """Names that had values in the window; `total` before the limit."""

    metrics: tuple[Metric, ...]
    total: int


class PrometheusMetrics(Tool):
    """Names to ask for."""

    name = "prometheus.metrics"
    description = (
        "Names of metrics that have values around the start of this incident, narrowed by words or a series selector."
    )
    arguments: type[BaseModel] = MetricsQuestion
    result: type[BaseModel] = Metrics
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: PrometheusSettings) -> None:
        self._remote = settings.remote("Prometheus")

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Metrics:
        assert isinstance(arguments, MetricsQuestion)  # noqa: S101 - the caller validated against `arguments`
        since, until = arguments.span(context)
        words = arguments.contains.casefold().split()
        every = await answers.names(self._remote, arguments.selector, since, until)
        wanted = sorted(each for each in every if all(word in each.casefold() for word in words))
        told = await asyncio.gather(*(answers.metadata(self._remote, each) for each in wanted[:DESCRIBED]))
        known = dict(zip(wanted, told, strict=False))
        return Metrics(
            metrics=tuple(
                Metric(name=each, type=known.get(each, ("", ""))[0], help=known.get(each, ("", ""))[1])
                for each in wanted[: arguments.limit]
            ),
            total=len(wanted),
        )
