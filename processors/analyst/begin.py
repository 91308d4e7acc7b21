"""When did it begin: the first signal, or trouble of the same service that led up to it without a pause."""

from dataclasses import dataclass

from processors.analyst.facts import Facts
from processors.analyst.findings import Findings
from schemas import severity_rank
from schemas.time import SECOND

PAUSE_S = 600
"""A quiet stretch this long ends what belongs together."""
LOOK_BACK_S = 3600


@dataclass(frozen=True, slots=True)
class Begin:
    """The moment, and what was quoted for it: (id, text) of the earliest sign. `before_first_s` is how long before the first signal."""

    at: int
    sign: tuple[str, str] | None
    before_first_s: float = 0.0


def begin_of(facts: Facts, findings: Findings | None = None) -> Begin:
    """The earliest failing sign of the incident's service in an unbroken run (no pause of ten minutes) that leads to its first
    signal. A log pattern that was there at least as much before as after is background and starts nothing. Where the evidence engine
    finds when the service that failed first left its usual level, that is it, however long before."""
    seen = _onset(facts, findings) if findings is not None else None
    if seen is not None:
        return seen
    first = facts.incident.first_seen
    service = facts.incident.service
    signs: list[tuple[float, str, str]] = []
    if service is not None:
        signs += [
            (each.after_start_s, each.cites, each.title)
            for each in facts.neighbours
            if each.service == service and each.status == "firing" and severity_rank(each.severity) >= 4
        ]
        signs += [
            ((each.first - first) / SECOND, each.cites, each.example)
            for each in facts.patterns
            if each.service == service and severity_rank(each.severity) >= 4 and each.before < each.after
        ]
    at = 0.0
    sign: tuple[str, str] | None = None
    for after_s, cites, text in sorted(signs, reverse=True):
        if after_s < at and at - after_s <= PAUSE_S and after_s >= -LOOK_BACK_S:
            at, sign = after_s, (cites, text)
    if sign is None and facts.signals:
        earliest = min(facts.signals, key=lambda each: (each.occurred_at, each.id))
        sign = (earliest.id, earliest.title)
    return Begin(at=max(0, first + round(at * SECOND)), sign=sign, before_first_s=-at)


def _onset(facts: Facts, findings: Findings) -> Begin | None:
    scene = findings.scene
    failing = scene.failing.get(scene.origin or "")
    if scene.onset is None or failing is None or not failing.signs:
        return None
    cites, quote, _ = failing.signs[0]
    return Begin(scene.onset, (cites, quote), max(0.0, (facts.incident.first_seen - scene.onset) / SECOND))
