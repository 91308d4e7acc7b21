"""An action port: one kind of effect outside, and what its remote promises about repeats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from schemas import EffectClass, ExternalRef, Incident


class TryLater(Exception):
    """It certainly did not happen, and may succeed later (rate limit, connection refused, 503): wait at least `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(Exception):
    """The remote said no for good (invalid, forbidden): a retry with the same arguments is useless."""


class OutcomeUnknown(Exception):
    """The request went out and no answer came: it may have happened. What follows depends on the effect class."""


@dataclass(frozen=True, slots=True)
class Effect:
    """It happened. `external` is what stands outside now, if anything does; `repeated` when the remote knew the key already."""

    result: Mapping[str, Any] = field(default_factory=dict)
    external: ExternalRef | None = None
    repeated: bool = False


class ActionPort(Protocol):
    """One kind of action of one configured system."""

    kind: str
    """`SYSTEM.VERB`, such as `linear.create_issue`."""
    description: str
    effect: EffectClass
    arguments: type[BaseModel]
    deadline_s: float

    def missing(self) -> str | None:
        """What is not configured (a credential, a URL), as a sentence with the setting's name; None when it can be executed."""

    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> BaseModel:
        """Arguments as the analyst or template gave them, with configured defaults (team, labels, ids of what is already open)
        filled in and validated. Raises pydantic.ValidationError."""

    def render(self, arguments: BaseModel) -> str:
        """The effect in full, as text for a person; pure."""

    async def execute(self, arguments: BaseModel, key: str) -> Effect:
        """Cause the effect once. Raises TryLater, Rejected, OutcomeUnknown."""

    async def reconcile(self, arguments: BaseModel, key: str) -> Effect | None:
        """Look whether an effect with this key stands there already: the effect, or None when it does not. Raises TryLater."""
