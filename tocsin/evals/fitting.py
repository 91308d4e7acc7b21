"""Fitting: weights that turn the grounds of conclusions into how often such conclusions are right.

A logistic regression with a ridge, by Newton's method: convex, so that the same rows give the same weights.
"""

import math
from collections.abc import Sequence

ROUNDS = 50
RIDGE = 1.0
"""Pull of each weight, not of the intercept, towards zero: with few cases none is believed far."""

Row = tuple[Sequence[float], bool]


def probability(weights: Sequence[float], grounds: Sequence[float]) -> float:
    """How sure, of weights with the intercept first."""
    said = weights[0] + sum(weight * value for weight, value in zip(weights[1:], grounds, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, said))))


def fit(rows: Sequence[Row], *, ridge: float = RIDGE) -> tuple[float, ...]:
    """The intercept and a weight for each ground; `rows` are grounds and whether it was right. All zero without rows."""
    size = 1 + (len(rows[0][0]) if rows else 0)
    weights = [0.0] * size
    for _ in range(ROUNDS):
        gradient = [-ridge * weight if place else 0.0 for place, weight in enumerate(weights)]
        curvature = [
            [ridge if row == column and row else 1e-9 if row == column else 0.0 for column in range(size)]
            for row in range(size)
        ]
        for grounds, right in rows:
            values = (1.0, *grounds)
            said = probability(weights, grounds)
            for row, one in enumerate(values):
                gradient[row] += (float(right) - said) * one
                for column, other in enumerate(values):
                    curvature[row][column] += said * (1 - said) * one * other
        step = _solved(curvature, gradient)
        weights = [weight + change for weight, change in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-9:
            break
    return tuple(weights)


def _solved(matrix: list[list[float]], vector: list[float]) -> list[float]:
    """Gauss with pivots."""
    size = len(vector)
    rows = [[*line, value] for line, value in zip(matrix, vector, strict=True)]
    for place in range(size):
        pivot = max(range(place, size), key=lambda row: abs(rows[row][place]))
        rows[place], rows[pivot] = rows[pivot], rows[place]
        for row in range(size):
            if row != place and rows[place][place]:
                factor = rows[row][place] / rows[place][place]
                rows[row] = [one - factor * other for one, other in zip(rows[row], rows[place], strict=True)]
    return [rows[place][size] / rows[place][place] if rows[place][place] else 0.0 for place in range(size)]
