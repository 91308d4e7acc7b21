"""Calibration: whether what is concluded with a confidence of 0.8 is right eight times in ten."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

EDGES = (0.0, 0.3, 0.5, 0.7, 0.9, 1.01)


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases whose confidence lies in [low, high): how sure they were, how often right."""

    low: float
    high: float
    cases: int
    said: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """`brier` is the mean squared distance of confidence from outcome (0 is perfect, 0.25 that of always saying one half);
    `gap` the mean distance of what was said from what came true, over the bins, weighed by their cases."""

    cases: int
    brier: float
    gap: float
    bins: tuple[Bin, ...]


def calibration(pairs: Iterable[tuple[float, bool]]) -> Calibration | None:
    """Of (confidence, whether it was right); None without any."""
    known: Sequence[tuple[float, bool]] = list(pairs)
    if not known:
        return None
    bins: list[Bin] = []
    for low, high in itertools.pairwise(EDGES):
        held = [(said, right) for said, right in known if low <= said < high]
        if held:
            bins.append(
                Bin(low, min(high, 1.0), len(held), fmean(said for said, _ in held), fmean(right for _, right in held))
            )
    gap = sum(each.cases * abs(each.said - each.right) for each in bins) / len(known)
    return Calibration(len(known), fmean((said - right) ** 2 for said, right in known), gap, tuple(bins))
