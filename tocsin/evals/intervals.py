"""Intervals: how far the true value may lie from what so few cases show."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

Z = 1.959963984540054
"""Of a two-sided interval of 95 per cent."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 per cent interval and the number of cases it rests on."""

    value: float
    low: float
    high: float
    cases: int


def share(hits: int, cases: int) -> Interval:
    """Of a proportion, by Wilson's score (E. B. Wilson, Journal of the American Statistical Association 22, 1927): sensible for few cases
    and for proportions of 0 and 1."""
    if cases == 0:
        return Interval(0.0, 0.0, 1.0, 0)
    part = hits / cases
    middle = (part + Z * Z / (2 * cases)) / (1 + Z * Z / cases)
    half = Z / (1 + Z * Z / cases) * sqrt(part * (1 - part) / cases + Z * Z / (4 * cases * cases))
    return Interval(part, max(0.0, min(part, middle - half)), min(1.0, max(part, middle + half)), cases)


def mean(values: Sequence[float], *, low: float = 0.0, high: float = 1.0) -> Interval:
    """Of a mean of values between `low` and `high`, by the normal approximation."""
    if not values:
        return Interval(low, low, high, 0)
    middle = fmean(values)
    if len(values) == 1:
        return Interval(middle, low, high, 1)
    half = Z * stdev(values) / sqrt(len(values))
    return Interval(middle, max(low, middle - half), min(high, middle + half), len(values))
