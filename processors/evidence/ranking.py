"""Ranking: which service is most likely where it began, from metrics beside their healthy values, calls, and new error lines.

The parts are those of the literature on root causes in microservices: deviation of a service's own metrics, walking the graph of calls
from what suffers towards what it depends on, time spent by a service itself and on the way to it, and events that are new.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from processors.evidence.metrics import Kind, kind_of
from processors.evidence.templates import Template
from processors.evidence.values import Edge, Gathered, Load, Series

FEWEST = 3
CAP = 12.0
"""A deviation counts for no more than this."""
METRIC, SELF, WAY, LOGS = 1.0, 1.0, 0.8, 1.2
"""What the parts weigh."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a series is from its healthy values: `size` in robust deviations with its sign, `part` relative to the level."""

    series: Series
    kind: Kind
    size: float
    part: float


def deviations(all_series: Iterable[Series]) -> list[Deviation]:
    """Of every series with healthy values to hold it against."""
    found: list[Deviation] = []
    for series in all_series:
        if series.service is None or len(series.normal) < FEWEST or not series.values:
            continue
        middle = median(series.normal)
        spread = 1.4826 * median(abs(value - middle) for value in series.normal)
        window = max(1, min(len(series.values), len(series.normal) // FEWEST))
        usual = _moving(series.normal, window)
        reach = max(abs(value - middle) for value in usual)
        sigma = max(spread, 0.05 * abs(middle), 0.5 * reach, 1e-9)
        now = fmean(series.values)
        size = max(-CAP, min(CAP, (now - middle) / sigma))
        found.append(Deviation(series, kind_of(series.metric), size, (now - middle) / max(abs(middle), 1e-9)))
    return found


def _moving(values: Sequence[float], window: int) -> list[float]:
    """Means over windows of that length, so that as many points are held against as many."""
    return [fmean(values[index : index + window]) for index in range(len(values) - window + 1)] or [fmean(values)]


def ranked(
    gathered: Gathered, templates: Sequence[Template], *, target: str | None = None, metric: str = ""
) -> list[tuple[str, float]]:
    """Services with their scores, the likeliest first. `target` is what suffers, `metric` what of it."""
    names = _names(gathered)
    own = _own(gathered, metric)
    edges = gathered.edges
    calls = {(edge.caller, edge.callee) for edge in edges if edge.caller and edge.callee}
    scores: dict[str, float] = dict.fromkeys(names, 0.0)
    for name, value in own.items():
        scores[name] = scores.get(name, 0.0) + METRIC * value
    for name, value in _shares(_itself(edges)).items():
        scores[name] = scores.get(name, 0.0) + SELF * value
    for name, value in _shares(_way(edges)).items():
        scores[name] = scores.get(name, 0.0) + WAY * value
    for name, value in _shares(_told(templates)).items():
        scores[name] = scores.get(name, 0.0) + LOGS * value
    if target is not None and calls:
        scores = _walked(scores, calls, target)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def _names(gathered: Gathered) -> list[str]:
    found = {series.service for series in gathered.series if series.service}
    found |= {name for edge in gathered.edges for name in (edge.caller, edge.callee) if name}
    return sorted(found)


def _own(gathered: Gathered, metric: str) -> dict[str, float]:
    """By service how far its metrics moved, each kind once, 0 to 1 of the worst; what moved the way of the target counts most."""
    wanted = kind_of(metric) if metric else None
    best: dict[tuple[str, Kind], float] = {}
    for each in deviations(gathered.series):
        assert each.series.service is not None  # noqa: S101 - `deviations` keeps those with a service
        size = _harm(each, wanted)
        key = (each.series.service, each.kind)
        best[key] = max(best.get(key, 0.0), size)
    found: dict[str, float] = defaultdict(float)
    for (service, _), size in best.items():
        found[service] += size
    return _shares(found, top=True)


def _harm(each: Deviation, wanted: Kind | None) -> float:
    match each.kind:
        case "availability" | "headroom":
            size = -each.size
        case "errors" | "latency" | "lag" | "saturation":
            size = each.size
        case _:
            size = 0.3 * abs(each.size)
    if size < 1.0:
        return 0.0
    size = math.log2(1 + size)
    return size if wanted is None or each.kind == wanted else 0.25 * size


def _itself(edges: Sequence[Edge]) -> dict[str, float]:
    """Time the service spends itself, more than before, over all its calls."""
    found: dict[str, float] = defaultdict(float)
    for edge in edges:
        if edge.during is not None:
            before = edge.before.own_p50 if edge.before is not None else 0.0
            if edge.before is not None:
                found[edge.callee] += max(0.0, edge.during.own_p50 - before) * edge.during.count
    return found


def _way(edges: Sequence[Edge]) -> dict[str, float]:
    """Time on the way between two services, more than before: a slow network shows at every call of the one it belongs to."""
    grown: dict[tuple[str, str], float] = defaultdict(float)
    for edge in edges:
        if edge.caller and edge.during is not None and edge.before is not None:
            grown[(edge.caller, edge.callee)] += max(0.0, edge.during.way_p50 - edge.before.way_p50) * edge.during.count
    whole = sum(grown.values())
    found: dict[str, float] = defaultdict(float)
    if whole <= 0:
        return found
    for name in {name for pair in grown for name in pair}:
        incident = {pair: value for pair, value in grown.items() if name in pair}
        moved = sum(value > 0.05 * whole / len(grown) for value in incident.values())
        found[name] = sum(incident.values()) * (moved / len(incident))
    return found


def _told(templates: Sequence[Template]) -> dict[str, float]:
    """Error lines that are new or more, by service, alike ones counted with less than their number."""
    found: dict[str, float] = defaultdict(float)
    for each in templates:
        if each.service is not None and each.rank >= 4 and each.after > 2 * each.before:
            found[each.service] += math.log2(1 + each.after)
    return found


def _shares(values: dict[str, float], *, top: bool = False) -> dict[str, float]:
    """Parts of the whole, or of the largest."""
    whole = max(values.values(), default=0.0) if top else sum(values.values())
    return {name: value / whole for name, value in values.items()} if whole > 0 else {}


def _walked(scores: dict[str, float], calls: set[tuple[str, str]], target: str) -> dict[str, float]:
    """From what suffers along calls to what it depends on: what cannot be reached counts little, and of two that moved, one whose
    callees moved too is rather a victim."""
    depth = {target: 0}
    waiting = [target]
    while waiting:
        name = waiting.pop(0)
        for callee in sorted(callee for caller, callee in calls if caller == name):
            if callee not in depth:
                depth[callee] = depth[name] + 1
                waiting.append(callee)
    found: dict[str, float] = {}
    for name, score in scores.items():
        below = max((scores.get(callee, 0.0) for caller, callee in calls if caller == name), default=0.0)
        reached = 1.0 if name in depth else 0.2
        found[name] = reached * (score - 0.6 * min(score, below)) + 1e-4 * (len(scores) - depth.get(name, len(scores)))
    return found


def loads(edge: Edge) -> tuple[Load | None, Load | None]:
    """Before and during."""
    return edge.before, edge.during
