"""Exhibits: what the evidence engine found, each with the words or the name of the metric that can be looked up."""

from collections.abc import Iterator

from processors.analyst.findings import Findings
from processors.analyst.quotes import Sources
from processors.evidence.metrics import is_bad
from schemas import Evidence

ALARMS, SHIFTS, FULL, PARTS = 7, 4, 3, 2


def found(sources: Sources, findings: Findings) -> Iterator[Evidence | None]:
    """A cause from outside first, then resources used up, the most telling lines, levels that changed, what carries most of a load."""
    scene = findings.scene
    for outside in scene.outside[:1]:
        if outside.strength >= 0.5:
            yield sources.evidence(outside.cites, outside.quote, _sentence(outside.says))
    for full in findings.full[:FULL]:
        yield sources.evidence(full.cites, full.quote, _sentence(full.says))
    own = [alarm for alarm in findings.alarms if alarm.own] or list(findings.alarms)
    rest = [alarm for alarm in findings.alarms if alarm not in own]
    for alarm in (*own[:ALARMS], *rest[: max(0, ALARMS - len(own))]):
        yield sources.evidence(
            alarm.cites, alarm.quote, "It tells of trouble" + (f", {alarm.count} times." if alarm.count > 1 else ".")
        )
    bad = [shift for shift in scene.shifts if is_bad(shift.series.metric, up=shift.up)]
    for shift in sorted(bad, key=lambda each: (each.series.service != scene.origin, -min(each.sigmas, 100.0)))[:SHIFTS]:
        says = f"{shift.series.metric} went from {shift.before:.4g} to {shift.after:.4g}"
        yield sources.evidence(shift.series.cites, shift.series.metric, _sentence(says))
    for part in sorted(findings.dominant, key=lambda each: -each.part)[:PARTS]:
        says = f"it carries {part.part:.0%} of {part.measure} among {part.of or 'the listed'}"
        yield sources.evidence(part.cites, part.name, _sentence(says))


def _sentence(says: str) -> str:
    return f"{says[0].upper()}{says[1:]}."
