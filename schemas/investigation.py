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
    call_id: str | None = Field(default=None, description="Of the model's call this answers")
    provenance: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="By argument: `model`, `playbook`, or the ids of the steps and signals in which its value stands",
    )


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
    cause: str | None = Field(default=None, description="The decision that selected the playbook")
    signal_ids: tuple[str, ...] = Field(default=(), description="What triggered it")
    gathers: tuple[str, ...] | None = Field(
        default=None, description="The tools it always runs, as they were configured when it began"
    )
    parent_id: str | None = Field(default=None, description="The investigation this one helps")
    helpers: tuple[str, ...] = Field(default=(), description="Investigations that help this one")
    shares: str | None = Field(
        default=None, description="The investigation whose conclusion this one takes, in a storm"
    )
    storm: str | None = Field(default=None, description="Key of the storm it belongs to")
    reserved: Usage | None = Field(default=None, description="Set aside for the model call under way")
    generation: int = Field(default=0, description="How often it paused: a job of an earlier pause is void")
    job: str | None = Field(default=None, description="The job that runs it now")
    waits_for: str | None = Field(default=None, description="What a paused one waits for")
    waited_s: float = Field(default=0, description="What it spent waiting")
    paused_at: Micros | None = None
