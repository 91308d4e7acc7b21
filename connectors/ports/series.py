"""A series of numbers over time read as a person would: did its level shift, is there a trend, when did it leave what was usual.

Pure and robust (medians and median deviations): a few wild points change nothing. Times are microseconds, values what the remote said.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Literal, NamedTuple

from pydantic import Field

from connectors.ports.asking import Answer
from schemas.time import SECOND, to_rfc3339

Direction = Literal["up", "down"]
Shape = Literal["empty", "flat", "noisy", "shift", "trend", "anomaly"]
FEWEST = 6
"""Points below which nothing is said about shifts and trends."""
_SHIFT = 4.0
_ANOMALY = 5.0
_LARGEST = 1e100
"""Beyond it squares overflow; no measure means it."""
_NORMAL = 1.4826
"""Median deviation to standard deviation of a normal distribution."""


class Point(NamedTuple):
    """One value; missing ones (NaN, infinite) are left out before."""

    at: int
    value: float


class LevelShift(Answer):
    """The moment that parts the series best into a before and an after. `score` is the difference in usual deviations."""

    at: str
    after_start_s: float = Field(description="Seconds after the incident's start; negative before it")
    before: float
    after: float
    ratio: float | None = Field(description="after / before; null when before is 0")
    direction: Direction
    score: float


class Trend(Answer):
    """A steady rise or fall. `fit` is the share of the variance the line explains."""

    per_hour: float
    direction: Direction
    fit: float


class Anomaly(Answer):
    """The stretch that left what was usual before: where the first of its points is, its peak, and whether it has ended."""

    begins: str
    after_start_s: float = Field(description="Seconds after the incident's start; negative before it")
    ends: str | None = Field(description="null: it has not come back")
    usual: float
    peak: float
    peak_at: str
    direction: Direction
    score: float


class Reading(Answer):
    """What a series says. `shape` is the strongest thing to say about it, `says` that in words."""

    shape: Shape
    says: str
    points: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    first: float | None = None
    last: float | None = None
    shift: LevelShift | None = None
    trend: Trend | None = None
    anomaly: Anomaly | None = None


def read(points: Sequence[Point], start: int) -> Reading:
    """The reading of points in order of time, looked at from the incident's start."""
    points = [each for each in points if abs(each.value) <= _LARGEST]
    if not points:
        return Reading(shape="empty", says="no points", points=0)
    values = [each.value for each in points]
    shift = level_shift(points, start) if len(points) >= FEWEST else None
    line = trend(points) if len(points) >= FEWEST else None
    odd = anomaly(points, start) if len(points) >= FEWEST else None
    if line is not None and shift is not None:
        # A ramp has a best split too; a line that explains nearly all of it says more.
        shift, line = (None, line) if line.fit > _step_fit(points) else (shift, None)
    shape: Shape
    if shift is not None:
        shape = "shift"
    elif odd is not None:
        shape = "anomaly"
    elif line is not None:
        shape = "trend"
    else:
        shape = "flat" if _flat(values) else "noisy"
    return Reading(
        shape=shape,
        says=_says(shape, values, shift, line, odd),
        points=len(points),
        minimum=_short(min(values)),
        maximum=_short(max(values)),
        mean=_short(fmean(values)),
        first=_short(values[0]),
        last=_short(values[-1]),
        shift=shift,
        trend=line,
        anomaly=odd,
    )


def level_shift(points: Sequence[Point], start: int) -> LevelShift | None:
    """The split that leaves the least squared error, when both sides are long enough and differ by more than they vary."""
    values = [each.value for each in points]
    cut = _best_cut(values)
    if cut is None:
        return None
    before, after = values[:cut], values[cut:]
    old, new = median(before), median(after)
    spread = math.sqrt((_spread(before) ** 2 * len(before) + _spread(after) ** 2 * len(after)) / len(values))
    score = abs(new - old) / _floor(spread, values)
    if score < _SHIFT or abs(new - old) <= 0.05 * max(abs(old), abs(new)):
        return None
    at = points[cut].at
    return LevelShift(
        at=to_rfc3339(at),
        after_start_s=round((at - start) / SECOND, 1),
        before=_short(old),
        after=_short(new),
        ratio=_short(new / old) if old else None,
        direction="up" if new > old else "down",
        score=round(min(score, 1e6), 1),
    )


def trend(points: Sequence[Point]) -> Trend | None:
    """The least-squares line, when it explains more than 70 % and moves the value by a tenth of its size."""
    hours = [(each.at - points[0].at) / SECOND / 3600 for each in points]
    values = [each.value for each in points]
    slope, fit = _line(hours, values)
    moved = abs(slope) * (hours[-1] - hours[0])
    if fit < 0.7 or moved < 0.1 * max(abs(median(values)), 1e-12):
        return None
    return Trend(per_hour=_short(slope), direction="up" if slope > 0 else "down", fit=round(fit, 3))


