"""Prometheus's HTTP interface: what its answers say, warnings and errors in its own words.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.ports.inquiry import Parameters, Remote
from connectors.ports.reading import line, mapping, sequence, text
from connectors.ports.series import Point
from connectors.ports.tool import ToolFailed
from schemas.time import SECOND


@dataclass(frozen=True, slots=True)
class Row:
    """One series of an answer; an instant has one point."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """As PromQL would write it."""
        metric = self.labels.get("__name__", "")
        inner = ", ".join(f'{key}="{value}"' for key, value in sorted(self.labels.items()) if key != "__name__")
        return f"{metric}{{{inner}}}" if inner or not metric else metric


@dataclass(frozen=True, slots=True)
class Found:
    """An answer to a query. `kind` is vector, matrix, scalar or string."""

    kind: str
    rows: tuple[Row, ...]
    text: str = ""
    warnings: tuple[str, ...] = ()


async def query(remote: Remote, expression: str, at: int) -> Found:
    """The value of an expression at a moment. Raises ToolFailed with Prometheus's own words."""
    return await _ask(remote, "/api/v1/query", {"query": expression, "time": _seconds(at)}, expression)


async def query_range(remote: Remote, expression: str, since: int, until: int, step_s: int) -> Found:
    """The values of an expression over time. Raises ToolFailed with Prometheus's own words."""
    form = {"query": expression, "start": _seconds(since), "end": _seconds(until), "step": f"{step_s}"}
    return await _ask(remote, "/api/v1/query_range", form, expression)


async def names(remote: Remote, matching: str, since: int, until: int) -> list[str]:
    """Names of metrics that had values then; of those that match a series selector, if given."""
    parameters: dict[str, str] = {"start": _seconds(since), "end": _seconds(until)}
    if matching:
        parameters["match[]"] = matching
    body = mapping(await remote.get("/api/v1/label/__name__/values", parameters, what="names of metrics"))
    return [each for each in sequence(body.get("data")) if isinstance(each, str)]


async def metadata(remote: Remote, metric: str) -> tuple[str, str]:
    """(type, help) of a metric, empty when it has none."""
    body = mapping(await remote.get("/api/v1/metadata", {"metric": metric}, what=f"metadata of {metric!r}"))
    told = sequence(mapping(body.get("data")).get(metric))
    first = mapping(told[0]) if told else {}
    return line(first.get("type"), 20), line(first.get("help"), 300)


async def answers_queries(remote: Remote) -> str:
    """That it answers queries, by one that reads no series. Raises ToolFailed."""
    await _ask(remote, "/api/v1/query", {"query": "1"}, "1")
    return f"{remote.url} answers queries"


async def _ask(remote: Remote, path: str, form: Parameters, expression: str) -> Found:
    body = mapping(await remote.ask_form(path, form, what=f"{expression!r}"))
    if body.get("status") != "success":
        raise ToolFailed(
            f"asked {remote.name} for {expression!r}: it answered {line(body.get('errorType'), 60)!r}: {line(body.get('error'), 500)}"
        )
    data = mapping(body.get("data"))
    kind, result = text(data.get("resultType"), 20), data.get("result")
    warnings = tuple(line(each, 300) for each in (*sequence(body.get("warnings")), *sequence(body.get("infos"))))[:5]
    match kind:
        case "vector" | "matrix":
            rows = tuple(_row(each) for each in sequence(result) if isinstance(each, dict))
            return Found(kind, rows, warnings=warnings)
        case "scalar":
            return Found(kind, (Row({}, _points([result])),), warnings=warnings)
        case _:
            pair = sequence(result)
            return Found(kind or "string", (), text(pair[1], 1000) if len(pair) == 2 else "", warnings)


def _row(each: Mapping[str, Any]) -> Row:
    labels = {key: text(value, 200) for key, value in mapping(each.get("metric")).items()}
    pairs = sequence(each.get("values")) or [each.get("value")]
    return Row(labels, _points(pairs))


def _points(pairs: Any) -> tuple[Point, ...]:
    """Points whose value is a finite number."""
    found: list[Point] = []
    for pair in pairs:
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int | float):
            try:
                value = float(pair[1])
            except (TypeError, ValueError):
                continue
            if math.isfinite(value):
                found.append(Point(round(pair[0] * SECOND), value))
    return tuple(found)


def _seconds(at: int) -> str:
    return f"{at / SECOND:.3f}"
