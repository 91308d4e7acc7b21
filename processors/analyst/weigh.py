"""The model-free analyst: recorded facts in, a conclusion out, by stated heuristics and nothing else.

Pure: the same incident, signals, steps and time give the same conclusion. docs/analyst.md has every number.
"""

from collections.abc import Iterator, Sequence

from processors.analyst.alternatives import alternatives_of, objections
from processors.analyst.begin import Begin, begin_of
from processors.analyst.categories import Diagnosis, diagnose
from processors.analyst.confidence import confidence_of
from processors.analyst.driven import driven
from processors.analyst.exhibits import found, looked_at, well
from processors.analyst.extent import Extent, extent_of
from processors.analyst.facts import Facts, read_facts
from processors.analyst.findings import Findings, enriched, findings_of
from processors.analyst.grounds import Grounds, grounds_of
from processors.analyst.noise import Sign, signs_of
from processors.analyst.quotes import Sources
from processors.analyst.remedies import next_steps, remediation, remedy_of
from processors.analyst.suspects import Suspect, assess, best
from processors.analyst.telling import cause, seen_in, summary
from processors.analyst.verdict import Ruling, rule
from processors.analyst.words import clock, count, is_name, tick
from schemas import Conclusion, Evidence, Hypothesis, Incident, Signal, Step
from schemas import to_rfc3339 as rfc3339
from schemas.conclusion import Change, RuledOut
from schemas.spans import in_words
from schemas.time import SECOND

MOST_EVIDENCE = 16
MOST_RULED_OUT = 6
UNPROVEN = 0.5
"""Confidence without one quote for it."""


def weigh(incident: Incident, signals: Sequence[Signal], steps: Sequence[Step], now: int) -> Conclusion:
    """The conclusion, without actions (`processors.analyst.propose` adds those of the playbook). Never raises on what tools returned:
    what cannot be read is left out. `signals` oldest first; `now` in microseconds."""
    return weighed(incident, signals, steps, now)[0]


def weighed(
    incident: Incident, signals: Sequence[Signal], steps: Sequence[Step], now: int
) -> tuple[Conclusion, Grounds]:
    """The same, and what its confidence rests on."""
    facts = read_facts(incident, signals, steps, now)
    sources = Sources(steps, signals)
    findings = findings_of(facts, steps)
    facts = enriched(facts, findings)
    begin = begin_of(facts, findings)
    diagnosis = diagnose(facts, findings)
    extent = extent_of(facts, findings)
    suspects = assess(facts, begin, diagnosis, findings)
    signs = signs_of(facts, extent, findings)
    ruling = rule(facts, extent, signs)
    noise = ruling.verdict == "noise"
    culprit = None if noise else best(suspects)
    grounds = grounds_of(facts, diagnosis, extent, suspects, culprit, signs, ruling, findings)
    sure = confidence_of(grounds)
    remedy = remedy_of(diagnosis, culprit, ruling, next(iter(findings.scene.outside), None))
    evidence = [
        each
        for each in _evidence(sources, facts, begin, diagnosis, extent, culprit, signs, ruling, findings)
        if each is not None
    ]
    telling = findings.alarms[0].text if findings.alarms else ""
    conclusion = Conclusion(
        verdict=ruling.verdict,
        summary=" ".join(filter(None, (summary(facts, begin, extent, ruling), looked_at(findings) if noise else ""))),
        hypothesis=Hypothesis(
            text=cause(facts, diagnosis, culprit, ruling, telling, driven(findings.drivers, findings.link))
            + seen_in(evidence, steps),
            confidence=sure if evidence else min(sure, UNPROVEN),
            against=tuple(objections(facts, diagnosis, extent, culprit, ruling, findings)),
        ),
        alternatives=() if noise else alternatives_of(sources, diagnosis, suspects, culprit, findings, sure),
        category="healthy" if noise else diagnosis.category,
        component=None if noise else _component(facts, diagnosis, findings),
        blast_radius=_blast(facts, extent, findings),
        change=_change(culprit),
        remediation=remediation(remedy, diagnosis, culprit),
        evidence=_distinct(evidence)[:MOST_EVIDENCE],
        ruled_out=tuple(_ruled_out(facts, suspects, extent))[:MOST_RULED_OUT],
        next_steps=next_steps(facts, diagnosis, extent, suspects, culprit, ruling, findings.drivers),
        lowered_from=ruling.lowered_from,
        analyst="none",
    )
    return conclusion, grounds


