"""Grounds: what a conclusion's confidence rests on, whatever kind of conclusion it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from processors.analyst.categories import Diagnosis
from processors.analyst.extent import Extent
from processors.analyst.facts import Facts
from processors.analyst.findings import Findings
from processors.analyst.noise import ENOUGH, Sign
from processors.analyst.suspects import NAMED, Suspect
from processors.analyst.verdict import Ruling

KINDS = 3
"""From so many independent kinds of evidence beside the first on, more add nothing."""
OBJECTIONS = 2
"""So many contradictions are as bad as it gets."""
CULPRIT_CEILING = 0.95
"""Only with a fresh commit that last changed the line of the culprit frame."""
CEILING = 0.90
TIME_ONLY_CEILING = 0.50
"""A change that is blamed for when it came and what it changed, with no path from it to the fault."""
UNKNOWN_CEILING = 0.35
BLIND_CEILING = 0.50
"""Where tools were asked and none answered."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Each from 0 to 1. `margin`: how far the first hypothesis stands before the second; `kinds`: how many independent kinds of evidence agree on
    it; `path`: whether something ties the cause to the fault, rather than nearness alone; `against`: what contradicts it; `unseen`: what did
    not answer; `unnamed`: no text, change or place names a cause. `ceiling`: what its weakest kind of evidence allows at most."""

    margin: float
    kinds: float
    path: float
    against: float
    unseen: float = 0.0
    unnamed: float = 0.0
    ceiling: float = CEILING

    def values(self) -> tuple[float, ...]:
        """What is weighed, in the order of the fields."""
        return (self.margin, self.kinds, self.path, self.against, self.unseen, self.unnamed)


def grounds_of(
    facts: Facts, diagnosis: Diagnosis, extent: Extent, suspects: Sequence[Suspect], culprit: Suspect | None, signs: Sequence[Sign],
    ruling: Ruling, findings: Findings,
) -> Grounds:  # fmt: skip
    """Of the conclusion that follows from these."""
    found = _grounds(facts, diagnosis, extent, suspects, culprit, signs, ruling, findings)
    blind = bool(facts.failed) and not facts.answered
    return replace(found, ceiling=min(found.ceiling, BLIND_CEILING)) if blind else found


def _grounds(
    facts: Facts, diagnosis: Diagnosis, extent: Extent, suspects: Sequence[Suspect], culprit: Suspect | None, signs: Sequence[Sign],
    ruling: Ruling, findings: Findings,
) -> Grounds:  # fmt: skip
    unseen = min(1.0, len(facts.failed) / 3)
    if ruling.verdict == "noise":
        return _of_noise(signs, extent, ruling, findings, unseen)
    against = int(extent.corroborated is False) + int(ruling.lowered_from is not None)
    if culprit is not None:
        return _of_change(diagnosis, suspects, culprit, against, unseen)
    if findings.ranking and findings.ranking[0][1] > 0:
        agreed, differ = findings.votes
        second = findings.ranking[1][1] if len(findings.ranking) > 1 else 0.0
        path = float(findings.first == findings.scene.origin)
        margin = _margin(findings.ranking[0][1], second)
        return Grounds(margin, _kinds(agreed), path, _objections(against + differ), unseen)
    margin = _margin(diagnosis.weight, diagnosis.others[0][1] if diagnosis.others else 0.0)
    if suspects:
        # That it was none of them is the surer the further the best of them is from being named.
        near = max((each.score for each in suspects if each.ruled_out is None), default=0.0)
        none = max(0.0, 1 - near / NAMED)
        margin = min(margin, none) if diagnosis.matches else none
    unnamed = float(diagnosis.category == "unknown")
    ceiling = UNKNOWN_CEILING if unnamed else CEILING
    direct = float(diagnosis.direct)
    return Grounds(margin, _kinds(diagnosis.kinds), direct, _objections(against), unseen, unnamed, ceiling)


def _of_change(
    diagnosis: Diagnosis, suspects: Sequence[Suspect], culprit: Suspect, against: int, unseen: float
) -> Grounds:
    others = [each.weight for each in suspects if each is not culprit and each.ruled_out is None]
    margin = _margin(max(culprit.weight, culprit.score), max(others, default=0.0))
    tied = culprit.touches_trace
    ceiling = CULPRIT_CEILING if culprit.touches_culprit else CEILING if tied else TIME_ONLY_CEILING
    return Grounds(margin, _kinds(diagnosis.kinds), float(tied), _objections(against), unseen, ceiling=ceiling)


def _of_noise(signs: Sequence[Sign], extent: Extent, ruling: Ruling, findings: Findings, unseen: float) -> Grounds:
    """That nothing is broken: by how much the signs outweigh what is enough, how many they are, and whether any is not its own words."""
    weight = sum(sign.weight for sign in signs)
    against = int(extent.corroborated is True) + int(bool(findings.full)) + int(ruling.lowered_from is not None)
    seen = float(any(not sign.own for sign in signs))
    margin = max(0.0, min(1.0, weight / ENOUGH - 0.5))
    return Grounds(margin, _kinds(len(signs)), seen, _objections(against), unseen)


def _margin(first: float, second: float) -> float:
    return max(0.0, min(1.0, (first - second) / first)) if first > 0 else 0.0


def _kinds(count: int) -> float:
    return min(1.0, max(0, count - 1) / KINDS)


def _objections(count: int) -> float:
    return min(1.0, count / OBJECTIONS)
