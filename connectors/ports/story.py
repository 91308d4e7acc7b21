"""An incident as it is told to programs outside: plain JSON, the same to every receiver."""

from typing import Any

from schemas import Incident


def story(incident: Incident) -> dict[str, Any]:
    """What a receiver may rely on; absent fields are left out."""
    told = incident.model_dump(
        mode="json",
        include={
            "id", "episode", "status", "severity", "title", "service", "environment", "source", "labels", "rule", "group",
            "first_seen", "last_seen", "signals", "links", "external", "verdict",
        },
        exclude_none=True,
    )  # fmt: skip
    return dict(told)
