"""A decision: the envelope of everything decided."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from schemas.ids import digest
from schemas.payload import DATA
from schemas.record import Part, Record
from schemas.time import Micros

DecisionKind = Literal[
    "signal.deduplicated",
    "signal.suppressed",
    "signal.unmatched",
    "signal.quarantined",
    "state.evicted",
    "incident.opened",
    "incident.updated",
    "incident.acknowledged",
    "incident.resolved",
    "incident.reopened",
    "incident.merged",
    "playbook.selected",
    "playbook.skipped",
    "playbook.held",
    "playbook.notified",
    "investigation.started",
    "investigation.step",
    "investigation.paused",
    "investigation.resumed",
    "investigation.concluded",
    "investigation.failed",
    "action.proposed",
    "action.approved",
    "action.denied",
    "action.expired",
    "action.attempted",
    "action.succeeded",
    "action.failed",
    "action.unknown",
    "action.reconciled",
    "escalation.started",
    "escalation.step",
    "escalation.acknowledged",
    "escalation.exhausted",
    "outcome.confirmed",
    "outcome.contradicted",
    "feedback.given",
    "rules.activated",
    "silence.created",
    "silence.expired",
    "silence.asked",
    "fact.set",
    "command.refused",
]
"""Closed for writing; a reader meets kinds of newer writers as plain text and passes them on."""

Actor = str
"""`rule:NAME`, `analyst`, `human:NAME` or `system`."""


class Versions(Part):
    """Content hashes of what decided."""

    rules: str | None = None
    rule: str | None = None
    playbook: str | None = None
    configuration: str | None = None
    code: str | None = None


class Cost(Part):
    """What deciding took."""

    usd: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


class Decision(Record):
    """One thing decided, by whom, resting on what, and why. Make them with `decide`, which computes the id."""

    id: str
    at: Micros = Field(description="Journal time, or the due time of the timer that fired")
    kind: str
    actor: Actor
    because: str = Field(description="One sentence for people")
    incident_id: str | None = None
    investigation_id: str | None = None
    action_id: str | None = None
    cause: tuple[str, ...] = Field(default=(), description="Ids of the records it rests on")
    data: dict[str, Any] = Field(default_factory=dict, description="By kind: see schemas/payload.py")
    versions: Versions = Versions()
    cost: Cost | None = None
    rehearsal: bool = False
    trace: str | None = None


def decide(
    kind: DecisionKind,
    *,
    at: int,
    actor: Actor,
    because: str,
    cause: Sequence[str],
    data: Part,
    index: int = 0,
    attempt: int = 0,
    **fields: Any,
) -> Decision:
    """A decision with its id: hash of cause, kind, index and attempt; deciding again after a crash gives the same one.

    `index` tells apart decisions of one kind with one cause, `attempt` repeats that are meant. `data` is the shape
    `schemas.payload.DATA` names for the kind; another raises TypeError. `fields` are the other fields of Decision.
    """
    if type(data) is not DATA[kind]:
        raise TypeError(f"a decision of kind {kind!r} carries {DATA[kind].__name__}, found {type(data).__name__}")
    identity = digest("dec", kind, index, attempt, *cause)
    plain = data.model_dump(mode="json", exclude_none=True)
    return Decision(
        id=identity, at=at, kind=kind, actor=actor, because=because, cause=tuple(cause), data=plain, **fields
    )
