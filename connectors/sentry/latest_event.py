"""What the Sentry event behind an incident says: exceptions, where it broke, tags, and what happened just before."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from connectors.ports.reading import line, mapping
from connectors.ports.stack import Frame, Raised
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.sentry.event import breadcrumbs, culprit_frame, message, tags, thrown, title
from schemas.signal import Signal
from schemas.time import Micros


class LatestEventArguments(BaseModel):
    """How much of the event to show; the defaults fit most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: int = Field(default=20, ge=1, le=500, description="Innermost frames shown of each exception")
    breadcrumbs: int = Field(default=10, ge=0, le=100, description="Latest breadcrumbs shown")


class FrameSeen(BaseModel):
    """One frame; `in_app` tells the project's own code from libraries."""

    file: str
    function: str
    line: int | None = None
    in_app: bool
    context_line: str = Field(default="", description="The source line, cut to 200 characters")


class ExceptionSeen(BaseModel):
    """One exception of the chain; `frames` are oldest call first, the last is where it was raised."""

    type: str
    value: str
    frames: list[FrameSeen]
    frames_left_out: int = Field(default=0, description="Outer frames not shown")


class BreadcrumbSeen(BaseModel):
    """Something the program did or logged shortly before."""

    at: Micros | None = None
    level: str = ""
    category: str = ""
    message: str = ""


class EventSaid(BaseModel):
    """What an event says. `exceptions` run from the first cause to what was finally thrown; `culprit` is where to look first."""

    title: str
    message: str = ""
    release: str | None = None
    transaction: str | None = None
    exceptions: list[ExceptionSeen]
    culprit: FrameSeen | None = None
    tags: dict[str, str]
    breadcrumbs: list[BreadcrumbSeen]
    breadcrumbs_left_out: int = 0


class LatestEvent(EventSaid):
    """One Sentry event among the signals."""

    signal_id: str
    event_id: str
    severity: str
    occurred_at: Micros
    service: str | None = None
    environment: str | None = None


class LatestEventTool(Tool):
    """Reads the latest Sentry event among the signals that triggered the investigation; asks nobody else."""

    name = "sentry.latest_event"
    description = (
        "The latest Sentry event of this incident: chain of exceptions with stack frames, the frame to look at first, "
        "tags, release and the breadcrumbs before it."
    )
    arguments: type[BaseModel] = LatestEventArguments
    result: type[BaseModel] = LatestEvent
    deadline_s = 5.0
    max_bytes = 100_000

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> LatestEvent:
        wanted = LatestEventArguments.model_validate(arguments.model_dump())
        events = [(signal, event) for signal in context.signals if (event := event_of(signal)) is not None]
        if not events:
            kinds = sorted({f"{signal.source} {signal.type}" for signal in context.signals})
            raise ToolFailed(
                f"no Sentry event among the {len(context.signals)} signals of incident {context.incident.id} ({', '.join(kinds) or 'none'})"
            )
        signal, event = max(events, key=lambda pair: pair[0].occurred_at)
        return describe(signal, event, wanted)


def event_of(signal: Signal) -> Mapping[str, Any] | None:
    """The event in a signal's payload, sent by an SDK or inside a webhook; None when it holds none."""
    if signal.source != "sentry" or signal.type != "error":
        return None
    raw = mapping(signal.raw)
    data = mapping(raw.get("data"))
    event = mapping(data.get("event")) or mapping(data.get("error")) or raw
    return event or None


def describe(signal: Signal, event: Mapping[str, Any], wanted: LatestEventArguments) -> LatestEvent:
    """The event as the tool shows it; pure."""
    return LatestEvent(
        signal_id=signal.id,
        event_id=signal.occurrence_id,
        severity=signal.severity,
        occurred_at=signal.occurred_at,
        service=signal.service,
        environment=signal.environment,
        **dict(said(event, wanted)),
    )


def said(event: Mapping[str, Any], wanted: LatestEventArguments) -> EventSaid:
    """What the event itself says; pure."""
    chain = thrown(event)
    crumbs = breadcrumbs(event)
    shown = crumbs[len(crumbs) - min(wanted.breadcrumbs, len(crumbs)) :]
    frame = culprit_frame(chain)
    return EventSaid(
        title=title(event),
        message=message(event)[:2_000],
        release=line(event.get("release"), 200) or None,
        transaction=line(event.get("transaction"), 200) or None,
        exceptions=[_exception(exception, wanted.frames) for exception in chain],
        culprit=_frame(frame) if frame else None,
        tags=tags(event),
        breadcrumbs=[
            BreadcrumbSeen(at=crumb.at, level=crumb.level, category=crumb.category, message=crumb.message)
            for crumb in shown
        ],
        breadcrumbs_left_out=len(crumbs) - len(shown),
    )


def _exception(exception: Raised, frames: int) -> ExceptionSeen:
    shown = exception.frames[-frames:]
    return ExceptionSeen(
        type=exception.type,
        value=exception.value[:1_000],
        frames=[_frame(frame) for frame in shown],
        frames_left_out=len(exception.frames) - len(shown),
    )


def _frame(frame: Frame) -> FrameSeen:
    return FrameSeen(
        file=frame.file,
        function=frame.function,
        line=frame.line,
        in_app=frame.in_app is True,
        context_line=frame.context_line,
    )
