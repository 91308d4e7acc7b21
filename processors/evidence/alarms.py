"""Alarms: which of many lines and fields tell of trouble with the thing in question, the most telling first."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from processors.evidence.saturation import used_up
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
PASSING = 0.3
"""Factor of what says itself that it passed."""
SAMPLED = 10
"""Of lines alike so many are read with all patterns: their numbers differ, their words do not."""
SLOW_S = 2.0
"""A duration from here on is worth a word, five times of it a strong one."""

_STRONG = re.compile(
    r"OOM ?-?Kill|CrashLoop|(?:Image|Err)\w*Pull\w*|FailedScheduling|FailedMount|FailedCreate|Syntax ?Error|command not found|StackOverflow|Traceback|\bpanic\b|\bfatal\b|not found|no such"
    r"|denied|unauthori[sz]ed|forbidden|exceed|exhaust|does ?n[o']t exist|insufficient|unschedulable|exit(?:ed)?[ _]?(?:with )?code:?\"?:? ?[1-9]\d*|did ?n[o']t match|do(?:es)? ?n[o']t match|OutOfSync"
    r"|invalid|incompatible|refused|expired|\bkilled\b|evicted|corrupt|max(?:imum)? (?:size|retries|connections)|unhealthy|probe failed|cannot|could not|unable to|\bfailed to\b|no space|out of (?:memory|space|storage|disk)"
    r"|manifest unknown|deadlock|segfault|unbound|no available|critically|ran out|rejected|throttl|unreachable|not allowed|duplicate|missing\b|no longer",
    re.IGNORECASE,
)
_MEDIUM = re.compile(
    r"\berr(?:or)?s?\b|\w+(?:Error|Exception)\b|\bfail(?:ed|ure|ing|s)?\b|back-?off|time(?:d)?[ -]?out|\bslow|\blag\b|behind|lagging|restart|pending|unavailable|mismatch|terminated|degraded|approaching|sustained|refus|lost|stuck|reset|abort|not ready"
    r"|\bunused\b|unknown|retry|dropp|blocked|waiting",
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
_PASSING = re.compile(
    r"^Error from server \(BadRequest\)|failed with return code|Metrics API not available|✓|\btransient\b|retried successfully|\brecovered\b|no longer failing|\bresolved\b",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"^(?:\w+: )?(?:SELECT|INSERT|UPDATE|DELETE|BEGIN|WITH)\b|"
    r"tolerations?:|op=Exists|RollingUpdateStrategy|imagePullPolicy|IfNotPresent|\b0 unavailable|Restart Count:\s+0\b|restart_count: 0\b|last-applied-configuration"
    r"|TokenExpirationSeconds|terminationMessagePath|progressDeadlineSeconds|backoffLimit|RestartPolicy|restartPolicy|^Selector:|python/object:|^is_\w+:|^name: \w+(?:\.\w+)+$",
)
_HEADER = re.compile(r"^\W*[A-Z][A-Z-]+(?: [A-Z-]+)?(?:\s{2,}[A-Z][A-Z -]+){2,}")
_EMPTY = re.compile(r"^[\w /-]{1,40}:\s*(?:<none>|<unset>|None|none|null|\"\"|\[\]|\{\}|0|false|False)?\s*$")
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

    @property
    def reason(self) -> str:
        """The reasons given with it, where it is a state with a message."""
        return _reason(self.text, self.quote)


def weight_of(text: str) -> float:
    """How telling the words of a line are."""
    if _BOILERPLATE.search(text):
        return 0.0
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
    if used_up(text) is not None:
        weight = max(weight, STRONG)
    return weight * (PASSING if _PASSING.search(text) else 1.0)


def alarms_of(gathered: Gathered, subjects: Sequence[str], limit: int = 40) -> tuple[Alarm, ...]:
    """The telling lines, alike ones once, the heaviest first. `subjects` are names of the thing in question."""
    lines = list(_lines(gathered))
    wanted = [name.lower() for name in dict.fromkeys(subjects) if len(name) > 2]
    found: dict[str, Alarm] = {}
    weights: dict[str, list[float]] = {}
    for text, cites, quote, at, about, count, marked in lines:
        key = masked(quote)[:160].lower()
        known_weights = weights.setdefault(key, [])
        if len(known_weights) < SAMPLED:
            known_weights.append(weight_of(text))
        base = known_weights[-1]
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
        known = found.get(key)
        own = named or concerned or not wanted
        if known is None:
            found[key] = Alarm(text, cites, quote, round(weight, 3), at, count, own)
        else:
            best = Alarm(text, cites, quote, round(weight, 3), at, count, own) if weight > known.weight else known
            reasons = _reason(known.text, known.quote), _reason(text, quote)
            shown = (
                best.text
                if reasons[0] == reasons[1]
                else f"{', '.join(dict.fromkeys(filter(None, reasons)))}: {best.quote}"
            )
            found[key] = Alarm(shown, best.cites, best.quote, best.weight, best.at, known.count + count, best.own)
    ranked = sorted(found.values(), key=lambda each: (-each.weight, each.at or 0, each.text))
    return tuple(_distinct(ranked))[:limit]


def _reason(text: str, quote: str) -> str:
    """What a state gives as its reason, before its message."""
    given = text[: -len(quote)].rstrip(": ") if text.endswith(quote) else ""
    return given if re.fullmatch(r"[A-Z]\w+(?:, [A-Z]\w+)*", given) else ""


def _lines(gathered: Gathered) -> Iterable[tuple[str, str, str, int | None, str, int, bool]]:
    for said in gathered.said:
        if said.level < 0 or _HEADER.match(said.text) or _EMPTY.search(said.text):
            continue
        yield said.text, said.cites, said.quote or said.text, said.at, said.about, said.count, said.level > 0
    for line in gathered.logs:
        yield line.text, line.cites, line.text, line.at, f"{line.service or ''} {line.about}".strip(), 1, line.rank >= 4


def _distinct(ranked: Sequence[Alarm]) -> Iterable[Alarm]:
    """Without lines whose words another, heavier one holds already."""
    kept: list[set[str]] = []
    for alarm in ranked:
        held = set(re.findall(r"[a-z]{3,}", alarm.text.lower()))
        if any(held <= other or (held and len(held & other) / len(held) > 0.9) for other in kept):
            continue
        kept.append(held)
        yield alarm
