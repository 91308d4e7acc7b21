"""Alarms: which of many lines and fields tell of trouble with the thing in question, the most telling first."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from processors.evidence.templates import masked
from processors.evidence.values import Gathered

STRONG, MEDIUM, WEAK = 3.0, 2.0, 1.0
"""What words weigh that name a failure and its kind, a failure, and something unusual."""
MARKED = 1.0
"""What it adds that the source itself calls it a warning or an error."""
SUBJECT, ABOUT, ELSEWHERE, PROSE = 1.5, 1.2, 0.45, 0.2
"""Factors: a line that names the thing in question; one in an answer about it; one that names others of its kind; a text from a page
of documentation."""
LEAST = 1.0
SLOW_S = 2.0
"""A duration from here on is worth a word, five times of it a strong one."""

_STRONG = re.compile(
    r"OOM ?-?Kill|CrashLoop|(?:Image|Err)\w*Pull\w*|FailedScheduling|FailedMount|FailedCreate|SyntaxError|Traceback|\bpanic\b|\bfatal\b|not found|no such"
    r"|denied|unauthori[sz]ed|forbidden|exceed|exhaust|does ?n[o']t exist|insufficient|unschedulable|exit(?:ed)?[ _]?(?:with )?code:?\"?:? ?[1-9]\d*|did ?n[o']t match|do(?:es)? ?n[o']t match|OutOfSync"
    r"|invalid|incompatible|refused|expired|\bkilled\b|evicted|corrupt|max(?:imum)? (?:size|retries|connections)|unhealthy|probe failed|cannot|could not|unable to|\bfailed to\b|no space|out of (?:memory|space|storage|disk)"
    r"|manifest unknown|deadlock|segfault|unbound|no available|critically|ran out|rejected|throttl|unreachable|not allowed|duplicate|missing\b|no longer",
    re.IGNORECASE,
)
_MEDIUM = re.compile(
    r"\berr(?:or)?s?\b|\w+(?:Error|Exception)\b|\bfail(?:ed|ure|ing|s)?\b|back-?off|time(?:d)?[ -]?out|\bslow|\blag\b|behind|lagging|restart|pending|unavailable|mismatch|terminated|degraded|approaching|sustained|refus|lost|stuck|reset|abort|not ready"
    r"|\bunused\b|unknown|retry|dropp|limit\b|blocked|waiting|idle|never",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\bwarn|\bFalse\b|\bnone\b|null\b|unusual|high\b|low\b|selector|affinity|taint|quota|deprecated", re.IGNORECASE
)
_WELL = re.compile(
    r"\b(?:no|zero|0|without) (?:errors?|failures?|warnings?|issues?|restarts?|further)\b|errors?[\"']?[:=] ?(?:0|none|null|false|\"\")(?:\b|$|,)"
    r"|\bsuccess(?:ful(?:ly)?)?\b|\brecovered\b|\bhealthy\b(?<!unhealthy)|error=None|\bOK\b|return_?code[\"']?: ?0",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"\b(?:in|took|after|for|duration[=: ]+|elapsed[=: ]+|latency[=: ]+)\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|sec|secs|seconds|minutes|min|m)\b",
    re.I,
)
_PROSE = re.compile(r"https?://|file://")
_SECONDS = {"ms": 0.001, "m": 60.0, "min": 60.0, "minutes": 60.0}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One telling line. `quote` stands in the answer word for word; `count` how often it came; `own` whether it is about the thing in question."""

    text: str
    cites: str
    quote: str
    weight: float
    at: int | None = None
    count: int = 1
    own: bool = False


def weight_of(text: str) -> float:
    """How telling the words of a line are."""
    if _WELL.search(text) and not _STRONG.search(_WELL.sub(" ", text)):
        return 0.0
    weight = STRONG if _STRONG.search(text) else MEDIUM if _MEDIUM.search(text) else WEAK if _WEAK.search(text) else 0.0
    strong = len({found.lower() for found in _STRONG.findall(text)})
    weight += 0.3 * min(3, max(0, strong - 1))
    longest = max(
        (float(found["number"]) * _SECONDS.get(found["unit"].lower(), 1.0) for found in _DURATION.finditer(text)),
        default=0.0,
    )
    if longest >= SLOW_S and longest < 86_400:
        weight = max(weight, STRONG if longest >= 5 * SLOW_S else MEDIUM)
    return weight


def alarms_of(gathered: Gathered, subjects: Sequence[str], limit: int = 40) -> tuple[Alarm, ...]:
    """The telling lines, alike ones once, the heaviest first. `subjects` are names of the thing in question."""
    wanted = [name.lower() for name in dict.fromkeys(subjects) if len(name) > 2]
    found: dict[str, Alarm] = {}
    for text, cites, quote, at, about, count, marked in _lines(gathered):
        base = weight_of(text)
        if base == 0.0 and not marked:
            continue
        named = any(name in text.lower() for name in wanted)
        concerned = any(name in about.lower() for name in wanted)
        weight = base + (MARKED if marked else 0.0)
        weight *= SUBJECT if named else ABOUT if concerned or not wanted else 1.0 if not about else ELSEWHERE
        if _PROSE.search(about):
            weight *= PROSE
        weight /= 1.0 + max(0.0, (len(text) - 400) / 400)
        if weight < LEAST:
            continue
        key = masked(text)[:160].lower()
        known = found.get(key)
        own = named or concerned
        if known is None:
            found[key] = Alarm(text, cites, quote, round(weight, 3), at, count, own)
        else:
            best = Alarm(text, cites, quote, round(weight, 3), at, count, own) if weight > known.weight else known
            found[key] = Alarm(best.text, best.cites, best.quote, best.weight, best.at, known.count + count, best.own)
    ranked = sorted(found.values(), key=lambda each: (-each.weight, each.at or 0, each.text))
    return tuple(_distinct(ranked))[:limit]


def _lines(gathered: Gathered) -> Iterable[tuple[str, str, str, int | None, str, int, bool]]:
    for said in gathered.said:
        yield said.text, said.cites, said.quote or said.text, said.at, said.about, said.count, said.level > 0
    for line in gathered.logs:
        yield line.text, line.cites, line.text, line.at, line.service or "", 1, line.rank >= 4


def _distinct(ranked: Sequence[Alarm]) -> Iterable[Alarm]:
    """Without lines whose words another, heavier one holds already."""
    kept: list[set[str]] = []
    for alarm in ranked:
        held = set(re.findall(r"[a-z]{3,}", alarm.text.lower()))
        if any(held <= other or (held and len(held & other) / len(held) > 0.9) for other in kept):
            continue
        kept.append(held)
        yield alarm
