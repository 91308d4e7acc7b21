"""The second look: what was placed alert by alert is asked again when its neighbours in time are known.

Each alert hears the others around it: they speak for their incident, the louder the nearer they are in time and the more they have in common.
It moves where another incident is clearly louder than its own.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rules.correlation.graph import Graph
from rules.correlation.names import plain
from rules.correlation.values import Alert
from schemas.time import SECOND


@dataclass(frozen=True, slots=True)
class Hearing:
    """How much each thing counts in a second look."""

    around_s: int = 600
    fades_s: int = 300
    any: float = 0.1
    same: float = 1.0
    service: float = 0.5
    near: float = 0.5
    alone: float = 0.1
    """How loud an alert is to itself, so that one alone does not go to whatever else there is."""
    clearly: float = 1.5
    """How much louder than its own another incident must be."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An alert that is of another incident than was decided first."""

    alert: str
    was: str
    now: str


def heard(alert: Alert, others: Sequence[tuple[Alert, str]], own: str, graph: Graph, hearing: Hearing) -> str:
    """The incident to which an alert belongs by those around it, each with its own; the one that it is of, `own`, unless another is clearly
    louder."""
    loud: dict[str, float] = defaultdict(float, {own: hearing.alone})
    for other, incident in others:
        if other.id != alert.id and abs(alert.at - other.at) <= hearing.around_s * SECOND:
            loud[incident] += _voice(alert, other, graph, hearing)
    return _loudest(loud, own, hearing)


def second_look(
    alerts: Sequence[Alert], placed: Mapping[str, str], graph: Graph, hearing: Hearing | None = None
) -> list[Moved]:
    """What moves among `alerts`, in the order of their times; `placed` is alert to incident, background left out."""
    ways = hearing or Hearing()
    known = [alert for alert in alerts if alert.id in placed]
    now = {alert.id: placed[alert.id] for alert in known}
    voices = _voices(known, graph, ways)
    for number, alert in enumerate(known):
        now[alert.id] = _heard(now, alert.id, voices[number], ways)
    return [Moved(one.id, placed[one.id], now[one.id]) for one in known if placed[one.id] != now[one.id]]


def _heard(now: Mapping[str, str], alert: str, voices: Sequence[tuple[str, float]], ways: Hearing) -> str:
    own = now[alert]
    loud: dict[str, float] = defaultdict(float, {own: ways.alone})
    for other, voice in voices:
        loud[now[other]] += voice
    return _loudest(loud, own, ways)


def _loudest(loud: Mapping[str, float], own: str, ways: Hearing) -> str:
    best = max(loud, key=lambda name: loud[name])
    return best if loud[best] > ways.clearly * loud[own] else own


def _voice(one: Alert, other: Alert, graph: Graph, ways: Hearing) -> float:
    """How loud two alerts are to each other."""
    mine, theirs = plain(one.service), plain(other.service)
    common = ways.any
    if mine == theirs and one.name == other.name:
        common += ways.same
    elif mine and mine == theirs:
        common += ways.service
    elif mine and theirs and graph.apart(mine, theirs) == 1:
        common += ways.near
    return common * math.exp(-abs(one.at - other.at) / SECOND / ways.fades_s)


def _voices(alerts: Sequence[Alert], graph: Graph, ways: Hearing) -> list[list[tuple[str, float]]]:
    """For each alert the others around it with how loud each is to it."""
    found: list[list[tuple[str, float]]] = [[] for _ in alerts]
    first = 0
    for this, alert in enumerate(alerts):
        while alert.at - alerts[first].at > ways.around_s * SECOND:
            first += 1
        for that in range(first, this):
            other = alerts[that]
            voice = _voice(alert, other, graph, ways)
            found[this].append((other.id, voice))
            found[that].append((alert.id, voice))
    return found
