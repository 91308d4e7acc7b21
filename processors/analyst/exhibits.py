"""Exhibits: what the evidence engine found, each with the words or the name of the metric that can be looked up."""

import re
from collections.abc import Iterator

from processors.analyst.findings import Findings
from processors.analyst.quotes import Sources
from processors.evidence.dominant import HEAVY, Dominant, meaning_of
from processors.evidence.metrics import is_bad
from processors.evidence.shifts import moves_with
from processors.evidence.words import spoken
from schemas import Evidence

ALARMS, SHIFTS, SURGES, FULL, PARTS = 7, 4, 3, 3, 3
CALM, COMPANY = 3, 2
MUCH = 1.8
"""What is no harm by itself is shown when it grew by this factor."""


def found(sources: Sources, findings: Findings) -> Iterator[Evidence | None]:
    """A cause from outside first, then resources used up, the most telling lines, levels that changed, what carries most of a load."""
    scene = findings.scene
    for outside in scene.outside[:1]:
        if outside.strength >= 0.5:
            yield sources.evidence(outside.cites, outside.quote, _sentence(outside.says))
    for number, full in enumerate(findings.full[:FULL]):
        first = findings.full[0]
        also = number == 1 and (full.name, full.service) != (first.name, first.service)
        says = (
            f"{full.says}, used up at the same time as {spoken(first.name)}: two independent faults, or one that brings the other"
            if also
            else full.says
        )
        yield sources.evidence(full.cites, full.quote, _sentence(says))
    own = [alarm for alarm in findings.alarms if alarm.own] or list(findings.alarms)
    rest = [alarm for alarm in findings.alarms if alarm not in own]
    for alarm in (*own[:ALARMS], *rest[: max(0, ALARMS - len(own))]):
        often = f"{alarm.count} times" if alarm.count > 1 else ""
        says = ", ".join(part for part in (alarm.reason, often) if part)
        yield sources.evidence(
            alarm.cites, alarm.quote, f"It tells of trouble: {says}." if says else "It tells of trouble."
        )
    bad = [shift for shift in scene.shifts if is_bad(shift.series.metric, up=shift.up)]
    bad.sort(key=lambda each: (each.series.service != scene.origin, -min(each.sigmas, 100.0)))
    more = [shift for shift in scene.shifts if shift not in bad and shift.up and shift.factor >= MUCH]
    for shift in (*bad[:SHIFTS], *sorted(more, key=lambda each: -min(each.factor, 100.0))[:SURGES]):
        says = f"{spoken(shift.series.metric)} went from {shift.before:.4g} to {shift.after:.4g}"
        yield sources.evidence(shift.series.cites, shift.series.metric, _sentence(says))
    for full in findings.full[:1]:
        series = next(
            (each for each in scene.gathered.series if each.metric == full.name and each.service == full.service), None
        )
        for other, together in moves_with(series, scene.gathered.series)[:COMPANY] if series is not None else ():
            says = f"{spoken(other.metric)} moves with {spoken(full.name)} (correlation {together:.2f}), now at {other.values[-1]:.4g}"
            yield sources.evidence(other.cites, other.metric, _sentence(says))
    waits = {name for part in findings.dominant if (name := part.name.rpartition(":")[2])}
    reads = bool(waits & {"user", "CPU", "DataFileRead"}) and not waits & {
        "ClientRead",
        "WALWrite",
        "WALSync",
        "relation",
    }
    lists: dict[str, Dominant] = {}
    for part in sorted(findings.dominant, key=lambda each: -each.part):
        lists.setdefault(part.of.removeprefix("top_"), part)
    for part in sorted(lists.values(), key=_rank)[:PARTS]:
        says = f"it carries {part.part:.0%} of {part.measure} ({part.value:g}) among {part.of or 'the listed'}"
        meant = meaning_of(part.name)
        says += f": {meant}" if meant is not None else ""
        if part.next_name:
            after = meaning_of(part.next_name)
            says += f"; next is {part.next_name} with {part.next_part:.0%}" + (
                f": {after}" if after is not None else ""
            )
        if part.each is not None and part.each >= HEAVY and "load" in part.measure and reads:
            says += f"; each call is busy for about {part.each:.2g} s: a query that reads much, like a full table scan (sequential scan) where an index is missing"
        yield sources.evidence(part.cites, part.name, _sentence(says))


def _rank(part: Dominant) -> tuple[int, float]:
    """What is done says more than what it waits for, that more than who does it, a bare address least."""
    said = part.of.lower()
    kind = 0 if any(word in said for word in ("sql", "quer", "statement")) else 1 if "wait" in said else 2
    return (3 if re.fullmatch(r"[\d.:]+", part.name) else kind, -part.part)


def well(sources: Sources, findings: Findings) -> Iterator[Evidence | None]:
    """What says that nothing is wrong."""
    for cites, quote in findings.wellbeing.calm[:CALM]:
        yield sources.evidence(cites, quote, "It says that it is well.")


def looked_at(findings: Findings) -> str:
    """What was looked at and is as usual, for a conclusion that nothing is broken."""
    scene, parts = findings.scene, []
    if findings.wellbeing.good:
        kinds = "; ".join(findings.wellbeing.kinds)
        all_or = "all" if not findings.wellbeing.bad else "most"
        parts.append(f"{findings.wellbeing.good} states, {all_or} of them healthy: {kinds}")
    series = scene.gathered.series
    if series:
        moved = {id(shift.series) for shift in scene.shifts}
        steady = [each.metric for each in series if id(each) not in moved]
        parts.append(
            f"{len(series)} metrics, {len(steady)} of them at their usual level ({', '.join(list(dict.fromkeys(steady))[:6])})"
        )
    lines = scene.gathered.logs
    if lines:
        errors = sum(line.rank >= 4 for line in lines)
        parts.append(f"{len(lines)} log lines, {errors or 'none'} of them errors")
    parts += [f"no {spoken(name)}" for name in findings.wellbeing.empty]
    return f"Looked at: {'; '.join(parts)}." if parts else ""


def _sentence(says: str) -> str:
    return f"{says[0].upper()}{says[1:]}."
