"""Alternatives: what else it could be, each with what speaks for it and against it."""

from collections.abc import Iterator

from processors.analyst.categories import Diagnosis
from processors.analyst.extent import Extent
from processors.analyst.facts import Facts
from processors.analyst.findings import Findings
from processors.analyst.patterns import Category
from processors.analyst.quotes import Sources
from processors.analyst.suspects import MENTIONED, Suspect
from processors.analyst.telling import alternative, other_category
from processors.analyst.verdict import Ruling
from processors.analyst.words import clock, listed, tick
from schemas import Evidence, Hypothesis
from schemas.conclusion import Objection

MOST_PLACES = 10
SIGNS = 2
"""What speaks for a place is shown by so many signs."""
NEAR = 0.6
"""Another kind of cause speaks against the first from this part of its weight on."""
LATER_S = 60
"""A service that began to fail so much later than another is rather a victim."""


def alternatives_of(
    sources: Sources, diagnosis: Diagnosis, suspects: tuple[Suspect, ...], culprit: Suspect | None, findings: Findings,
    confidence: float,
) -> tuple[Hypothesis, ...]:  # fmt: skip
    """Changes that are not named, other kinds of cause, other places where it may have begun; the likelier of each first."""
    left = round(1.0 - confidence, 4)
    found: list[Hypothesis] = []
    for suspect in suspects:
        if suspect is not culprit and suspect.ruled_out is None and suspect.score >= MENTIONED and left > 0.05:
            share = round(min(left, confidence, 0.5 * suspect.score), 2)
            left -= share
            found.append(_change(sources, suspect, culprit, share))
    for category, weight in diagnosis.others:
        if left > 0.05 and weight >= 1.0:
            share = round(min(left, confidence * weight / max(weight, diagnosis.weight + weight)), 2)
            left -= share
            found.append(_kind(sources, diagnosis, category, share))
    return (*found, *_places(sources, findings, confidence))


def _change(sources: Sources, suspect: Suspect, culprit: Suspect | None, share: float) -> Hypothesis:
    says = "; ".join(suspect.for_it) or "it came before"
    proof = sources.evidence(suspect.cites, suspect.quote, f"{says[0].upper()}{says[1:]}.")
    against = []
    if not suspect.touches_trace:
        against.append(Objection(says="Nothing ties what it changed to the fault.", cites=suspect.cites))
    if culprit is not None:
        title = tick(culprit.title or culprit.id, 80)
        against.append(Objection(says=f"Another change explains it better: {title}.", cites=culprit.cites))
    return Hypothesis(
        text=alternative(suspect), confidence=share, supports=(proof,) if proof else (), against=tuple(against)
    )


def _kind(sources: Sources, diagnosis: Diagnosis, category: Category, share: float) -> Hypothesis:
    proofs = [
        each
        for match in diagnosis.rest.get(category, ())[:SIGNS]
        if (each := sources.first([(match.said.cites, match.line), (match.said.cites, match.said.quote)], _sentence(match.meaning.says)))
    ]  # fmt: skip
    weight = dict(diagnosis.others)[category]
    says = f"Less speaks for it ({weight:.1f}) than for the first ({diagnosis.weight:.1f})."
    return Hypothesis(
        text=other_category(category), confidence=share, supports=tuple(proofs), against=(Objection(says=says),)
    )


def _places(sources: Sources, findings: Findings, confidence: float) -> Iterator[Hypothesis]:
    """Where else it may have begun."""
    best = findings.ranking[0] if findings.ranking else ("", 0.0)
    for name, score in findings.ranking[1:MOST_PLACES]:
        if score > 0:
            share = round(min(0.9, confidence) * 0.5 * score / max(best[1], score), 2)
            says = f"It moved less than {tick(best[0], 60)}, all things told ({score:.2g} against {best[1]:.2g})."
            yield Hypothesis(
                text=f"It began in {tick(name, 80)}.", confidence=share, component=name, supports=_signs(sources, findings, name),
                against=(Objection(says=says),),
            )  # fmt: skip


def _signs(sources: Sources, findings: Findings, name: str) -> tuple[Evidence, ...]:
    failing = findings.scene.failing.get(name)
    signs = failing.signs[:SIGNS] if failing is not None else []
    return tuple(each for cites, quote, says in signs if (each := sources.evidence(cites, quote, _sentence(says))))


def objections(
    facts: Facts, diagnosis: Diagnosis, extent: Extent, culprit: Suspect | None, ruling: Ruling, findings: Findings
) -> Iterator[Objection]:
    """What speaks against the first hypothesis, whatever it is."""
    if ruling.lowered_from is not None:
        yield Objection(says="Nothing but its own words says that it is harmless.")
    if ruling.verdict == "noise":
        if findings.full or extent.corroborated is True:
            cites = extent.by[0] if extent.by is not None else None
            yield Objection(says="Something that was looked at does tell of trouble.", cites=cites)
        return
    if extent.corroborated is False:
        cites = extent.by[0] if extent.by is not None else None
        yield Objection(says="What else was recorded around it is well: the alert stands alone.", cites=cites)
    if diagnosis.others and diagnosis.others[0][1] > NEAR * diagnosis.weight:
        yield Objection(
            says=f"Nearly as much speaks for another kind of cause: {other_category(diagnosis.others[0][0])}"
        )
    if culprit is not None and not culprit.touches_trace:
        yield Objection(
            says="The change is near in time, and no path leads from it into the fault.", cites=culprit.cites
        )
    if culprit is None and facts.changes and not diagnosis.matches:
        yield Objection(says="No text names a cause, and none of the changes fits.")
    first = findings.scene.failing.get(findings.first or "")
    earlier = [
        each
        for each in findings.scene.failing.values()
        if first is not None and first.first is not None and each.first is not None
        and each.first < first.first - LATER_S * 1_000_000
    ]  # fmt: skip
    if earlier and first is not None and first.first is not None:
        names = listed([each.service for each in sorted(earlier, key=lambda each: each.first or 0)], 3)
        yield Objection(says=f"{names} began to fail before {tick(first.service, 60)} did, at {clock(first.first)}.")
    if facts.failed:
        names = listed(list(dict.fromkeys(step.name for step in facts.failed)), 3)
        yield Objection(says=f"Not seen: {names} did not answer.", cites=facts.failed[0].id)


def _sentence(says: str) -> str:
    return f"{says[:1].upper()}{says[1:].rstrip('.')}."
