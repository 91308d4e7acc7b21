"""The briefing: what the records alone say, written for whoever goes on from there, a model or a person."""

from collections.abc import Iterable, Sequence

from playbooks.untrusted import line
from schemas import Conclusion, Evidence, Hypothesis
from schemas.conclusion import Objection

MOST = 6000
"""Characters at most; what does not fit is left out from the end of each list, and counted."""
HYPOTHESES, PROOFS, OTHER_PROOFS, OBJECTIONS, RULED_OUT, NEXT = 6, 8, 2, 4, 6, 5
SAID, QUOTED = 420, 200


def briefing(conclusion: Conclusion, investigation_id: str = "", *, limit: int = MOST) -> str:
    """Hypotheses, the likeliest first, each with what speaks for it and against it and the ids to cite; what is ruled out; what to look at. Steps of
    `investigation_id` are called `step/N`. Never longer than `limit`. Pure."""
    for proofs in (PROOFS, 5, 3, 1):
        text = "\n".join(_lines(conclusion, investigation_id, proofs))
        if len(text) <= limit:
            return text
    return text[: max(0, limit - 1)] + "…"


def _lines(conclusion: Conclusion, own: str, proofs: int) -> Iterable[str]:
    held = conclusion.lowered_from
    yield f"verdict: {conclusion.verdict}" + (f" (without what it says of itself: {held})" if held is not None else "")
    facts = [f"kind of cause: {conclusion.category}"]
    if conclusion.component:
        facts.append(f"failed first: {line(conclusion.component, 80)}")
    if conclusion.blast_radius:
        facts.append(f"failing: {', '.join(line(name, 60) for name in conclusion.blast_radius[:8])}")
    if conclusion.change is not None:
        facts.append(
            f"change: {conclusion.change.kind} {line(conclusion.change.id, 60)} {line(conclusion.change.title, 80)}"
        )
    else:
        facts.append("change: none of the changes")
    if conclusion.remediation:
        facts.append(f"remedy: {line(conclusion.remediation, 160)}")
    yield from facts
    yield ""
    yield line(conclusion.summary, SAID)
    shown = sorted(conclusion.alternatives, key=lambda each: -each.confidence)[: HYPOTHESES - 1]
    yield from _hypothesis(1, conclusion.hypothesis, conclusion.evidence, own, proofs)
    for number, each in enumerate(shown, 2):
        yield from _hypothesis(number, each, each.supports, own, min(proofs, OTHER_PROOFS))
    more = len(conclusion.alternatives) - len(shown)
    if more > 0:
        yield f"({more} less likely ones are left out)"
    if conclusion.ruled_out:
        yield "\nRuled out"
        for ruled in conclusion.ruled_out[:RULED_OUT]:
            yield f"- {line(ruled.text, 120)}: {line(ruled.why, 160)}{_cited(ruled.cites, own)}"
    if conclusion.next_steps:
        yield "\nTo look at"
        yield from (f"- {line(step, 200)}" for step in conclusion.next_steps[:NEXT])


def _hypothesis(
    number: int, hypothesis: Hypothesis, supports: Sequence[Evidence], own: str, proofs: int
) -> Iterable[str]:
    yield f"\n{number}. ({hypothesis.confidence:.2f}) {line(hypothesis.text, SAID)}"
    for each in supports[:proofs]:
        yield f'   for: {_id(each.cites, own)} "{line(each.quote, 1000)[:QUOTED]}": {line(each.says, 160)}'
    if len(supports) > proofs:
        yield f"   (and {len(supports) - proofs} more)"
    objections: Sequence[Objection] = hypothesis.against[:OBJECTIONS]
    for objection in objections:
        yield f"   against: {line(objection.says, 200)}{_cited(objection.cites, own)}"
    if not supports and not objections:
        yield "   (nothing recorded speaks for it or against it)"


def _cited(cites: str | None, own: str) -> str:
    return "" if cites is None else f" {_id(cites, own)}"


def _id(cites: str, own: str) -> str:
    """As a model cites it."""
    return f"[{cites.replace(own, 'step', 1) if own else cites}]"
