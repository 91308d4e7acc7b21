"""Confidence: a sum of stated parts, never beyond what its weakest kind of evidence allows."""

from collections.abc import Sequence
from dataclasses import dataclass

from processors.analyst.categories import Diagnosis
from processors.analyst.extent import Extent
from processors.analyst.facts import Facts
from processors.analyst.suspects import Suspect

BASE = 0.45
FLOOR, CEILING = 0.05, 0.90
CULPRIT_CEILING = 0.95
"""Only with a fresh commit that last changed the line of the culprit frame."""
TIME_ONLY_CEILING = 0.50
"""A change that is blamed for when it came and what it changed, with no path from it to the fault."""
UNKNOWN_CEILING = 0.35


PLACE_BASE, PLACE_MARGIN = 0.45, 0.50
"""Of where it began, by ranking alone: with no margin over the next, and what a margin as large as the score adds."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """The number, and the parts it is the sum of before limits."""

    value: float
    parts: tuple[tuple[str, float], ...]


def confidence_of(facts: Facts, diagnosis: Diagnosis, extent: Extent, culprit: Suspect | None) -> Confidence:
    """The table of docs/analyst.md."""
    parts: list[tuple[str, float]] = [("base", BASE)]
    if diagnosis.direct:
        parts.append(("the incident's own words name the kind of cause", 0.20))
    elif diagnosis.matches:
        parts.append(("words near it name the kind of cause", 0.10))
    if diagnosis.kinds > 1:
        parts.append(("independent sources agree", 0.10))
    if diagnosis.others and diagnosis.others[0][1] > 0.6 * diagnosis.weight:
        parts.append(("another kind of cause is nearly as well supported", -0.10))
    if culprit is not None:
        parts.append(("a change fits", round(0.25 * culprit.score, 3)))
        if culprit.touches_culprit:
            parts.append(("a commit last changed the line that fails", 0.15))
        elif culprit.touches_file:
            parts.append(("a commit touches the file that fails", 0.08))
    if extent.corroborated is False:
        parts.append(("nothing recorded confirms it", -0.15))
    if facts.failed:
        parts.append(("tools that did not answer", -min(0.25, 0.08 * len(facts.failed))))
    ceiling = CEILING
    if diagnosis.category == "unknown" and culprit is None:
        ceiling = UNKNOWN_CEILING
    elif culprit is not None and culprit.touches_culprit:
        ceiling = CULPRIT_CEILING
    elif culprit is not None and not culprit.touches_trace:
        ceiling = TIME_ONLY_CEILING
    total = sum(value for _, value in parts)
    return Confidence(round(max(FLOOR, min(ceiling, total)), 2), tuple(parts))


def place_of(ranking: Sequence[tuple[str, float]]) -> float:
    """How sure the first of a ranking is, by its distance from the second."""
    if not ranking or ranking[0][1] <= 0:
        return FLOOR
    second = ranking[1][1] if len(ranking) > 1 else 0.0
    margin = (ranking[0][1] - second) / ranking[0][1]
    return round(min(CULPRIT_CEILING, PLACE_BASE + PLACE_MARGIN * margin), 2)
