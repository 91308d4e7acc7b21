"""Confidence: how often conclusions that rest on such grounds are right.

A logistic function of the grounds. The weights were fitted on scored cases and rounded; what they are worth on suites they were not fitted on
is printed by `python -m tocsin.evals.reliability`.
"""

import math

from processors.analyst.grounds import Grounds

INTERCEPT = 1.5
MARGIN, KINDS, PATH, AGAINST = 0.7, 0.8, 0.8, -1.8
UNSEEN, UNNAMED = -1.0, -1.5
"""What each ground adds to the log-odds. The last two are too rare in the cases to be fitted: they are set."""
WEIGHTS = (INTERCEPT, MARGIN, KINDS, PATH, AGAINST, UNSEEN, UNNAMED)
FLOOR = 0.05


def confidence_of(grounds: Grounds) -> float:
    """A probability, at least `FLOOR`, at most what the weakest kind of evidence allows."""
    said = INTERCEPT + sum(weight * value for weight, value in zip(WEIGHTS[1:], grounds.values(), strict=True))
    return round(max(FLOOR, min(grounds.ceiling, 1.0 / (1.0 + math.exp(-said)))), 2)
