"""Traces: calls between services before and during the trouble, with the time each spends itself and on the way."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median, quantiles

from processors.evidence.failing import parents_of
from processors.evidence.values import Edge, Load, Span

Key = tuple[str, str, str]


def compared(before: Sequence[Span], during: Sequence[Span], cites: str) -> tuple[Edge, ...]:
    """By caller, callee and operation how calls went before and how they go now. The caller is empty for work nobody else called."""
    loads = [_loads(before), _loads(during)]
    keys = sorted({*loads[0], *loads[1]})
    return tuple(Edge(*key, cites, loads[0].get(key), loads[1].get(key)) for key in keys)


def _loads(spans: Sequence[Span]) -> dict[Key, Load]:
    parents = parents_of(spans)
    within: dict[int, float] = defaultdict(float)
    for index, span in enumerate(spans):
        parent = parents.get(index)
        if parent is not None:
            within[id(parent)] += span.duration_ms
    found: dict[Key, list[tuple[float, float, float, bool]]] = defaultdict(list)
    for index, span in enumerate(spans):
        parent = parents.get(index)
        foreign = parent is not None and parent.service != span.service
        caller = parent.service if parent is not None and foreign else ""
        way = max(0.0, parent.duration_ms - span.duration_ms) if parent is not None and foreign else 0.0
        own = max(0.0, span.duration_ms - within[id(span)])
        found[(caller, span.service, span.name)].append((span.duration_ms, own, way, span.failed))
    return {key: _load(rows) for key, rows in found.items()}


def _load(rows: Sequence[tuple[float, float, float, bool]]) -> Load:
    durations = sorted(row[0] for row in rows)
    high = quantiles(durations, n=20)[-1] if len(durations) > 1 else durations[0]
    return Load(
        count=len(rows),
        errors=sum(row[3] for row in rows),
        p50=round(median(durations), 4),
        p95=round(high, 4),
        own_p50=round(median(row[1] for row in rows), 4),
        way_p50=round(median(row[2] for row in rows), 4),
    )
