"""Logs an SDK sends (items of type `log`), as batches of lines.

Follows https://develop.sentry.dev/sdk/telemetry/logs/: `{"version": 2, "items": [...]}`, each attribute an object of `value` and `type`.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from connectors.ports.reading import line, mapping, moment, number, sequence, text
from connectors.sentry.event import package_of, severity_of_level
from connectors.sentry.origin import Origin, delivery_of
from schemas.ids import digest
from schemas.severity import Severity
from schemas.signal import LogBatch, LogLine

_LABELS = {
    "logger.name": "logger",
    "server.address": "server_name",
    "sentry.release": "release",
    "sentry.sdk.name": "sdk",
    "service.name": "service",
}
_FIELDS = frozenset(("sentry.environment", "sentry.severity_text", "sentry.severity_number"))


class _Line(NamedTuple):
    """A line before it is known what all lines of its batch share."""

    occurred_at: int
    severity: Severity
    body: str
    labels: dict[str, str]
    measures: dict[str, float]
    trace_id: str | None


def log_batches(
    items: object, origin: Origin, project: str, sent_at: int, content: bytes
) -> tuple[list[LogBatch], int, tuple[str, ...]]:
    """The lines of one `log` item as batches, one per service and environment; how many lines were not objects; unknown levels.

    Attributes become labels, numbers measures; what all lines of a batch share stands at the batch.
    """
    found: dict[tuple[str | None, str | None], list[_Line]] = {}
    unreadable = 0
    unknown: list[str] = []
    configured = origin.project(project)
    for entry in sequence(items):
        if not isinstance(entry, dict):
            unreadable += 1
            continue
        attributes = {
            _name(name): value.get("value", value) if type(value) is dict else value
            for name, value in mapping(entry.get("attributes")).items()
        }
        level = entry.get("level") or "info"
        grade, word = _severity(level) if type(level) is str else severity_of_level(level)
        if word:
            unknown.extend(word)
        labels, measures = _split(attributes)
        service = configured.service or labels.pop("service", None) or package_of(labels.get("release"))
        environment = line(attributes.get("sentry.environment"), 100) or configured.environment
        found.setdefault((service, environment), []).append(
            _Line(
                moment(entry.get("timestamp")) or sent_at,
                grade,
                text(entry.get("body"), 64_000),
                labels,
                measures,
                line(entry.get("trace_id"), 64) or None,
            )
        )
    identity = delivery_of(content)
    batches = [
        _batch(origin, project, service, environment, lines, digest("bat", "sentry", project, identity, index))
        for index, ((service, environment), lines) in enumerate(found.items())
    ]
    return batches, unreadable, tuple(unknown)


def _batch(
    origin: Origin, project: str, service: str | None, environment: str | None, lines: list[_Line], identity: str
) -> LogBatch:
    shared = dict(lines[0].labels)
    for other in lines[1:]:
        if other.labels != shared:
            shared = {name: value for name, value in shared.items() if other.labels.get(name) == value}
    own = [
        LogLine.made(
            occurred_at=entry.occurred_at,
            severity=entry.severity,
            body=entry.body,
            labels={name: value for name, value in entry.labels.items() if name not in shared},
            measures=entry.measures,
            trace_id=entry.trace_id,
        )
        for entry in lines
    ]
    if project:
        shared["project"] = project
    return LogBatch(
        id=identity,
        source="sentry",
        instance=origin.instance,
        service=service,
        environment=environment,
        labels=shared,
        received_at=origin.received_at,
        lines=tuple(own),
    )


def _split(attributes: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, float]]:
    labels: dict[str, str] = {}
    measures: dict[str, float] = {}
    for name, value in islice(attributes.items(), 200):
        if not name or name in _FIELDS:
            continue
        quantity = None if type(value) is str else number(value)
        if quantity is not None:
            measures[name] = quantity
        elif written := line(value, 1_000):
            labels[_LABELS.get(name, name)] = written
    return labels, measures


_severity = lru_cache(maxsize=256)(severity_of_level)


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    """An attribute's name on one line. Remembered: an SDK says the same names again and again."""
    return line(name, 200)
