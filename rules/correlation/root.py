"""The root candidate: the service of an incident from which trouble comes to most of the others, and that alerts near a cause itself.

An alert that requests stopped coming is a sufferer's. An alert about a process, a pod, a node or a disk is near a cause. A change shortly before
the first alert of its service speaks for it, and so does having alerted first.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rules.correlation.graph import Graph
from rules.correlation.names import plain, words
from rules.correlation.values import Alert, Change
from schemas.time import SECOND

QUIET, NEAR, CHANGED, FIRST = -0.5, 0.5, 0.5, 0.1
CHANGE_S = 1800
_CAUSES = {
    "pod", "container", "crash", "oom", "killed", "deployment", "rollout", "node", "memory", "cpu", "disk", "volume",
    "filesystem", "job", "namespace", "certificate", "host", "process", "instance",
}  # fmt: skip
_SILENT = {"absent", "missing", "inactive", "idle"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A service in which an incident may have begun, and what speaks for it or against it."""

    service: str
    weight: float
    because: tuple[str, ...]


def root_of(alerts: Iterable[Alert], graph: Graph, changes: Sequence[Change] = ()) -> list[Candidate]:
    """The services of an incident, the likeliest root first; equal ones in the order of their first alerts."""
    by_service: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.service:
            by_service[plain(alert.service)].append(alert)
    if not by_service:
        return []
    begun = min(alert.at for several in by_service.values() for alert in several)
    explains: dict[str, list[tuple[str, int]]] = defaultdict(list)
    explained: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for service in by_service:
        for name, steps in graph.reached(service).items():
            if name != service and name in by_service:
                explains[service].append((name, steps))
                explained[name].append((service, steps))
    found = [
        _candidate(service, by_service, explains[service], explained[service], changes, begun) for service in by_service
    ]
    return sorted(found, key=lambda one: -one.weight)


def _candidate(
    service: str,
    by_service: dict[str, list[Alert]],
    explains: list[tuple[str, int]],
    explained: list[tuple[str, int]],
    changes: Sequence[Change],
    begun: int,
) -> Candidate:
    """`explains` are the others to which its trouble comes, `explained` those whose trouble comes to it, each with the steps between."""
    others = [name for name in by_service if name != service]
    mine = by_service[service]
    many = max(1, len(others))
    weight = (_share(explains) - _share(explained)) / many
    because: list[str] = []
    if explains:
        because.append(f"its trouble comes to {', '.join(sorted(name for name, _ in explains))}")
    if explained:
        because.append(f"it suffers from {', '.join(sorted(name for name, _ in explained))}")
    kinds = {alert.name: _nature(alert.name) for alert in mine}
    weight += max(kinds.values())
    because += [f"{name} is near a cause" for name, kind in sorted(kinds.items()) if kind > 0]
    because += [f"{name} is what a sufferer shows" for name, kind in sorted(kinds.items()) if kind < 0]
    first = min(alert.at for alert in mine)
    before = [each for each in changes if plain(each.service) == service and 0 <= first - each.at <= CHANGE_S * SECOND]
    if before:
        weight += CHANGED
        because.append(f"{before[-1].id} changed it {(first - before[-1].at) // SECOND} s before its first alert")
    if others and first == begun and any(alert.at > begun for name in others for alert in by_service[name]):
        weight += FIRST
        because.append("it alerted first")
    return Candidate(min(mine, key=lambda alert: alert.at).service, weight, tuple(because))


def _share(found: list[tuple[str, int]]) -> float:
    return sum(0.5 ** (steps - 1) for _, steps in found)


def _nature(name: str) -> float:
    said = words(name)
    if said[:1] == ("no",) or _SILENT & set(said):
        return QUIET
    return NEAR if _CAUSES & set(said) else 0.0
