"""An action: an intended effect outside."""

from typing import Any, Literal

from pydantic import Field

from schemas.record import Record
from schemas.time import Micros

ActionState = Literal["proposed", "approved", "denied", "expired", "executing", "succeeded", "failed", "unknown"]
EffectClass = Literal["keyed", "look_first", "at_least_once", "ask"]
"""keyed: the remote drops a repeat. look_first: search before a retry after an unknown outcome. at_least_once: twice rather than
never. ask: a person decides."""
Autonomy = Literal["observe", "propose", "act"]
"""observe: recorded only. propose: waits for a person. act: executed."""


class Action(Record):
    """An intended effect outside; `idempotency_key` is the same over every attempt."""

    id: str
    kind: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    idempotency_key: str
    state: ActionState = "proposed"
    effect: EffectClass = "ask"
    autonomy: Autonomy = "propose"
    incident_id: str
    investigation_id: str | None = None
    rendered: str = Field(default="", description="The effect in full, as a person would read it")
    withheld: str | None = Field(
        default=None, description="Why it is not executed although it may be: no credentials, a rehearsal"
    )
    attempts: int = 0
    proposed_at: Micros
    expires_at: Micros | None = None
    decided_by: str | None = None
    result: dict[str, Any] | None = None
    error: str | None = None
    rehearsal: bool = False
    trace: str | None = None
