"""Whether two series move together, and which of them moves first."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from pydantic import Field

from connectors.ports.asking import Answer
from connectors.ports.series import Point
from schemas.time import SECOND

STRONG = 0.8
MOST_LAG = 10
"""Steps of the grid by which one may follow the other."""
FEWEST = 12


class MovesTogether(Answer):
    """Two series that move together. A positive `lag_s`: `second` follows `first` by so much."""

    first: str
    second: str
    correlation: float = Field(description="Pearson's, -1 to 1, at the lag where it is strongest")
    lag_s: float


def together(
    series: Mapping[str, Sequence[Point]], step_s: float, *, lead: str | None = None, limit: int = 10
) -> tuple[MovesTogether, ...]:
    """Pairs that move together, the strongest first; with `lead`, pairs with that series alone. Series lie on one grid of `step_s`."""
    names = list(series)
    pairs = [
        (one, other)
        for index, one in enumerate(names)
        for other in names[index + 1 :]
        if lead is None or lead in (one, other)
    ]
    found: list[MovesTogether] = []
    for one, other in pairs:
        best = best_lag(series[one], series[other], step_s)
        if best is not None and abs(best[0]) >= STRONG:
            correlation, lag_s = best
            first, second = (one, other) if lag_s >= 0 else (other, one)
            found.append(MovesTogether(first=first, second=second, correlation=round(correlation, 3), lag_s=abs(lag_s)))
    found.sort(key=lambda each: (-abs(each.correlation), each.first, each.second))
    return tuple(found[:limit])


def best_lag(one: Sequence[Point], other: Sequence[Point], step_s: float) -> tuple[float, float] | None:
    """(correlation, by how many seconds `other` follows `one`) where the correlation is strongest; of equals, the shortest lag."""
    step = max(1, round(step_s * SECOND))
    left = {round(each.at / step): each.value for each in one}
    right = {round(each.at / step): each.value for each in other}
    best: tuple[float, int] | None = None
    for lag in sorted(range(-MOST_LAG, MOST_LAG + 1), key=abs):
        shared = [(value, right[at + lag]) for at, value in left.items() if at + lag in right]
        if len(shared) < FEWEST:
            continue
        correlation = pearson([a for a, _ in shared], [b for _, b in shared])
        if correlation is not None and (best is None or abs(correlation) > abs(best[0]) + 0.001):
            best = (correlation, lag)
    return None if best is None else (best[0], best[1] * step_s)


def pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """None when one of them does not vary."""
    mean_x, mean_y = fmean(xs), fmean(ys)
    wide = math.fsum((x - mean_x) ** 2 for x in xs)
    high = math.fsum((y - mean_y) ** 2 for y in ys)
    if wide <= 0 or high <= 0:
        return None
    both = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return both / math.sqrt(wide * high)
