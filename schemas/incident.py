"""An incident: signals that are one problem."""

from typing import Literal

from pydantic import Field

from schemas.record import Part, Record
from schemas.severity import Severity
from schemas.signal import Link
from schemas.time import Micros

IncidentStatus = Literal["open", "acknowledged", "resolved"]


class ExternalRef(Part):
    """What was opened for it outside: an issue, a page, a comment."""

    system: str
    kind: str
    id: str
    url: str | None = None
    title: str | None = None


class Root(Part):
    """The incident of several that belong together in which the others seem to have begun."""

    service: str
    incident_id: str
    because: tuple[str, ...] = Field(default=(), description="What speaks for it, and against it")


class Incident(Record):
    """Signals that are one problem. Triage is its only writer; `id` = hash of (rule, group values, episode)."""

    id: str
    rule: str
    group: dict[str, str] = Field(description="The values grouped by, by path")
    group_id: str = Field(description="Hash of rule and group values: the same over episodes")
    episode: int = Field(default=1, description="1 for the first time, counted up each time it opens anew")
    reopened: int = Field(default=0, description="How often it opened again within this episode")
    status: IncidentStatus = "open"
    severity: Severity = Field(description="The worst seen")
    title: str
    service: str | None = None
    environment: str | None = None
    source: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict, description="Texts for people, set by the rule")
    owner: str | None = None
    playbook: str | None = None
    first_seen: Micros = Field(description="Event time of the earliest signal")
    last_seen: Micros = Field(description="Event time of the latest signal")
    opened_at: Micros
    acknowledged_at: Micros | None = None
    acknowledged_by: str | None = None
    resolved_at: Micros | None = None
    resolved_by: str | None = None
    signals: int = Field(default=0, description="Signals counted into it, repeats excluded")
    duplicates: int = Field(default=0, description="Repeats recognised")
    firing: tuple[str, ...] = Field(default=(), description="Occurrences firing now, at most 1,000 kept by name")
    signal_ids: tuple[str, ...] = Field(default=(), description="The first and the latest signals, at most 50")
    links: tuple[Link, ...] = ()
    members: tuple[str, ...] = Field(
        default=(), description="Incidents it tells of: those of a storm, or that joined it; at most 1,000"
    )
    parent: str | None = Field(default=None, description="The incident of which it is a part, and which tells of it")
    root: Root | None = Field(default=None, description="Where it and those that joined it seem to have begun")
    external: tuple[ExternalRef, ...] = ()
    verdict: str | None = Field(default=None, description="Of the last concluded investigation")
    feedback: tuple[str, ...] = ()
    rehearsal: bool = False
    trace: str | None = None

    def opened(self, system: str, kind: str) -> ExternalRef | None:
        """What was opened last for it outside, of this kind in this system."""
        return next((ref for ref in reversed(self.external) if ref.system == system and ref.kind == kind), None)
