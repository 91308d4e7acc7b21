"""The verdict: noise, duplicate, known, actionable or urgent, by rules in order, with the reason."""

from dataclasses import dataclass

from processors.analyst.extent import Extent
from processors.analyst.facts import EarlierIncident, Facts, Outside
from processors.analyst.noise import ENOUGH, Sign, calls_it_information
from schemas import Verdict, severity_rank

ALIKE = 0.95
"""Similarity from which two incidents count as one problem: the same title but for numbers and ids. Less would hide a new problem
in an old issue."""
WIDE = 3
"""Other services failing from which an error is urgent."""
MANY = 1000
"""Signals from which an error that lasts is urgent."""
MANY_USERS = 500

WITNESS = 0.6
"""Beside what a signal says of itself, signs of this weight must stand for it to be taken at its word."""
_STEP: dict[Verdict, Verdict] = {
    "urgent": "actionable", "actionable": "noise", "known": "noise", "duplicate": "noise", "noise": "noise",
}  # fmt: skip
"""One step milder."""

_CERTAIN = ("heartbeat", "test")
_SMALL = frozenset({"dev", "development", "test", "testing", "sandbox", "local", "staging", "qa", "preview", "ci"})


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, why, and the earlier incident it leans on. `lowered_from`: what it would be without the signal's own words for a milder one."""

    verdict: Verdict
    because: str
    earlier: EarlierIncident | None = None
    lowered_from: Verdict | None = None


def rule(facts: Facts, extent: Extent, signs: tuple[Sign, ...]) -> Ruling:
    """By all signs; but where nothing except the signal's own words speaks for a milder verdict, only one step milder than without them."""
    found = _rule(facts, extent, signs)
    others = tuple(sign for sign in signs if not sign.own)
    if len(others) == len(signs) or sum(sign.weight for sign in others) >= WITNESS:
        return found
    plain = _rule(facts, extent, others)
    if plain.verdict == found.verdict:
        return found
    verdict = _STEP[plain.verdict]
    said = "; ".join(sign.says for sign in signs if sign.own)
    because = f"{said}, and nothing else says so: what would be done without these words waits for a person"
    return Ruling(verdict, because, plain.earlier if verdict != "noise" else None, plain.verdict)


def _rule(facts: Facts, extent: Extent, signs: tuple[Sign, ...]) -> Ruling:
    """The first that holds of: noise, duplicate, urgent, known, actionable, noise for what is neither severe nor confirmed."""
    weight = sum(sign.weight for sign in signs)
    certain = any(sign.name in _CERTAIN for sign in signs)
    severe = severity_rank(facts.incident.severity) >= 5 or bool(facts.chain)
    if certain or (weight >= ENOUGH and (not severe or extent.resolved) and not extent.others):
        return Ruling("noise", "; ".join(sign.says for sign in signs[:3]))
    twin = open_twin(facts)
    if twin is not None:
        return Ruling("duplicate", "an open incident with an issue is about the same", twin)
    urgent = _urgent(facts, extent)
    if urgent is not None:
        return Ruling("urgent", urgent)
    known = known_before(facts)
    if known is not None:
        return Ruling("known", "the same problem has an issue already", known)
    if not calls_it_information(facts) or extent.corroborated is True:
        return Ruling("actionable", "a person should look at it, and it can wait for working hours")
    return Ruling("noise", "the sender calls it information and nothing confirms a failure")


def issue_of(earlier: EarlierIncident) -> Outside | None:
    """The issue opened for an earlier incident."""
    return next((each for each in earlier.external if each.kind in ("issue", "")), None)


def open_twin(facts: Facts) -> EarlierIncident | None:
    """Another incident of the same service, open now, alike and with an issue."""
    return next(
        (
            each
            for each in facts.earlier
            if each.status in ("open", "acknowledged")
            and each.similarity >= ALIKE
            and each.service == facts.incident.service
            and issue_of(each) is not None
        ),
        None,
    )


def known_before(facts: Facts) -> EarlierIncident | None:
    """An earlier episode, or one as good as alike, for which there is an issue."""
    return next(
        (
            each
            for each in facts.earlier
            if (each.same_problem or (each.similarity >= ALIKE and each.service == facts.incident.service))
            and each.verdict not in ("noise", None)
            and issue_of(each) is not None
        ),
        None,
    )


def _urgent(facts: Facts, extent: Extent) -> str | None:
    """Somebody must get up: severe or wide, real, going on, and where users are."""
    incident = facts.incident
    if extent.resolved or (incident.environment or "").lower() in _SMALL:
        return None
    rank = severity_rank(incident.severity)
    if rank >= 5 and extent.corroborated is not False:
        return "critical, still going on" + (", and confirmed by what else was recorded" if extent.corroborated else "")
    if rank >= 4 and len(extent.others) >= WIDE:
        return f"{len(extent.others)} other services fail too"
    if rank >= 4 and (extent.users or 0) >= MANY_USERS:
        return f"{extent.users} users are affected"
    if rank >= 4 and extent.signals >= MANY:
        return f"{extent.signals} signals and still going on"
    return None