def anomaly(points: Sequence[Point], start: int) -> Anomaly | None:
    """The first stretch that leaves the band of what came before the start (of the first half, when little did): two points in a row,
    or one that is far out."""
    usual_points = [each.value for each in points if each.at < start]
    if not FEWEST <= len(usual_points) < len(points):
        usual_points = [each.value for each in points[: max(FEWEST, len(points) // 2)]]
    # A rise may begin before the incident is noticed: the usual is taken from the quieter part before it.
    usual_points = usual_points[: max(FEWEST, round(len(usual_points) * 0.8))]
    usual = median(usual_points)
    spread = _floor(_spread(usual_points), usual_points)
    scores = [(each.value - usual) / spread for each in points]
    stretch = _first_stretch(scores)
    if stretch is None:
        return None
    first, end = stretch
    peak = max(range(first, end), key=lambda index: abs(scores[index]))
    return Anomaly(
        begins=to_rfc3339(points[first].at),
        after_start_s=round((points[first].at - start) / SECOND, 1),
        ends=to_rfc3339(points[end].at) if end < len(points) else None,
        usual=_short(usual),
        peak=_short(points[peak].value),
        peak_at=to_rfc3339(points[peak].at),
        direction="up" if scores[peak] > 0 else "down",
        score=round(min(abs(scores[peak]), 1e6), 1),
    )


def _first_stretch(scores: Sequence[float]) -> tuple[int, int] | None:
    out = [abs(score) >= _ANOMALY for score in scores]
    for index, outside in enumerate(out):
        again = index + 1 < len(out) and out[index + 1] and (scores[index] > 0) == (scores[index + 1] > 0)
        if outside and (again or abs(scores[index]) >= 2 * _ANOMALY):
            end = index + 1
            # One quiet point does not end it.
            while end < len(out) and (out[end] or (end + 1 < len(out) and out[end + 1])):
                end += 1
            return index, end
    return None


def _best_cut(values: Sequence[float]) -> int | None:
    least = max(3, len(values) // 20)
    total, best, cut = math.fsum(values), -1.0, None
    so_far = 0.0
    for index, value in enumerate(values[:-1], 1):
        so_far += value
        if least <= index <= len(values) - least:
            rest = len(values) - index
            gain = index * rest / len(values) * (so_far / index - (total - so_far) / rest) ** 2
            if gain > best:
                best, cut = gain, index
    return cut


def _step_fit(points: Sequence[Point]) -> float:
    """The share of the variance that the best split explains."""
    values = [each.value for each in points]
    cut = _best_cut(values)
    whole = math.fsum((value - fmean(values)) ** 2 for value in values)
    if cut is None or whole <= 0:
        return 0.0
    sides = (values[:cut], values[cut:])
    rest = math.fsum((value - fmean(side)) ** 2 for side in sides for value in side)
    return 1 - rest / whole


def _line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """(slope, share of the variance explained)."""
    mean_x, mean_y = fmean(xs), fmean(ys)
    wide = math.fsum((x - mean_x) ** 2 for x in xs)
    high = math.fsum((y - mean_y) ** 2 for y in ys)
    if wide <= 0 or high <= 0:
        return 0.0, 0.0
    both = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return both / wide, min(1.0, both * both / (wide * high))


def _spread(values: Sequence[float]) -> float:
    """Usual deviation from the median; of values mostly alike, the mean deviation, which the few others still show in."""
    middle = median(values)
    deviations = [abs(value - middle) for value in values]
    return _NORMAL * median(deviations) or fmean(deviations)


def _floor(spread: float, values: Sequence[float]) -> float:
    """Never nothing: a value that hardly moves may move by a hundredth of its size without meaning."""
    return max(spread, 0.01 * abs(median(values)), 1e-9)


def _flat(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= 0.1 * max(abs(median(values)), 1e-12)


def _short(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")


def _says(
    shape: Shape, values: Sequence[float], shift: LevelShift | None, line: Trend | None, odd: Anomaly | None
) -> str:
    if shape == "shift" and shift is not None:
        times = f" (x{shift.ratio:.3g})" if shift.ratio is not None and shift.ratio > 0 else ""
        word = "rose" if shift.direction == "up" else "fell"
        said = f"{word} from {shift.before:.4g} to {shift.after:.4g}{times} at {shift.at}, {_when(shift.after_start_s)}"
    elif shape == "anomaly" and odd is not None:
        ended = f", back since {odd.ends}" if odd.ends else ", not back yet"
        said = f"left its usual {odd.usual:.4g} at {odd.begins}, {_when(odd.after_start_s)}, peak {odd.peak:.4g} at {odd.peak_at}{ended}"
    elif shape == "trend" and line is not None:
        said = f"{'rises' if line.direction == 'up' else 'falls'} by {abs(line.per_hour):.4g} an hour, from {values[0]:.4g} to {values[-1]:.4g}"
    elif shape == "flat":
        said = f"flat at {median(values):.4g}"
    else:
        said = f"varies between {min(values):.4g} and {max(values):.4g}, no shift or trend"
    return said


def _when(after_start_s: float) -> str:
    side = "before" if after_start_s < 0 else "after"
    return f"{abs(after_start_s):g} s {side} the start"
