"""What a window's signals come to as one number: how many, how many different, their sum, mean, extremes, a percentile."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from rules.match.said import Kind

Measure = Callable[[Sequence[Any]], float]
"""The number for the values of the signals in a window, of which there is at least one."""


def measure_of(kind: Kind, percent: float | None = None, *, interpolate: bool = False) -> Measure:
    """How a kind of window is measured; counts need no values, only their number."""
    match kind:
        case "distinct":
            return _distinct
        case "sum":
            return math.fsum
        case "avg":
            return _mean
        case "min":
            return min
        case "max":
            return max
        case "percentile":
            return _between(percent or 100.0) if interpolate else _percentile(percent or 100.0)
    return len


def number_of(value: Any) -> float | None:
    """A value that can be added and ordered; None for what is none, and for infinities."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _distinct(values: Sequence[Any]) -> float:
    return len(set(values))


def _mean(values: Sequence[Any]) -> float:
    return math.fsum(values) / len(values)


def _percentile(percent: float) -> Measure:
    """By nearest rank: the smallest value that at least so many percent of them do not exceed."""

    def measured(values: Sequence[Any]) -> float:
        rank = math.ceil(percent * len(values) / 100)
        found: float = sorted(values)[max(rank, 1) - 1]
        return found

    return measured


def _between(percent: float) -> Measure:
    """By linear interpolation between the two nearest ranks: of an even number of values, the median is the mean of the middle ones."""

    def measured(values: Sequence[Any]) -> float:
        ordered, place = sorted(values), percent * (len(values) - 1) / 100
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        found: float = ordered[below] + (place - below) * (ordered[above] - ordered[below])
        return found

    return measured


def without_repeats(times: list[int], values: list[Any], before: int) -> None:
    """Let go of values that came again by `before`: no window that ends there or later has the first one without the second."""
    old = bisect_left(times, before)
    kept_times, kept_values, seen = [], [], set()
    for index in range(old - 1, -1, -1):
        if values[index] not in seen:
            seen.add(values[index])
            kept_times.append(times[index])
            kept_values.append(values[index])
    times[:old] = kept_times[::-1]
    values[:old] = kept_values[::-1]
