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
from processors.evidence.shifts import correlation
from processors.evidence.templates import Template
from processors.evidence.values import Edge, Gathered, Series

FEWEST = 3
LEAST_OF_LEVEL = (0.05, 0.005)
"""A deviation is never counted in units smaller than this part of the level; of an availability, which has hardly any noise, than the
second."""
KINDS: dict[Kind, float] = {"saturation": 1.0, "latency": 0.6, "errors": 1.0, "availability": 1.0, "lag": 0.8}
"""What a kind of metric weighs; any other a fifth."""
FULL_SIZE = 3.0
ERRORS = 2.5
UNUSUAL = 3.0
NOTICED = 5.0
"""Time lost counts in full from a fifth of all the time calls took before."""
WITH_TARGET = 0.5
"""How much of a deviation counts that does not move with what suffers."""
CAP = 12.0
"""A deviation counts for no more than this."""
MIRRORED = 0.9
METRIC, SELF, WAY, LOGS = 0.6, 1.0, 1.5, 1.2
"""What the parts weigh."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a series is from its healthy values: `size` in robust deviations with its sign, `part` relative to the level."""

    series: Series
    kind: Kind
    size: float
    part: float


def can_rank(gathered: Gathered) -> bool:
    """Whether there is something to hold services against each other by: healthy values beside those of now, or calls with their times."""
    known = {
        series.service
        for series in gathered.series
        if series.service and len(series.normal) >= FEWEST and series.values
    }
    timed = {edge.callee for edge in gathered.edges if edge.during is not None}
    return len(known) >= 2 or len(timed) >= 2


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
        floor = LEAST_OF_LEVEL[kind_of(series.metric) == "availability"] * abs(middle)
        sigma = max(spread, floor, 0.5 * reach, 1e-9)
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
    return voted(gathered, templates, target=target, metric=metric)[0]


def voted(
    gathered: Gathered, templates: Sequence[Template], *, target: str | None = None, metric: str = ""
) -> tuple[list[tuple[str, float]], tuple[int, int]]:
    """The same, and of the independent kinds of evidence (metrics, time spent, time on the way, errors) how many have the first service
    foremost and how many another."""
    names = _names(gathered)
    own = _own(gathered, metric, _suffering(gathered, target, metric))
    edges = gathered.edges
    calls = {(edge.caller, edge.callee) for edge in edges if edge.caller and edge.callee}
    itself, way, told = _itself(edges), _way(edges), _told(templates)
    votes = [_foremost(part) for part in (own, itself, way, told)]
    busy = sum(edge.before.p50 * edge.before.count for edge in edges if edge.before is not None)
    busy = busy or sum(edge.during.own_p50 * edge.during.count for edge in edges if edge.during is not None)
    scores = {
        name: METRIC * own.get(name, 0.0)
        + SELF * _heavy(name, itself, busy)
        + WAY * _heavy(name, way, busy)
        + LOGS * (1 - math.exp(-told.get(name, 0.0) / ERRORS))
        for name in names
    }
    if target is not None and calls:
        scores = _walked(_unmasked(scores, calls, gathered.series), calls, target)
    found = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    first = found[0][0] if found else ""
    agreed = sum(first in vote for vote in votes)
    return found, (agreed, sum(bool(vote) for vote in votes) - agreed)


def _foremost(part: dict[str, float]) -> set[str]:
    """Those with the most of it, or nearly."""
    most = max(part.values(), default=0.0)
    return {name for name, value in part.items() if value >= 0.9 * most} if most > 0 else set()


def _names(gathered: Gathered) -> list[str]:
    found = {series.service for series in gathered.series if series.service}
    found |= {name for edge in gathered.edges for name in (edge.caller, edge.callee) if name}
    return sorted(found)


def _suffering(gathered: Gathered, target: str | None, metric: str) -> Series | None:
    """The series that raised the alarm."""
    return next((each for each in gathered.series if each.service == target and metric and each.metric == metric), None)


def _own(gathered: Gathered, metric: str, suffering: Series | None) -> dict[str, float]:
    """By service how far its metrics moved, each kind once, 0 to 1 of the worst; what moved the way of the target counts most."""
    wanted = kind_of(metric) if metric else None
    best: dict[tuple[str, Kind], float] = {}
    for each in deviations(gathered.series):
        assert each.series.service is not None  # noqa: S101 - `deviations` keeps those with a service
        size = _harm(each, wanted) * _company(each.series, suffering)
        key = (each.series.service, each.kind)
        best[key] = max(best.get(key, 0.0), size)
    found: dict[str, float] = defaultdict(float)
    for (service, kind), size in best.items():
        found[service] += KINDS.get(kind, 0.2) * size
    return {name: 1 - math.exp(-value / FULL_SIZE) for name, value in found.items()}


