"""What every tool over our own stream shares: the moment it looks from, and how a signal is shown."""

from collections.abc import Sequence

from pydantic import Field

from connectors.ports.asking import Answer
from connectors.ports.texts import clipped
from connectors.ports.tool import ToolContext, ToolFailed
from schemas import Signal, to_rfc3339
from schemas.time import SECOND

DEADLINE_S = 10.0
MAX_BYTES = 64_000
SCANNED = 5_000
"""Signals read from the archive for one question."""


class Looked(Answer):
    """Result of a tool that looked at signals in a range of time."""

    complete: bool = Field(
        default=True,
        description="False: there was more in the range than is looked at at once; the latest was looked at, narrow the range",
    )


class Seen(Answer):
    """One signal near the incident."""

    id: str
    at: str
    after_start_s: float = Field(description="Seconds after the incident's start; negative before it")
    type: str
    status: str
    severity: str
    source: str
    service: str | None = None
    environment: str | None = None
    title: str
    body: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    own: bool = Field(default=False, description="One of this incident's own signals")


def start_of(context: ToolContext) -> int:
    """When the incident began, as far as its first signal tells; microseconds."""
    return context.incident.first_seen


def seen(signal: Signal, start: int, *, own: bool = False, body: int = 300) -> Seen:
    """A signal as tools show it."""
    return Seen(
        id=signal.id,
        at=to_rfc3339(signal.occurred_at),
        after_start_s=round((signal.occurred_at - start) / SECOND, 1),
        type=signal.type,
        status=signal.status,
        severity=signal.severity,
        source=signal.source,
        service=signal.service,
        environment=signal.environment,
        title=clipped(signal.title, 200),
        body=clipped(signal.body, body) if signal.body != signal.title else "",
        labels={clipped(k, 60): clipped(v, 120) for k, v in list(signal.labels.items())[:20]},
        own=own,
    )


def first_by_nearness(signals: Sequence[Signal], context: ToolContext, limit: int) -> list[Signal]:
    """The `limit` signals that matter most, same service first, then nearest to the start; in order of time."""
    start, service = start_of(context), context.incident.service
    ranked = sorted(
        signals,
        key=lambda each: (service is not None and each.service != service, abs(each.occurred_at - start), each.id),
    )
    return sorted(ranked[:limit], key=lambda each: (each.occurred_at, each.id))


def all_of(found: Sequence[Signal]) -> bool:
    """Whether `read` gave everything there was in its range."""
    return len(found) < SCANNED


async def read(
    context: ToolContext,
    question: str,
    *,
    since: int,
    until: int,
    types: Sequence[str] = (),
    service: str | None = None,
) -> Sequence[Signal]:
    """Signals of the archive, the latest SCANNED of the range, or ToolFailed with the question and its range. What was rehearsed did not
    happen: only a rehearsal is told of it."""
    try:
        found = await context.archive.signals(
            since=max(0, since), until=until, types=types, service=service, limit=SCANNED
        )
        return [each for each in found if context.incident.rehearsal or not each.rehearsal]
    except (OSError, ValueError) as error:
        raise ToolFailed(f"{question} from {to_rfc3339(max(0, since))} to {to_rfc3339(until)}: {error}") from error
