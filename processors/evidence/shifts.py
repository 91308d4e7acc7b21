"""Shifts: when a series left its usual level and stayed away, by a two-sided cumulative sum of robust deviations.

Page's CUSUM (E. S. Page, Continuous inspection schemes, Biometrika 41, 1954) over deviations from the median of an early, healthy
part, in units of its median absolute deviation: a step is found within a few points, a slow rise where it began.
"""

from dataclasses import dataclass
from statistics import median

from processors.evidence.values import Series

ALLOWANCE = 1.5
"""Deviations up to this many sigmas are ordinary."""
ALARM = 12.0
"""The sum of what exceeds the allowance, from which it is a shift."""
CAP = 8.0
"""No single point counts for more than this: one outlier is no shift."""
SURE = 2.5
"""A shift begins with the first point this many sigmas away: what the sum took along of ordinary noise before it is left out."""
LEAST_CHANGE = 0.10
"""A shift changes the level by at least this part of it."""
HEALTHY = 0.25
"""The part of a series without known healthy values that is taken as healthy, at least `FEWEST` points."""
FEWEST = 4


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
        return None
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
            away = (place for place in range(left, index + 1) if (values[place] - middle) / sigma >= SURE)
            return next(away, left)
    return None
