"""Shifts: when a series left its usual level and stayed away, by a two-sided cumulative sum of robust deviations.

Page's CUSUM (E. S. Page, Continuous inspection schemes, Biometrika 41, 1954) over deviations from the median of an early, healthy
part, in units of its median absolute deviation: a step is found within a few points, a slow rise where it began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from processors.evidence.values import Series

ALLOWANCE = 1.5
"""Deviations up to this many sigmas are ordinary."""
ALARM = 12.0
"""The sum of what exceeds the allowance, from which it is a shift."""
CAP = 8.0
"""No single point counts for more than this: one outlier is no shift."""
LEAST_CHANGE = 0.10
"""A shift changes the level by at least this part of it."""
HEALTHY = 0.25
"""The part of a series without known healthy values that is taken as healthy, at least `FEWEST` points."""
FEWEST = 4
TOGETHER = 0.8
"""A correlation from which two series move together."""
STEADY, GROWN = 0.8, 1.4
"""A rank correlation with time from which a series goes one way, and the factor from its first third to its last from which that is
a shift."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A level that changed. `at` is where it began to leave, `before` and `after` the medians, `sigmas` how far they are apart in
    units of the usual noise; `lasting` whether it is still away at the end."""

    series: Series
    at: int
    before: float
    after: float
    sigmas: float
    lasting: bool
    peak: float

    @property
    def up(self) -> bool:
        """Whether it rose."""
        return self.after > self.before

    @property
    def factor(self) -> float:
        """How many times the level before; at least 1, also for a fall."""
        low, high = sorted((abs(self.before), abs(self.after)))
        return high / low if low > 0 else float("inf")


def usual(values: tuple[float, ...]) -> tuple[float, float]:
    """Median and robust standard deviation, never less than a hundredth of the level."""
    middle = median(values)
    spread = 1.4826 * median(abs(value - middle) for value in values)
    if spread == 0:
        spread = sum(abs(value - middle) for value in values) / len(values)
    return middle, max(spread, 0.01 * abs(middle), 1e-9)


def shift_of(series: Series, *, healthy_until: int | None = None) -> Shift | None:
    """The first lasting shift of a series, or one that came and went; None when it stays where it was.

    `healthy_until`: what came before that moment is taken as healthy, where there are enough points of it."""
    values = series.values
    if not values:
        return None
    begin = 0
    if len(series.normal) >= FEWEST:
        healthy = series.normal
    else:
        count = sum(at < healthy_until for at in series.times) if healthy_until is not None else 0
        if count < FEWEST:
            count = max(FEWEST, round(len(values) * HEALTHY))
        if len(values) < count + 2:
            return None
        healthy, begin = values[:count], 0 if healthy_until is None else count
    middle, sigma = usual(healthy)
    found = _first(values, middle, sigma, begin)
    if found is None:
        return None if series.normal else _rise(series) or _early(series)
    tail = values[found:]
    after = median(tail)
    peak = max(tail, key=lambda value: abs(value - middle))
    away = [abs(value - middle) > max(3 * sigma, LEAST_CHANGE * abs(middle)) for value in tail]
    lasting = sum(away[-3:]) * 2 > len(away[-3:])
    if not lasting:
        gone = [value for value, is_away in zip(tail, away, strict=True) if is_away]
        if len(gone) < 2:
            return None
        after = median(gone)
    if abs(after - middle) < max(3 * sigma, LEAST_CHANGE * abs(middle)):
        return None
    return Shift(series, series.times[found], middle, after, abs(after - middle) / sigma, lasting, peak)


def _rise(series: Series) -> Shift | None:
    """A level that rises or falls all along, so that no part of it is healthy: by Spearman's rank correlation with time."""
    values, third = series.values, len(series.values) // 3
    if third < 3 or abs(_with_time(values)) < STEADY:
        return None
    before, after = median(values[:third]), median(values[-third:])
    low, high = sorted((abs(before), abs(after)))
    if low == 0 or high / low < GROWN:
        return None
    spread = median(abs(one - other) for one, other in pairwise(values))
    sigmas = abs(after - before) / max(1.4826 * spread, 0.01 * low)
    return Shift(series, series.times[0], before, after, sigmas, True, max(values) if after > before else min(values))


def _early(series: Series) -> Shift | None:
    """A level that changed so early that the first points are all there is of the one before."""
    values = series.values
    for first in range(1, max(2, round(len(values) * HEALTHY)) + 1):
        rest = values[first:]
        if len(rest) < 2 * FEWEST:
            return None
        after, sigma = usual(rest)
        before = median(values[:first])
        low, high = sorted((abs(before), abs(after)))
        if low > 0 and high / low >= GROWN and all(abs(value - after) > 4 * sigma for value in values[:first]):
            return Shift(series, series.times[first], before, after, abs(after - before) / sigma, True, max(rest))
    return None


def _with_time(values: tuple[float, ...]) -> float:
    """Spearman's rank correlation of the values with their places."""
    count = len(values)
    order = sorted(range(count), key=lambda index: (values[index], index))
    ranks = [0] * count
    for rank, index in enumerate(order):
        ranks[index] = rank
    squares = sum((ranks[index] - index) ** 2 for index in range(count))
    return 1 - 6 * squares / (count * (count * count - 1))


def moves_with(series: Series, others: Sequence[Series]) -> list[tuple[Series, float]]:
    """Other series of the same times that move with it or against it, with Pearson's correlation, the strongest first."""
    found: list[tuple[Series, float]] = []
    for other in others:
        if (
            other is series
            or other.times != series.times
            or len(set(other.values)) < FEWEST
            or len(other.values) < 3 * FEWEST
        ):
            continue
        together = correlation(series.values, other.values)
        if abs(together) >= TOGETHER:
            found.append((other, together))
    return sorted(found, key=lambda each: (-abs(each[1]), each[0].metric))


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's, 0 where one of them never changes."""
    first, second = fmean(one), fmean(other)
    both = sum((a - first) * (b - second) for a, b in zip(one, other, strict=True))
    spread = (sum((a - first) ** 2 for a in one) * sum((b - second) ** 2 for b in other)) ** 0.5
    return both / spread if spread > 0 else 0.0


def _first(values: tuple[float, ...], middle: float, sigma: float, begin: int) -> int | None:
    """Where the sum that first alarms, of rises or of falls, left zero."""
    found = [_left(values, middle, sign * sigma, begin) for sign in (1.0, -1.0)]
    return min((each for each in found if each is not None), default=None)


def _left(values: tuple[float, ...], middle: float, sigma: float, begin: int) -> int | None:
    total, left = 0.0, begin
    for index in range(begin, len(values)):
        if total == 0.0:
            left = index
        total = max(0.0, total + min(CAP, (values[index] - middle) / sigma) - ALLOWANCE)
        if total >= ALARM:
            return _begun([(value - middle) / sigma for value in values[left : index + 1]]) + left
    return None


def _begun(deviations: Sequence[float]) -> int:
    """Where the run began that led to the alarm, walking back from its end over points beyond the allowance, and over one that is not
    between two that are: what the sum took along of ordinary noise before is left out."""
    place = len(deviations) - 1
    while place > 0:
        if deviations[place - 1] >= ALLOWANCE:
            place -= 1
        elif place > 1 and deviations[place - 2] >= ALLOWANCE:
            place -= 2
        else:
            break
    return place
