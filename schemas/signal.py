"""A signal: one thing that was observed; and the batch in which log lines travel."""

from typing import Any, Literal

import orjson
from pydantic import Field
from typing_extensions import override

from schemas.ids import signal_id
from schemas.record import Part, Record, unchecked
from schemas.severity import Severity
from schemas.time import Micros, to_rfc3339

SignalType = Literal["alert", "error", "log", "issue", "comment", "change", "check_in", "loss"]
SignalStatus = Literal["firing", "resolved", "acknowledged", "suppressed", "info"]

REMEMBER_S = 48 * 3600
"""How long a signal's id is remembered unless its connector says otherwise: PagerDuty's retry horizon, the longest known."""


class Link(Part):
    """Where to look: `rel` is what it leads to (`self`, `dashboard`, `runbook`, `source`, `silence`)."""

    rel: str
    url: str
    title: str | None = None

    @classmethod
    def made(cls, rel: str, url: str, title: str | None = None) -> "Link":
        """A link of values that have their types already: nothing is checked."""
        return unchecked(cls, {"rel": rel, "url": url, "title": title}, _LINK)


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
        fields["id"] = signal_id(source, occurrence_id, revision)
        fields["source"] = source
        fields["occurrence_id"] = occurrence_id
        fields["revision"] = revision
        return cls.model_validate(fields)  # a third faster than calling the class with keywords

    @classmethod
    def made(
        cls,
        *,
        source: str,
        occurrence_id: str,
        type: SignalType,  # noqa: A002  (the name of the field)
        title: str,
        occurred_at: int,
        received_at: int,
        group_key: str,
        instance: str = "default",
        status: SignalStatus = "firing",
        severity: Severity = "info",
        body: str = "",
        service: str | None = None,
        environment: str | None = None,
        labels: dict[str, str] | None = None,
        measures: dict[str, float] | None = None,
        links: tuple[Link, ...] = (),
        expires_at: int | None = None,
        delivery_id: str | None = None,
        revision: str = "",
        remember_s: int = REMEMBER_S,
        actor: str | None = None,
        own: bool = False,
        rehearsal: bool = False,
        raw: Any = None,
    ) -> "Signal":
        """As `observed`, of values that have their types already: nothing is checked, which is five times as fast. For connectors
        that many signals come through."""
        values = {
            "schema_version": 1,
            "id": signal_id(source, occurrence_id, revision),
            "source": source,
            "instance": instance,
            "type": type,
            "status": status,
            "severity": severity,
            "title": title,
            "body": body,
            "service": service,
            "environment": environment,
            "labels": {} if labels is None else labels,
            "measures": {} if measures is None else measures,
            "links": links,
            "occurred_at": occurred_at,
            "received_at": received_at,
            "accepted_at": None,
            "expires_at": expires_at,
            "delivery_id": delivery_id,
            "occurrence_id": occurrence_id,
            "revision": revision,
            "group_key": group_key,
            "remember_s": remember_s,
            "actor": actor,
            "own": own,
            "rehearsal": rehearsal,
            "trace": None,
            "raw": raw,
        }
        return unchecked(cls, values, _SIGNAL)

    @override
    def to_json(self) -> bytes:
        """The same bytes as any record's, in a third of the time."""
        if self.__pydantic_extra__:
            return super().to_json()
        written = self.__dict__.copy()
        for name in _MAYBE:
            if written[name] is None:
                del written[name]
        for name in _MOMENTS:
            if name in written:
                written[name] = to_rfc3339(written[name])
        try:
            return orjson.dumps(written, _part, _STRICT)
        except TypeError:  # what only the model's own serializer can write, or refuses with its own words
            return super().to_json()


_MOMENTS = ("occurred_at", "received_at", "accepted_at", "expires_at")
_MAYBE = tuple(name for name, field in Signal.model_fields.items() if field.default is None)
_LINK = set(Link.model_fields)
_SIGNAL = set(Signal.model_fields)
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def _part(value: object) -> dict[str, Any]:
    """A link as it is written. Raises TypeError for anything else."""
    if not isinstance(value, Link) or value.__pydantic_extra__:
        raise TypeError
    return {name: item for name, item in value.__dict__.items() if item is not None}


class LogLine(Part):
    """One log line of a batch; its signal id is `BATCH/INDEX`."""

    occurred_at: Micros
    severity: Severity = "info"
    body: str
    labels: dict[str, str] = Field(default_factory=dict)
    measures: dict[str, float] = Field(default_factory=dict)
    trace_id: str | None = None

    @classmethod
    def made(
        cls,
        *,
        occurred_at: int,
        severity: Severity,
        body: str,
        labels: dict[str, str],
        measures: dict[str, float],
        trace_id: str | None,
    ) -> "LogLine":
        """A line of values that have their types already: nothing is checked."""
        values = {
            "occurred_at": occurred_at,
            "severity": severity,
            "body": body,
            "labels": labels,
            "measures": measures,
            "trace_id": trace_id,
        }
        return unchecked(cls, values, _LOG_LINE)


_LOG_LINE = set(LogLine.model_fields)


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
