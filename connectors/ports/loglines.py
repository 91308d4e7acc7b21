"""Log lines as every tool that reads logs shows them: samples in order of time, and patterns counted before and after the start."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import Field

from connectors.ports.asking import Answer
from connectors.ports.texts import clipped
from schemas.masks import masked
from schemas.severity import Severity, severity_of, severity_rank
from schemas.time import SECOND, to_rfc3339

LINE = 500
"""Characters of a line that are shown."""
_LEVELS = ("detected_level", "level", "severity", "severity_text", "log.level", "lvl")
_SERVICES = ("service.name", "service_name", "service", "app", "app.kubernetes.io/name", "container", "job")
_LEVEL = re.compile(
    r"""(?:^|[\s\[{,"'(])(?:(?:level|severity|lvl)"?\s*[=:]\s*"?([A-Za-z]+)"""
    r"""|(FATAL|CRITICAL|PANIC|ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE)\b"""
    r"""|(fatal|critical|panic|error|warn(?:ing)?)(?:\ error)?:)"""
)
_RAISED = re.compile(r"\b[A-Za-z_.]*(?:Error|Exception): |^Traceback \(most recent call last\)")


class Entry(NamedTuple):
    """One line as read. `id` is what it can be cited by, where it has one."""

    at: int
    text: str
    severity: Severity = "info"
    service: str | None = None
    id: str = ""


class LineSeen(Answer):
    """One line near the incident."""

    at: str
    after_start_s: float = Field(description="Seconds after the incident's start; negative before it")
    severity: str = "info"
    service: str | None = None
    text: str
    id: str = ""


class Pattern(Answer):
    """Lines alike but for numbers, ids and times. New since the start when `before` is 0 and `after` is not."""

    pattern: str
    service: str | None
    severity: str
    before: int
    after: int
    first: str
    last: str
    example: str
    example_id: str = ""


class LogFindings(Answer):
    """What a question to a log store found. `total` lines were read; `complete` False: there are more, the latest were read."""

    query: str
    start: str
    since: str
    until: str
    total: int
    complete: bool = True
    lines: tuple[LineSeen, ...]
    patterns: tuple[Pattern, ...]


def severity_in(text: str, labels: Mapping[str, str]) -> Severity:
    """What the labels say, else what the beginning of the line says, else info."""
    for name in _LEVELS:
        if (found := severity_of(labels.get(name))) is not None:
            return found
    said = _LEVEL.search(text[:300])
    if said is not None and (found := severity_of(said[1] or said[2] or said[3])) is not None:
        return found
    return "error" if _RAISED.search(text[:300]) else "info"


def service_in(labels: Mapping[str, str]) -> str | None:
    """The service by the names it usually has among labels."""
    return next((labels[name] for name in _SERVICES if labels.get(name)), None)


def findings(
    query: str,
    entries: Iterable[Entry],
    *,
    start: int,
    since: int,
    until: int,
    shown: int,
    complete: bool,
    service: str | None,
) -> LogFindings:
    """The entries as a tool shows them: `shown` lines, the nearest to the start, and at most 25 patterns."""
    read = sorted(entries, key=lambda each: each.at)
    nearest = sorted(read, key=lambda each: (-severity_rank(each.severity) // 2, abs(each.at - start)))[:shown]
    return LogFindings(
        query=query,
        start=to_rfc3339(start),
        since=to_rfc3339(since),
        until=to_rfc3339(until),
        total=len(read),
        complete=complete,
        lines=tuple(
            LineSeen(
                at=to_rfc3339(each.at),
                after_start_s=round((each.at - start) / SECOND, 1),
                severity=each.severity,
                service=each.service,
                text=clipped(each.text, LINE),
                id=each.id,
            )
            for each in sorted(nearest, key=lambda each: each.at)
        ),
        patterns=patterns(read, start, service),
    )


def patterns(entries: Sequence[Entry], start: int, service: str | None, limit: int = 25) -> tuple[Pattern, ...]:
    """Entries grouped by service and masked first line: new since the start first, then of the given service, then by count."""
    groups: dict[tuple[str | None, str], list[Entry]] = {}
    for each in entries:
        groups.setdefault((each.service, masked(each.text.split("\n", 1)[0])), []).append(each)

    def made(key: tuple[str | None, str], group: list[Entry]) -> Pattern:
        before = sum(each.at < start for each in group)
        worst = max(group, key=lambda each: severity_rank(each.severity))
        return Pattern(
            pattern=clipped(key[1], 200),
            service=key[0],
            severity=worst.severity,
            before=before,
            after=len(group) - before,
            first=to_rfc3339(group[0].at),
            last=to_rfc3339(group[-1].at),
            example=clipped(worst.text, LINE),
            example_id=worst.id,
        )

    all_made = [made(key, group) for key, group in groups.items()]
    all_made.sort(
        key=lambda each: (
            each.before > 0,
            each.service != service,
            -severity_rank(each.severity),
            -(each.before + each.after),
            each.pattern,
        )
    )
    return tuple(all_made[:limit])
