"""Where a request came from, and what all signals of it share."""

import hashlib
from dataclasses import dataclass
from typing import Any

from connectors.sentry.settings import Project, SentrySettings
from schemas.signal import Signal


@dataclass(frozen=True, slots=True)
class Origin:
    """One request to one configured instance. `received_at` in microseconds."""

    settings: SentrySettings
    instance: str
    received_at: int
    delivery_id: str

    def project(self, number: str) -> Project:
        """What is configured for the project, or an empty configuration."""
        known = self.settings.projects.get(int(number)) if number.isascii() and number.isdigit() else None
        return known or Project()

    def signal(self, *, occurrence_id: str, revision: str = "", **fields: Any) -> Signal:
        """A signal of this request."""
        return Signal.observed(
            source="sentry",
            occurrence_id=occurrence_id,
            revision=revision,
            instance=self.instance,
            received_at=self.received_at,
            delivery_id=self.delivery_id,
            **fields,
        )


def delivery_of(content: bytes) -> str:
    """A delivery's identity: SHA-256 of its bytes, since Sentry gives each attempt a new Request-ID."""
    return hashlib.sha256(content).hexdigest()
