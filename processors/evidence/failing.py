"""Failing services: who fails, since when, who calls whom, and who therefore failed first."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from processors.evidence.metrics import is_bad, kind_of
from processors.evidence.shifts import Shift
from processors.evidence.templates import Template
from processors.evidence.values import Gathered, Span

NOTABLE = 1.3
"""A level that changed by less than this factor is no failure by itself."""
BOTH_WAYS_S = 120
"""Two services that began to fail within this many seconds failed together: the graph decides between them."""


@dataclass(slots=True)
class Failing:
    """One service in trouble. `first` is the earliest sign; `signs` are (cites, quote) with what they say."""

    service: str
    first: int | None = None
    weight: float = 0.0
    signs: list[tuple[str, str, str]] = field(default_factory=list)

    def sign(self, at: int | None, weight: float, cites: str, quote: str, says: str) -> None:
        """Add one."""
        if at is not None:
            self.first = at if self.first is None else min(self.first, at)
        self.weight += weight
        self.signs.append((cites, quote, says))


@dataclass(frozen=True, slots=True)
class Graph:
    """Who calls whom. `outside` are peers that are called and never seen to work themselves."""

    calls: frozenset[tuple[str, str]]
    outside: frozenset[str] = frozenset()

    def callees(self, service: str) -> frozenset[str]:
        """Whom it calls."""
        return frozenset(callee for caller, callee in self.calls if caller == service)

    def callers(self, service: str) -> frozenset[str]:
        """Who calls it."""
        return frozenset(caller for caller, callee in self.calls if callee == service)

    def reach(self, service: str) -> frozenset[str]:
        """All it depends on, directly or not."""
        found: set[str] = set()
        waiting = [service]
        while waiting:
            for callee in self.callees(waiting.pop()):
                if callee not in found:
                    found.add(callee)
                    waiting.append(callee)
        return frozenset(found)


def names_of(gathered: Gathered) -> frozenset[str]:
    """Every service that says something itself."""
    found = {each.service for each in gathered.logs if each.service}
    found |= {each.service for each in gathered.series if each.service}
    found |= {each.service for each in gathered.patterns if each.service}
    found |= {each.service for each in gathered.spans if each.service}
    found |= {each.service for each in gathered.changes if each.service}
    for edge in gathered.edges:
        found |= {edge.caller, edge.callee}
    return frozenset(name for name in found if name)


def parents_of(spans: Sequence[Span]) -> dict[int, Span]:
    """By index the span that called it: of the same trace, else the nearest one before of that id."""
    latest: dict[tuple[str, str], Span] = {}
    nearest: dict[str, Span] = {}
    found: dict[int, Span] = {}
    for span in spans:
        latest[(span.trace, span.span)] = span
    for index, span in enumerate(spans):
        if span.parent is not None:
            parent = latest.get((span.trace, span.parent)) or nearest.get(span.parent)
            if parent is not None and parent is not span:
                found[index] = parent
        nearest[span.span] = span
    return found


def graph_of(gathered: Gathered, templates: Sequence[Template]) -> Graph:
    """From spans, from edges a tool told, and from error lines of one service that name another."""
    names = names_of(gathered)
    calls = {
        (edge.caller, edge.callee)
        for edge in gathered.edges
        if edge.caller and edge.callee and edge.caller != edge.callee
    }
    outside: set[str] = set()
    parents = parents_of(gathered.spans)
    for index, span in enumerate(gathered.spans):
        parent = parents.get(index)
        if parent is not None and parent.service != span.service:
            calls.add((parent.service, span.service))
        if span.peer and span.peer != span.service:
            known = _named_in(span.peer, names)
            calls.add((span.service, known or span.peer))
            if known is None:
                outside.add(span.peer)
        else:
            named = _named_in(span.name, names - {span.service})
            if named is not None:
                calls.add((span.service, named))
    for template in templates:
        if template.service is not None and template.rank >= 3:
            named = _named_in(template.example.text, names - {template.service})
            if named is not None and (named, template.service) not in calls:
                calls.add((template.service, named))
    return Graph(frozenset(calls), frozenset(outside))


def _named_in(text: str, names: Iterable[str]) -> str | None:
    lower = text.lower()
    found = [
        name for name in names if len(name) > 3 and re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", lower)
    ]
    return max(found, key=len, default=None)


def failing_of(gathered: Gathered, shifts: Sequence[Shift], templates: Sequence[Template]) -> dict[str, Failing]:
    """By service, those with bad shifts, new or risen error lines, or failed spans."""
    found: dict[str, Failing] = {}

    def at(service: str) -> Failing:
        return found.setdefault(service, Failing(service))

    for shift in shifts:
        series = shift.series
        if series.service is None or not is_bad(series.metric, up=shift.up) or shift.factor < NOTABLE:
            continue
        kind = kind_of(series.metric)
        weight = 1.0 if kind in ("errors", "latency", "availability") else 0.5
        says = f"{series.metric} went from {shift.before:g} to {shift.after:g}"
        at(series.service).sign(shift.at, weight, series.cites, series.metric, says)
    for template in templates:
        if template.service is None or template.rank < 4 or template.after <= 2 * template.before:
            continue
        first = min((line.at for line in template.lines if line.at is not None), default=template.first)
        at(template.service).sign(
            first, 1.0, template.example.cites, template.example.text, "its log tells of errors that are new"
        )
    for span in gathered.spans:
        if span.failed and span.service:
            at(span.service).sign(span.at, 0.2, span.cites, span.error or span.name, "its calls fail")
    return found


def origin_of(failing: dict[str, Failing], graph: Graph, gathered: Gathered, alerted: str | None) -> str | None:
    """The service that failed first: of those that fail, one that calls no other that fails; then who began first, then who fails most.

    A failing trace whose deepest failed call belongs to a service speaks for that service."""
    deepest = deepest_of(gathered.spans)
    if not failing:
        return alerted
    scores: dict[str, float] = defaultdict(float)
    begins = [each.first for each in failing.values() if each.first is not None]
    earliest = min(begins, default=None)
    total = sum(deepest.values()) or 1
    for name, each in failing.items():
        below = graph.reach(name) & failing.keys() - {name}
        above = sum(name in graph.reach(other) for other in failing if other != name)
        mutual = sum(name in graph.reach(other) for other in below)
        scores[name] += -1.0 if len(below) > mutual else 0.6
        scores[name] += 0.3 * min(2, above)
        if earliest is not None and each.first is not None:
            late = (each.first - earliest) / 1e6
            scores[name] += 0.5 if late <= BOTH_WAYS_S else -min(0.5, late / 3600)
        scores[name] += 0.6 * deepest[name] / total + min(0.4, 0.1 * each.weight)
        if name == alerted:
            scores[name] += 0.25
    return max(scores, key=lambda name: (scores[name], name))


def deepest_of(spans: Sequence[Span]) -> Counter[str]:
    """How often the deepest failed call of a trace was one of this service."""
    parents = parents_of(spans)
    has_failed_child = {id(parents[index]) for index, span in enumerate(spans) if span.failed and index in parents}
    return Counter(span.service for span in spans if span.failed and id(span) not in has_failed_child)
