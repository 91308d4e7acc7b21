"""Which services go down together, learnt from past episodes of trouble.

An episode is a stretch in which incidents opened with no long gap between them. The measure is Jaccard's: of the episodes in which either of two services
had an incident, the share in which both did.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from schemas.spans import UNITS

Past = dict[str, Any]
"""`episodes`, the services of each; `alone` and `both`, in how many of them a service, and a pair, is."""
GAP = 4 * UNITS["m"]
"""Nothing for so long, and the next one is another episode."""
EPISODES, SERVICES = 200, 12
"""So many past episodes, and services of one, are remembered: the latest, and the first."""
LEAST, MEASURE = 3, 0.5
_SEP = "\x1f"


def no_past() -> Past:
    return {"episodes": [], "alone": {}, "both": {}}


def remember(past: Past, services: Sequence[str]) -> int:
    """Take in an episode that is over; returns how many were forgotten for it."""
    over = 0
    while len(past["episodes"]) >= EPISODES:
        _count(past, past["episodes"].pop(0), -1)
        over += 1
    episode = sorted(services)[:SERVICES]
    past["episodes"].append(episode)
    _count(past, episode, 1)
    return over


def together(past: Past | None, one: str, other: str) -> tuple[int, int] | None:
    """In how many episodes both were, and in how many either was, where that makes them neighbours."""
    if past is None:
        return None
    both = past["both"].get(_SEP.join(sorted((one, other))), 0)
    either = past["alone"].get(one, 0) + past["alone"].get(other, 0) - both
    return (both, either) if both >= LEAST and both >= MEASURE * either else None


def partners(past: Past | None) -> Mapping[str, frozenset[str]]:
    """Of each service those that are neighbours of it by what was learnt."""
    found: dict[str, set[str]] = {}
    for pair, both in past["both"].items() if past is not None else ():
        if both >= LEAST:
            one, _, other = pair.partition(_SEP)
            if together(past, one, other) is not None:
                found.setdefault(one, set()).add(other)
                found.setdefault(other, set()).add(one)
    return {name: frozenset(others) for name, others in found.items()}


def _count(past: Past, episode: Sequence[str], number: int) -> None:
    pairs = (_SEP.join(pair) for pair in combinations(episode, 2))
    for counts, names in ((past["alone"], episode), (past["both"], pairs)):
        for name in names:
            left = counts.get(name, 0) + number
            if left > 0:
                counts[name] = left
            else:
                counts.pop(name, None)