def _evidence(
    sources: Sources,
    facts: Facts,
    begin: Begin,
    diagnosis: Diagnosis,
    extent: Extent,
    culprit: Suspect | None,
    signs: tuple[Sign, ...],
    ruling: Ruling,
    findings: Findings,
) -> Iterator[Evidence | None]:
    for match in diagnosis.matches[:4]:
        plain = match.said.text if match.said.kind == "metric" else match.meaning.says
        says = f"{plain[0].upper()}{plain[1:]}."
        yield sources.first([(match.said.cites, match.line), (match.said.cites, match.said.quote)], says)
    if facts.culprit is not None and facts.chain_cites is not None:
        where = facts.culprit.function or facts.culprit.file
        options = [(facts.chain_cites, text) for text in (facts.culprit.file, facts.culprit.path, where)]
        line = f" in line {facts.culprit.line}" if facts.culprit.line else ""
        yield sources.first(options, f"It is raised in {tick(where, 80)}{line}, the application's own code.")
    if ruling.verdict != "noise":
        yield from found(sources, findings)
    else:
        yield from well(sources, findings)
    if begin.sign is not None:
        lead = f", {in_words(begin.before_first_s)} before the first signal" if begin.before_first_s >= 60 else ""
        yield sources.evidence(*begin.sign, f"The earliest sign, {clock(begin.at)}{lead}.")
    if culprit is not None:
        before = (begin.at - culprit.at) / SECOND
        says = f"{'; '.join(culprit.for_it)}." if culprit.for_it else f"It came {in_words(before)} before."
        yield sources.evidence(culprit.cites, culprit.quote, says[0].upper() + says[1:])
    if extent.by is not None:
        yield sources.evidence(*extent.by, "It confirms that something fails.")
    if ruling.verdict == "noise":
        for sign in signs:
            if sign.cites is not None:
                yield sources.evidence(sign.cites, sign.quote, f"{sign.says[0].upper()}{sign.says[1:]}.")
    for earlier in (ruling.earlier,) if ruling.earlier is not None else facts.earlier[:1]:
        how = f"ended as {earlier.verdict}" if earlier.verdict else earlier.status
        ago = in_words((facts.incident.first_seen - earlier.opened_at) / SECOND)
        yield sources.first(
            [(earlier.cites, earlier.title), (earlier.cites, earlier.id)], f"Alike, {ago} earlier: {how}."
        )
    for pattern in facts.patterns[:10]:
        if pattern.before == 0 and pattern.after > 0 and pattern.service == facts.incident.service:
            says = f"New since the start: {count(pattern.after, 'line')}, none before."
            yield sources.evidence(pattern.cites, pattern.example, says)
    for name in extent.others[:3]:
        near = next((each for each in facts.neighbours if each.service == name and each.status == "firing"), None)
        if near is None:
            continue
        when = f"{in_words(near.after_start_s)} {'after' if near.after_start_s >= 0 else 'before'} the start"
        yield sources.evidence(near.cites, near.title, f"{tick(name, 60)} fails too, {when}.")


def _distinct(evidence: list[Evidence]) -> tuple[Evidence, ...]:
    """Without what repeats: of two quotes of one source, one within the other, the first, or the longer if both say the same."""
    kept: list[Evidence] = []
    for each in evidence:
        twins = [
            index
            for index, other in enumerate(kept)
            if each.cites == other.cites and (each.quote in other.quote or other.quote in each.quote)
        ]
        if not twins:
            kept.append(each)
        elif each.says == kept[twins[0]].says and len(each.quote) > len(kept[twins[0]].quote):
            kept[twins[0]] = each
    return tuple(kept)


def _ruled_out(facts: Facts, suspects: tuple[Suspect, ...], extent: Extent) -> Iterator[RuledOut]:
    for suspect in suspects:
        if suspect.ruled_out is not None:
            yield RuledOut(
                text=f"{suspect.kind} {tick(suspect.title or suspect.id, 100)}",
                why=suspect.ruled_out,
                cites=suspect.cites,
            )
    changes = facts.answered.get("changes.before")
    if changes is not None and not facts.changes:
        yield RuledOut(text="a recorded change", why="none is recorded in the time before it", cites=changes)
    around = facts.answered.get("signals.around")
    if around is not None and not extent.others:
        yield RuledOut(text="a wider outage", why="no other service was failing around the start", cites=around)


def _blast(facts: Facts, extent: Extent, findings: Findings) -> tuple[str, ...]:
    """The incident's service and all that fail, the service that failed first before them."""
    return tuple(name for name in dict.fromkeys((findings.first, facts.incident.service, *extent.others)) if name)[:20]


def _component(facts: Facts, diagnosis: Diagnosis, findings: Findings) -> str | None:
    """What failed first: as the evidence engine finds, else the dependency that is named, else the incident's own service."""
    if findings.drivers and diagnosis.category == "resource_exhaustion":
        root = findings.link.root if findings.link is not None else findings.drivers[0]
        return root.full.service or facts.incident.service
    if findings.first is not None:
        return findings.first
    if diagnosis.category in ("dependency_failure", "infrastructure") and diagnosis.host is not None:
        return diagnosis.host if is_name(diagnosis.host) else facts.incident.service
    return facts.incident.service


def _change(culprit: Suspect | None) -> Change | None:
    if culprit is None:
        return None
    return Change(kind=culprit.kind, id=culprit.id, title=culprit.title, at=rfc3339(culprit.at), url=culprit.url)
