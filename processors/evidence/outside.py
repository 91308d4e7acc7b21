"""Causes that no change brings: an expired certificate, a provider in trouble, more traffic, a lost machine, a job at a bad time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from processors.evidence.failing import Failing, Graph
from processors.evidence.metrics import kind_of
from processors.evidence.moments import moment
from processors.evidence.shifts import Shift
from processors.evidence.templates import Template
from processors.evidence.values import Gathered

Kind = Literal["certificate", "provider", "traffic", "machine", "schedule", "quota", "data"]

_EXPIRED = re.compile(
    r"certificate (?:has |is )?expired|cert\w* .{0,40}expired|x509: certificate|not ?after|CERTIFICATE_VERIFY_FAILED|token (?:has )?expired",
    re.I,
)
_NOT_AFTER = re.compile(
    r"not ?after[=: ]+(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?Z?)|expired? (?:on|at|since)[: ]+(?P<other>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?Z?)",
    re.I,
)
_PROVIDER = re.compile(
    r"(?P<host>[\w.-]+\.(?:amazonaws\.com|googleapis\.com|azure\.com|windows\.net|cloudflare\.com|akamai\w*\.\w+|stripe\.com|twilio\.com|sendgrid\.net"
    r"|github\.com|auth0\.com|okta\.com|fastly\.net|digitaloceanspaces\.com|paypal\.com|adyen\.com|datadoghq\.com|openai\.com|slack\.com))|\b(?P<region>(?:us|eu|ap|sa|ca|me|af)-(?:east|west|north|south|central|southeast|northeast)-?\d[a-f]?)\b",
    re.I,
)
_THIRD_PARTY = re.compile(
    r"third.?party|vendor|external (?:api|provider|service)|provider (?:returned|outage|error)|partner api", re.I
)
_TROUBLE = re.compile(
    r"degrad|outage|disrupt|impair|increased error|elevated error|\bpartial\b|major|investigating|incident|unavailable|down\b",
    re.I,
)
_STRICKEN = re.compile(r"outage|disrupt|impair|experiencing", re.I)
_WELL = re.compile(r"operating.normally|operational|resolved|no issues|no known|healthy|^ok$|^up$", re.I)
_MACHINE = re.compile(
    r"NodeNotReady|node .{0,30}not ready|kernel panic|hardware|spot (?:interruption|termination)|instance (?:terminated|retire)|evict|host (?:down|unreachable)|preempt(?:ed|ion notice)|ECC error|drain",
    re.I,
)
_SCHEDULE = re.compile(
    r"\b(?:cron|nightly|hourly|scheduled|batch|backfill|reindex|vacuum|backup|etl|export|report|compaction)\b.{0,40}\b(?:job|task|run|started|begin|start|batch)\b|\b(?:job|task)\b.{0,30}\b(?:started|begin|start)",
    re.I,
)
_DATA = re.compile(
    r"poison|malformed (?:record|message|row|event)|corrupt|bad (?:record|row|data)|unparseable|dead.?letter|(?:record|message|row|offset|key)[ =:#]+[\w-]+ .{0,60}(?:fail|invalid|cannot)",
    re.I,
)
_QUOTA = re.compile(
    r"quota .{0,30}exceed|exceeded .{0,30}quota|rate limit|daily limit|monthly limit|too many requests|\b429\b|insufficient (?:funds|credit)",
    re.I,
)
NEAR_S = 900
SURGE = 1.6
"""Traffic that grows by this factor before the trouble is a surge."""


@dataclass(frozen=True, slots=True)
class Outside:
    """One such cause; `strength` 0 to 1, `component` what failed where it is named."""

    kind: Kind
    strength: float
    says: str
    cites: str
    quote: str
    component: str | None = None


def outside_of(
    gathered: Gathered, shifts: Sequence[Shift], templates: Sequence[Template], failing: dict[str, Failing], graph: Graph,
    start: int, texts: Sequence[tuple[str, str]],
) -> tuple[Outside, ...]:  # fmt: skip
    """All that speaks for a cause from outside, the strongest first. `texts` are (cites, text) of the alert itself."""
    new = [
        (each.example.cites, each.example.text) for each in templates if each.rank >= 3 and each.after > 2 * each.before
    ]
    new += [(span.cites, span.error) for span in gathered.spans if span.failed and span.error]
    found = [
        *_certificate([*texts, *new], shifts, start),
        *_provider(gathered, [*texts, *new], graph, failing, start),
        *_traffic(shifts, failing),
        *_by_words("machine", _MACHINE, 0.55, "a machine under it went away", [*texts, *new, *_said(gathered)]),
        *_by_words("data", _DATA, 0.45, "records that cannot be read come again and again", [*texts, *new]),
        *_by_words("quota", _QUOTA, 0.4, "a limit set by somebody else is reached", [*texts, *new]),
        *_schedule(templates, start),
    ]
    best: dict[Kind, Outside] = {}
    for each in found:
        if each.kind not in best or each.strength > best[each.kind].strength:
            best[each.kind] = each
    return tuple(sorted(best.values(), key=lambda each: (-each.strength, each.kind)))


def _said(gathered: Gathered) -> list[tuple[str, str]]:
    return [(each.cites, each.text) for each in gathered.said if each.level > 0]


def _by_words(
    kind: Kind, pattern: re.Pattern[str], strength: float, says: str, texts: Sequence[tuple[str, str]]
) -> Iterator[Outside]:
    for cites, text in texts:
        if pattern.search(text):
            yield Outside(kind, strength, says, cites, text)
            return


def _certificate(texts: Sequence[tuple[str, str]], shifts: Sequence[Shift], start: int) -> Iterator[Outside]:
    for cites, text in texts:
        if not _EXPIRED.search(text):
            continue
        at = next((moment(found["time"] or found["other"]) for found in _NOT_AFTER.finditer(text)), None)
        if at is not None and at > start + NEAR_S * 1_000_000:
            continue
        sure = 0.95 if at is not None else 0.8
        yield Outside(
            "certificate",
            sure,
            "a certificate or token ran out by the calendar, which no change brings about",
            cites,
            text,
        )
    for shift in shifts:
        if kind_of(shift.series.metric) == "expiry" and min(shift.series.values) <= 0 < max(shift.series.values):
            says = f"{shift.series.metric} reached zero"
            yield Outside("certificate", 0.95, says, shift.series.cites, shift.series.metric, shift.series.service)


def _provider(
    gathered: Gathered, texts: Sequence[tuple[str, str]], graph: Graph, failing: dict[str, Failing], start: int
) -> Iterator[Outside]:
    for each in gathered.said:
        near = each.at is None or abs(each.at - start) <= 6 * 3600 * 1_000_000
        if (
            each.level
            and near
            and _TROUBLE.search(each.text)
            and not _WELL.search(each.text)
            and _status_like(each.text)
        ):
            yield Outside("provider", 0.9, "its provider itself reports trouble", each.cites, each.quote or each.text)
    shared = {peer: graph.callers(peer) & failing.keys() for peer in graph.outside}
    for peer, hurt in sorted(shared.items()):
        if hurt and not _internal(peer):
            says = f"calls to it fail from {len(hurt)} services" if len(hurt) > 1 else "calls to it fail"
            span = next((span for span in gathered.spans if span.peer == peer and span.failed), None)
            if span is not None:
                yield Outside(
                    "provider", 0.8 if len(hurt) > 1 else 0.55, says, span.cites, span.error or span.name, peer
                )
    for cites, text in texts:
        found = _PROVIDER.search(text)
        if found is not None and not found["host"] and not _STRICKEN.search(text):
            found = None  # where something runs is no cause by itself
        if found is not None or _THIRD_PARTY.search(text):
            named = (found["host"] or found["region"]) if found is not None else None
            yield Outside("provider", 0.5, "the errors come from a provider outside", cites, text, named)
            return


def _status_like(text: str) -> bool:
    return bool(
        re.search(
            r"\bwe(?: are|'re| have)\b|experienc|customers?\b|users may|\bregion|availability.zone|elevated|increased",
            text,
            re.I,
        )
    )


def _internal(peer: str) -> bool:
    return bool(
        re.search(
            r"\.(?:svc|local|internal|cluster)\b|^(?:localhost|\d+\.\d+\.\d+\.\d+)|postgres|mysql|redis|kafka|mongo|mariadb|rabbit",
            peer,
            re.I,
        )
    )


def _traffic(shifts: Sequence[Shift], failing: dict[str, Failing]) -> Iterator[Outside]:
    begins = [each.first for each in failing.values() if each.first is not None]
    earliest = min(begins, default=None)
    for shift in shifts:
        if kind_of(shift.series.metric) != "traffic" or not shift.up or shift.factor < SURGE:
            continue
        if earliest is None or shift.at <= earliest + 60_000_000:
            lead = shift.series.service in failing
            says = f"{shift.series.metric} grew {shift.factor:.1f} times before the trouble"
            yield Outside(
                "traffic", 0.5 if lead else 0.3, says, shift.series.cites, shift.series.metric, shift.series.service
            )


def _schedule(templates: Sequence[Template], start: int) -> Iterator[Outside]:
    for each in templates:
        if (
            each.first is not None
            and 0 <= start - each.first <= NEAR_S * 1_000_000
            and _SCHEDULE.search(each.example.text)
            and each.total <= 3
        ):
            yield Outside(
                "schedule",
                0.5,
                "a scheduled job began just before",
                each.example.cites,
                each.example.text,
                each.service,
            )
