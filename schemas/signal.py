"""A signal: one thing that was observed; and the batch in which log lines travel."""

from typing import Any, Literal

from pydantic import Field

from schemas.ids import digest
from schemas.record import Part, Record
from schemas.severity import Severity
from schemas.time import Micros

SignalType = Literal["alert", "error", "log", "issue", "comment", "change", "check_in", "loss"]
SignalStatus = Literal["firing", "resolved", "acknowledged", "suppressed", "info"]

REMEMBER_S = 48 * 3600
"""How long a signal's id is remembered unless its connector says otherwise: PagerDuty's retry horizon, the longest known."""


class Link(Part):
    """Where to look: `rel` is what it leads to (`self`, `dashboard`, `runbook`, `source`, `silence`)."""

    rel: str
    url: str
    title: str | None = None


class Signal(Record):
    """One thing that was observed, in one shape whatever sent it.

    `id` is the hash of (source, occurrence, revision): a redelivery, or the same fact by another path, has the same id; a changed
    state has another. Make signals with `Signal.observed`, which computes it.
    """

    id: str
    source: str = Field(description="The connector that heard it: sentry, alertmanager, linear, ...")
    instance: str = Field(default="default", description="Which configured instance of the connector")
    type: SignalType
    status: SignalStatus = "firing"
    severity: Severity = "info"
    title: str = Field(description="One line for people")
    body: str = ""
    service: str | None = None
    environment: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    measures: dict[str, float] = Field(default_factory=dict)
    links: tuple[Link, ...] = ()
    occurred_at: Micros = Field(description="Event time: when it happened, as the sender says")
    received_at: Micros = Field(description="When the request reached the door")
    accepted_at: Micros | None = Field(
        default=None, description="When it became durable; stamped by the journal, not stored in the payload"
    )
    expires_at: Micros | None = Field(
        default=None, description="A firing signal counts as resolved from here on, unless renewed"
    )
    delivery_id: str | None = Field(default=None, description="A retry of the same request has the same")
    occurrence_id: str = Field(description="The same fact by another way has the same")
    revision: str = Field(default="", description="What of the occurrence may change: status, endsAt, updatedAt")
    group_key: str = Field(description="The same problem has the same")
    remember_s: int = Field(default=REMEMBER_S, description="How long a repeat of this id is recognised, in seconds")
    actor: str | None = Field(
        default=None, description="Who caused it, as the source names them; to recognise ourselves"
    )
    own: bool = Field(default=False, description="Tocsin itself caused it: kept as context, never opens anything")
    rehearsal: bool = Field(default=False, description="Nothing that follows from it is ever sent")
    trace: str | None = Field(default=None, description="W3C traceparent of the request that brought it")
    raw: Any = Field(default=None, description="The payload as received, secrets replaced")

    @classmethod
    def observed(cls, *, source: str, occurrence_id: str, revision: str = "", **fields: Any) -> "Signal":
        """A signal with its identity computed. Raises pydantic.ValidationError when a field is wrong."""
        fields["id"] = digest("sig", source, occurrence_id, revision)
        fields["source"] = source
        fields["occurrence_id"] = occurrence_id
        fields["revision"] = revision
        return cls.model_validate(fields)  # a third faster than calling the class with keywords


class LogLine(Part):
    """One log line of a batch; its signal id is `BATCH/INDEX`."""

    occurred_at: Micros
    severity: Severity = "info"
    body: str
    labels: dict[str, str] = Field(default_factory=dict)
    measures: dict[str, float] = Field(default_factory=dict)
    trace_id: str | None = None


class LogBatch(Record):
    """Log lines that came in one request from one service, stored as one record."""

    id: str
    source: str
    instance: str = "default"
    service: str | None = None
    environment: str | None = None
    labels: dict[str, str] = Field(default_factory=dict, description="What all lines share")
    received_at: Micros
    remember_s: int = 600
    rehearsal: bool = False
    trace: str | None = None
    lines: tuple[LogLine, ...]

    def signals(self) -> list[Signal]:
        """The lines as signals of type `log`, in order; `group_key` is the service and the line's logger or severity."""
        return [self.signal(index) for index in range(len(self.lines))]

    def signal(self, index: int) -> Signal:
        """Line `index` as a signal with id `BATCH/INDEX`. Raises IndexError."""
        line = self.lines[index]
        labels = {**self.labels, **line.labels}
        return Signal(
            id=f"{self.id}/{index}",
            source=self.source,
            instance=self.instance,
            type="log",
            status="firing" if line.severity in ("critical", "error") else "info",
            severity=line.severity,
            title=line.body.split("\n", 1)[0][:200],
            body=line.body,
            service=self.service,
            environment=self.environment,
            labels=labels,
            measures=line.measures,
            occurred_at=line.occurred_at,
            received_at=self.received_at,
            occurrence_id=f"{self.id}/{index}",
            group_key=f"log:{self.service or ''}:{labels.get('logger', line.severity)}",
            remember_s=self.remember_s,
            rehearsal=self.rehearsal,
            trace=self.trace,
        )
