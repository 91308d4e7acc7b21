"""The sentences of a conclusion: what broke, since when, how bad, and what most likely caused it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from processors.analyst.begin import Begin
from processors.analyst.categories import Diagnosis
from processors.analyst.extent import Extent
from processors.analyst.facts import Facts
from processors.analyst.patterns import Category
from processors.analyst.suspects import Suspect
from processors.analyst.verdict import Ruling
from processors.analyst.words import clock, count, listed, tick
from schemas import Evidence, Step
from schemas.spans import in_words

QUIET_S = 600
"""An error that has not come again for so long is not said to be going on."""

_PLAIN: dict[Category, str] = {
    "resource_exhaustion": "Something ran out",
    "configuration_error": "A setting, credential or certificate is wrong",
    "infrastructure": "A machine, the network or name lookup under it failed",
    "code_defect": "A defect in the code",
    "dependency_failure": "Something it depends on does not answer",
    "data_quality": "Data is not in the form that is expected",
    "healthy": "Nothing is broken",
    "unknown": "The cause is not known",
}


def summary(facts: Facts, begin: Begin, extent: Extent, ruling: Ruling) -> str:
    """One paragraph: what, where, since when, how much, whether it goes on, who else, how urgent."""
    incident = facts.incident
    where = f" in {tick(incident.service, 60)}" if incident.service else ""
    where += f" ({tick(incident.environment, 30)})" if incident.environment else ""
    lead = (
        f", first signs {in_words(begin.before_first_s)} before the first signal" if begin.before_first_s >= 60 else ""
    )
    text = (
        f"{tick(incident.title)}{where}: {count(extent.signals, 'signal')} since {clock(begin.at)}{lead}, {_state(extent)}."
        f" Severity {incident.severity}"
    )
    if extent.users is not None:
        text += f", {count(extent.users, 'user')} affected"
    text += f"; {listed(list(extent.others))} failing too." if extent.others else "."
    told = _told(facts)
    if told:
        text += f" The alert says: {tick(told.rstrip('.'), 450)}."
    if ruling.verdict == "noise":
        text += f" Noise: {ruling.because}."
    elif extent.corroborated is False:
        text += " The logs around it hold no errors: the alert stands alone."
    return text


def _told(facts: Facts) -> str:
    """What the alert itself explains beyond its title: its body, or the summary, error or description of its payload."""
    for signal in facts.signals[:1]:
        raw = signal.raw if isinstance(signal.raw, dict) else {}
        places = _objects(raw)
        said = [
            place[key]
            for key in ("summary", "error", "description", "suspected_symptom", "symptom", "detail")
            for place in places
            if isinstance(place.get(key), str)
        ]
        kept: list[str] = []
        for text in (signal.body, *said):
            line = " ".join(text.split())
            if line and line not in signal.title and not any(line in other for other in kept):
                kept.append(line)
        return " ".join(kept[:4])
    return ""


def _objects(raw: Any, depth: int = 0) -> list[dict[str, Any]]:
    """The payload and the objects in it, outer ones first."""
    if not isinstance(raw, dict) or depth > 3:
        return []
    return [raw, *(each for value in raw.values() for each in _objects(value, depth + 1))]


def _state(extent: Extent) -> str:
    if extent.resolved:
        return f"over after {in_words(extent.lasted_s)}"
    if extent.quiet_s is not None and extent.quiet_s > QUIET_S:
        return f"the last {in_words(extent.quiet_s)} ago"
    return f"still going on after {in_words(extent.lasted_s)}"


def cause(
    facts: Facts, diagnosis: Diagnosis, culprit: Suspect | None, ruling: Ruling, telling: str = "", used: str = ""
) -> str:
    """The most likely cause in one or two sentences. `used`: what uses up a resource, where that is known; `telling`: the most telling line."""
    if ruling.verdict == "noise":
        return f"No failure was found: nothing is broken that a person must repair, and no action is needed: {ruling.because}."
    if used and diagnosis.category == "resource_exhaustion":
        text = used
    elif diagnosis.matches:
        head = diagnosis.matches[0]
        says = head.meaning.says
        text = f"{says[0].upper()}{says[1:]}: {tick(head.line, 220)}"
    else:
        text = _PLAIN[diagnosis.category]
        if telling:
            text += f"; the most telling line is {tick(telling, 220)}"
        thrown = facts.chain[0] if facts.chain else None
        text += (
            f": {tick(f'{thrown.type}: {thrown.value}')}"
            if thrown is not None and thrown.type
            else ""
            if telling
            else ", nothing recorded names it"
        )
    if diagnosis.host is not None:
        text += f", at {tick(diagnosis.host, 80)}"
    elif facts.culprit is not None:
        where = f"{facts.culprit.file}:{facts.culprit.line}" if facts.culprit.line else facts.culprit.file
        text += f", raised at {tick(where, 100)}"
    if culprit is not None:
        why = "; ".join(culprit.for_it[:3])
        sure = "Most likely" if culprit.touches_trace else "Perhaps"
        text += f". {sure} brought by the {culprit.kind if culprit.kind != 'other' else 'change'} {tick(culprit.title or culprit.id, 100)} ({why})"
    elif facts.changes or facts.commits:
        text += ". None of the changes before it fits"
    return text + "."


def seen_in(evidence: Sequence[Evidence], steps: Sequence[Step]) -> str:
    """Which tools' answers it rests on, those quoted most first, as a sentence; nothing where it rests on signals alone."""
    names = {step.id: step.name for step in steps if step.kind == "tool_call"}
    quoted = Counter(names[each.cites] for each in evidence if each.cites in names)
    return f" Seen in {listed([name for name, _ in quoted.most_common()])}." if quoted else ""


def alternative(suspect: Suspect) -> str:
    """A change that may be it, and is not named."""
    why = "; ".join(suspect.for_it[:2]) or "it came before"
    return (
        f"The {suspect.kind if suspect.kind != 'other' else 'change'} {tick(suspect.title or suspect.id, 100)}: {why}."
    )


def other_category(category: Category) -> str:
    """Another kind of cause that words speak for."""
    return f"{_PLAIN[category]}."