def _company(series: Series, suffering: Series | None) -> float:
    """1 for what moves as the suffering does within the time of trouble, less for what moves otherwise."""
    if suffering is None or series is suffering:
        return 1.0
    places = dict(zip(suffering.times, suffering.values, strict=True))
    pairs = [(value, places[at]) for at, value in zip(series.times, series.values, strict=True) if at in places]
    if len(pairs) < 4:
        return WITH_TARGET
    together = correlation([one for one, _ in pairs], [other for _, other in pairs])
    if (kind_of(series.metric) == "availability") != (kind_of(suffering.metric) == "availability"):
        together = -together
    return WITH_TARGET + (1 - WITH_TARGET) * max(0.0, together)


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
        if edge.during is not None and edge.before is not None:
            found[edge.callee] += _growth(edge.before.own_p50, edge.during.own_p50) * edge.during.count
    return found


def _growth(before: float, during: float) -> float:
    """What it takes longer, as much of it as it is more than before: a tenth more of much is no news."""
    more = max(0.0, during - before)
    return more * min(1.0, more / max(before, 1e-9))


def _way(edges: Sequence[Edge]) -> dict[str, float]:
    """Time on the way between two services, more than before: a slow network shows at every call of the one it belongs to."""
    grown: dict[tuple[str, str], float] = defaultdict(float)
    usual = _usual_way(edges)
    for edge in edges:
        if edge.caller and edge.during is not None:
            before = edge.before.way_p50 if edge.before is not None else usual
            grown[(edge.caller, edge.callee)] += _growth(before, edge.during.way_p50) * edge.during.count
    whole = sum(grown.values())
    found: dict[str, float] = defaultdict(float)
    if whole <= 0:
        return found
    for name in {name for pair in grown for name in pair}:
        incident = {pair: value for pair, value in grown.items() if name in pair}
        moved = sum(value > 0.05 * whole / len(grown) for value in incident.values())
        found[name] = sum(incident.values()) * (moved / len(incident))
    return found


def _usual_way(edges: Sequence[Edge]) -> float:
    """What calls wait on the way where nothing is known from before: far more than most do now is not usual."""
    now = [edge.during.way_p50 for edge in edges if edge.caller and edge.during is not None]
    return UNUSUAL * median(now) if now else 0.0


def _told(templates: Sequence[Template]) -> dict[str, float]:
    """Error lines that are new or more, by service, alike ones counted with less than their number."""
    found: dict[str, float] = defaultdict(float)
    for each in templates:
        if each.service is not None and each.rank >= 4 and each.after > 2 * each.before:
            found[each.service] += math.sqrt(each.after - 2 * each.before)
    return found


def _heavy(name: str, grown: dict[str, float], busy: float) -> float:
    """A service's part of all the time that is lost, less where little is lost at all."""
    whole = sum(grown.values())
    return grown.get(name, 0.0) / whole * min(1.0, NOTICED * whole / busy) if whole > 0 and busy > 0 else 0.0


def _unmasked(scores: dict[str, float], calls: set[tuple[str, str]], all_series: Sequence[Series]) -> dict[str, float]:
    """One thing under two names: a peer that calls nobody, seen by its callers alone, and beside it a service of the same caller that moves
    as it does. What the peer scores is the service's."""
    found = dict(scores)
    callers = {caller for caller, _ in calls}
    by_name: dict[str, list[Series]] = defaultdict(list)
    for series in all_series:
        if series.service is not None and len(series.values) >= 4:
            by_name[series.service].append(series)
    for caller, peer in sorted(calls):
        if peer in callers or peer not in by_name:
            continue
        for other in sorted(
            {callee for again, callee in calls if again == caller and callee in callers and callee != peer}
        ):
            if scores.get(other, 0.0) > 0 and _mirrors(by_name[peer], by_name.get(other, ())):
                found[other] = max(found[other], 1.01 * scores[peer])
                found[peer] = 0.8 * scores[peer]
    return found


def _mirrors(peer: Sequence[Series], other: Sequence[Series]) -> bool:
    for one in peer:
        for two in other:
            if (
                one.metric == two.metric
                and kind_of(one.metric) in ("latency", "availability", "errors")
                and one.times == two.times
            ) and correlation(one.values, two.values) >= MIRRORED:
                return True
    return False


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
