"""Signs that nobody needs to be told: tests, checks of the alerting itself, what came and went, what flaps."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from processors.analyst.extent import Extent
from processors.analyst.facts import Facts
from processors.analyst.findings import Findings
from processors.analyst.quotes import leaves
from processors.analyst.words import count
from schemas import Signal, severity_rank
from schemas.spans import in_words
from schemas.time import SECOND

ENOUGH = 1.0
"""From here on it is noise, unless something severe stands against it."""
AT_ONCE_S = 180
SHORT_S = 600

_TEST = re.compile(
    r"\b(?:test(?:ing)? (?:alert|notification|event|message|incident|page)|this is a test|sample (?:event|alert|error)|dummy alert"
    r"|example alert|ignore this|fire ?drill|alert(?:ing)? test)\b|^test$",
    re.IGNORECASE,
)
_HEARTBEAT = re.compile(
    r"^(?:watchdog|dead ?man'?s ?s(?:nitch|witch)|InfoInhibitor|always ?firing|heartbeat)\b", re.IGNORECASE
)
_MAINTENANCE = re.compile(
    r"\b(?:(?:planned|scheduled) (?:maintenance|downtime)|maintenance window|load ?test(?:ing)?|chaos (?:test|experiment))\b",
    re.I,
)
_PASSED = re.compile(
    r"(?:health|periodic|scheduled) check (?:has )?passed|within (?:its |their )?normal (?:operating )?(?:bounds|limits|range)|operating normally|all checks (?:pass|ok)",
    re.IGNORECASE,
)
_SEVERITY_NAMES = frozenset(
    {"severity", "level", "priority", "urgency", "loglevel", "log_level", "state", "status", "severity_text", "impact"}
)
_SMALL = frozenset({"dev", "development", "test", "testing", "sandbox", "local", "staging", "qa", "preview", "ci"})


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign with its weight; `cites` and `quote` for the evidence."""

    name: str
    weight: float
    says: str
    cites: str | None = None
    quote: str = ""
    own: bool = False
    """It rests on nothing but words of the signal itself, which whoever caused it may have written."""


def signs_of(facts: Facts, extent: Extent, findings: Findings | None = None) -> tuple[Sign, ...]:
    """All signs found, the heaviest first."""
    found = [*_said(facts), *_ended(facts, extent), *(_well(facts, findings) if findings is not None else ())]
    incident = facts.incident
    environment = (incident.environment or "").lower()
    if environment in _SMALL:
        found.append(Sign("environment", 0.3, "it is not production"))
    if calls_it_information(facts):
        first = facts.signals[0] if facts.signals else None
        weight = 0.7 if extent.corroborated is not True else 0.3
        said = (first.id, first.title) if first is not None else (None, "")
        found.append(Sign("severity", weight, "the sender calls it information, not a failure", *said))
        if extent.corroborated is False:
            found.append(Sign("quiet", 0.3, "the logs around it hold no errors"))
    found.sort(key=lambda sign: (-sign.weight, sign.name))
    return tuple(found)


def calls_it_information(facts: Facts) -> bool:
    """Whether the sender itself says so: a payload without any word for severity is taken as information, and says nothing."""
    if severity_rank(facts.incident.severity) > 2:
        return False
    payloads = [signal.raw for signal in facts.signals if isinstance(signal.raw, dict)]
    return not payloads or any(_says_severity(raw) for raw in payloads)


def _says_severity(raw: Any, depth: int = 0) -> bool:
    if not isinstance(raw, dict) or depth > 4:
        return False
    if any(str(key).lower() in _SEVERITY_NAMES for key in raw):
        return True
    return any(_says_severity(value, depth + 1) for value in raw.values() if isinstance(value, dict))


def _said(facts: Facts) -> list[Sign]:
    found: list[Sign] = []
    for signal in facts.signals[:5]:
        names = (signal.title, signal.labels.get("alertname", ""), signal.labels.get("rule", ""))
        said = signal.id, signal.title
        if any(_HEARTBEAT.search(name) for name in names):
            # The name of a rule, alone, is the monitoring's own; within a longer title it can be anybody's.
            own = not any(_HEARTBEAT.fullmatch(name.strip()) for name in names)
            found.append(Sign("heartbeat", 1.2, "it only proves that alerting works", *said, own))
        elif any(_TEST.search(text) for text in (*names, signal.body[:500])) and not facts.chain:
            found.append(Sign("test", 1.0, "it says itself that it is a test", *said, own=True))
        elif any(_MAINTENANCE.search(text) for text in (*names, signal.body[:500])):
            found.append(Sign("maintenance", 0.7, "it speaks of planned work", *said, own=True))
        elif any(_PASSED.search(text) for text in (*names, signal.body[:500], *_texts(signal))):
            found.append(Sign("passed", 0.7, "it says itself that a check passed", *said, own=True))
        if found:
            break
    return found


def _texts(signal: Signal) -> Iterator[str]:
    """Texts of the payload itself: a summary among its annotations."""
    for text in islice(leaves(signal.raw), 60):
        yield text[:500]


def _ended(facts: Facts, extent: Extent) -> list[Sign]:
    found: list[Sign] = []
    last = facts.signals[-1] if facts.signals else None
    said = (last.id, last.title) if last is not None else (None, "")
    if extent.resolved and extent.lasted_s <= AT_ONCE_S:
        found.append(Sign("recovered", 0.7, f"it recovered by itself after {in_words(extent.lasted_s)}", *said))
        if not extent.others and extent.signals <= 5:
            found.append(Sign("alone", 0.3, "nothing else failed beside it"))
    day_ago = facts.incident.first_seen - 86_400 * SECOND
    short = [
        each
        for each in facts.earlier
        if each.same_problem
        and each.opened_at >= day_ago
        and each.lasted_s is not None
        and each.lasted_s <= SHORT_S
        and each.verdict not in ("actionable", "urgent")
    ]
    if len(short) >= 3:
        says = f"it came and went {count(len(short), 'time')} in the last day, each time within {in_words(SHORT_S)}"
        found.append(Sign("flapping", 0.6, says, short[0].cites, short[0].id))
    said_noise = next((each for each in facts.earlier if each.same_problem and _judged_noise(each.feedback)), None)
    if said_noise is not None:
        feedback = next(text for text in said_noise.feedback if _judged_noise((text,)))
        found.append(Sign("feedback", 0.7, "people called it noise before", said_noise.cites, feedback))
    return found


def _judged_noise(feedback: tuple[str, ...]) -> bool:
    return any(re.match(r"\W*(?:noise|false (?:alarm|positive))\b", text, re.IGNORECASE) for text in feedback)


def _well(facts: Facts, findings: Findings) -> list[Sign]:
    """The states of the thing itself contradict the alert."""
    wellbeing = findings.wellbeing
    if not wellbeing.well or findings.full:
        return []
    said = wellbeing.calm[0] if wellbeing.calm else (None, "")
    weight = 1.0 if severity_rank(facts.incident.severity) <= 3 else 0.6
    return [Sign("well", weight, f"all {wellbeing.good} states that were looked at are good now", *said)]
