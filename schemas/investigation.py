"""An investigation: one run of one playbook version on one incident, step by step."""

from typing import Any, Literal

from pydantic import Field

from schemas.conclusion import Conclusion
from schemas.incident import Incident
from schemas.record import Part, Record
from schemas.time import Micros

InvestigationStatus = Literal["queued", "running", "paused", "concluded", "failed"]
StepKind = Literal["model_call", "tool_call", "event", "compaction"]


class Usage(Part):
    """What was spent: tokens, money, time."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    wall_s: float = 0.0
    tool_calls: int = 0
    model_calls: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """The sum, field by field."""
        mine, theirs = self.model_dump(), other.model_dump()
        return Usage(**{name: mine[name] + theirs[name] for name in type(self).model_fields})


class Step(Record):
    """One recorded step. `id` = `INVESTIGATION/INDEX`; evidence cites it. Appended before its result is used."""

    id: str
    investigation_id: str
    index: int
    kind: StepKind
    name: str = Field(description="The tool, the model, or what the event was")
    arguments: dict[str, Any] = Field(default_factory=dict)
    success: bool = True
    result: Any = None
    error: str | None = None
    started_at: Micros
    finished_at: Micros
    usage: Usage = Usage()


class Investigation(Record):
    """The run as far as it got: its steps are stored one by one beside it."""

    id: str
    incident_id: str
    playbook: str
    playbook_version: str = Field(description="Content hash of the playbook it began with, and keeps")
    status: InvestigationStatus = "queued"
    incident: Incident = Field(description="The incident as it was when the playbook was selected")
    steps: int = Field(default=0, description="How many steps are recorded")
    usage: Usage = Usage()
    conclusion: Conclusion | None = None
    error: str | None = None
    attempt: int = 1
    queued_at: Micros
    started_at: Micros | None = None
    finished_at: Micros | None = None
    trace: str | None = None
