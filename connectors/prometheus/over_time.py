"""Expressions over time, read as a person would: shifts, trends, where it left the usual, and what moved together."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Window
from connectors.ports.correlation import MovesTogether, together
from connectors.ports.placeholders import fill
from connectors.ports.series import Point, Reading, read
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.prometheus import answers
from connectors.prometheus.expressions import own_expressions
from connectors.prometheus.settings import PrometheusSettings
from schemas import to_rfc3339
from schemas.time import SECOND

_POINTS = 240
_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)
_READ = 200
"""Series that are read; those that changed most are shown."""
_CORRELATED = 8


class RangeQuestion(Window):
    """What, over which time."""

    query: str = Field(
        default="",
        max_length=4000,
        description="PromQL; empty: the configured queries for this service, and the expression of the alert behind this incident",
    )
    compare: tuple[str, ...] = Field(
        default=(), max_length=5, description="Further PromQL, to see what moves together with `query`"
    )
    step_s: int = Field(
        default=0, ge=0, le=86_400, description="Seconds between points; 0: such that there are about 240"
    )
    samples: int = Field(default=30, ge=0, le=120, description="Points shown of each series, evenly thinned")


class Sample(Answer):
    """One point."""

    at: str
    value: float


class SeriesSeen(Answer):
    """One series with its reading; `samples` are thinned, the reading is of all points."""

    name: str
    query: str
    labels: dict[str, str]
    reading: Reading
    samples: tuple[Sample, ...] = ()


class OverTime(Answer):
    """Series, what changed most first; `total` there were. `failed` are queries that could not be answered, with why."""

    start: str
    since: str
    until: str
    step_s: int
    series: tuple[SeriesSeen, ...]
    total: int
    moves_together: tuple[MovesTogether, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query and what it is called."""

    name: str
    expression: str


class PrometheusRange(Tool):
    """Values over time, read."""

    name = "prometheus.range"
    description = (
        "A PromQL expression over the time around the start of this incident, with a reading of each series: when its level shifted and "
        "by how much, trends, when it left what was usual, and which series move together. Without a query: the configured ones for "
        "the service and the alert's own expression."
    )
    arguments: type[BaseModel] = RangeQuestion
    result: type[BaseModel] = OverTime
    deadline_s = 30.0
    max_bytes = 100_000

    def __init__(self, settings: PrometheusSettings) -> None:
        self._remote = settings.remote("Prometheus")
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> OverTime:
        assert isinstance(arguments, RangeQuestion)  # noqa: S101 - the caller validated against `arguments`
        since, until = arguments.span(context)
        step = arguments.step_s or _step(since, until)
        failed: dict[str, str] = {}
        asked = self._asked(arguments, context, failed)
        # The grid begins at a round moment, so that the same question gives the same points a second later.
        since = since // (step * SECOND) * step * SECOND
        told = await asyncio.gather(
            *(answers.query_range(self._remote, each.expression, since, until, step) for each in asked),
            return_exceptions=True,
        )
        start = context.incident.first_seen
        seen: list[tuple[SeriesSeen, tuple[Point, ...]]] = []
        warnings: list[str] = []
        total = 0
        for each, found in zip(asked, told, strict=True):
            if isinstance(found, ToolFailed):
                failed[each.name] = str(found)[:600]
            elif isinstance(found, BaseException):
                raise found
            else:
                warnings += found.warnings
                total += len(found.rows)
                seen += [(_seen(each, row, start, arguments.samples), row.points) for row in found.rows[:_READ]]
        if failed and len(failed) >= len(asked) and not seen:
            raise ToolFailed("; ".join(failed.values()) or "nothing to ask")
        seen.sort(key=lambda pair: _strength(pair[0].reading))
        shown = seen[: self._settings.most_series]
        return OverTime(
            start=to_rfc3339(start),
            since=to_rfc3339(since),
            until=to_rfc3339(until),
            step_s=step,
            series=tuple(each for each, _ in shown),
            total=total,
            moves_together=_together(shown, arguments.query, step),
            failed=failed,
            warnings=tuple(dict.fromkeys(warnings))[:5],
        )

    def _asked(self, arguments: RangeQuestion, context: ToolContext, failed: dict[str, str]) -> list[_Asked]:
        """Raises ToolFailed when there is nothing to ask."""
        if arguments.query or arguments.compare:
            given = dict.fromkeys((arguments.query, *arguments.compare))
            return [_Asked(each, each) for each in given if each.strip()]
        asked: list[_Asked] = []
        for name, template in self._settings.queries.items():
            try:
                asked.append(_Asked(name, fill(template, context.incident)))
            except ToolFailed as error:
                failed[name] = str(error)
        asked += [_Asked(f"the alert's own: {each}"[:300], each) for each in own_expressions(context)[:3]]
        if not asked:
            reasons = "; ".join(failed.values()) or "no queries are configured and no signal links to an expression"
            raise ToolFailed(f"nothing to ask without a `query`: {reasons}")
        return asked


def _step(since: int, until: int) -> int:
    wanted = (until - since) / SECOND / _POINTS
    return next((each for each in _STEPS if each >= wanted), _STEPS[-1])


def _seen(asked: _Asked, row: answers.Row, start: int, samples: int) -> SeriesSeen:
    every = max(1, math.ceil(len(row.points) / samples)) if samples else 1
    return SeriesSeen(
        name=row.name[:300],
        query=asked.name,
        labels=dict(row.labels),
        reading=read(row.points, start),
        samples=tuple(Sample(at=to_rfc3339(at), value=value) for at, value in row.points[::every]) if samples else (),
    )


def _strength(reading: Reading) -> tuple[int, float]:
    """What changed most comes first."""
    rank = {"shift": 0, "anomaly": 0, "trend": 1, "noisy": 2, "flat": 3, "empty": 4}[reading.shape]
    score = max(reading.shift.score if reading.shift else 0.0, reading.anomaly.score if reading.anomaly else 0.0)
    return rank, -score


def _together(shown: Sequence[tuple[SeriesSeen, tuple[Point, ...]]], lead: str, step: int) -> tuple[MovesTogether, ...]:
    """Among the series that changed most; with a leading query of one series, with that one."""
    leading = [each.name for each, _ in shown if each.query == lead]
    series = {f"{each.query} {each.name}" if each.query != each.name else each.name: points for each, points in shown}
    names = list(series)[:_CORRELATED]
    if lead and len(leading) == 1:
        own = next(name for name in series if name.startswith(lead))
        names = list(dict.fromkeys([own, *names]))
        return together({name: series[name] for name in names}, step, lead=own)
    return together({name: series[name] for name in names}, step)
