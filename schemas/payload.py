"""What each kind of decision says beyond its envelope: one shape per kind."""

from typing import Any

from pydantic import Field

from schemas.action import Action
from schemas.conclusion import Conclusion
from schemas.incident import Incident
from schemas.investigation import Step, Usage
from schemas.record import Part
from schemas.time import Micros


class SignalsCounted(Part):
    """Signals with one outcome over a stretch of the journal; each can be recomputed from the archived signals."""

    reason: str = Field(description="One of the reasons in docs/decisions.md")
    count: int
    since: Micros
    until: Micros
    exemplars: tuple[str, ...] = Field(default=(), description="Ids of some of them, at most 5")
    by: str | None = Field(default=None, description="The rule, silence or incident that did it")


class Quarantined(Part):
    """Input that could not be read; kept whole under `quarantine_id` and can be retried."""

    quarantine_id: str
    source: str
    instance: str = "default"
    reason: str
    size: int


class IncidentChanged(Part):
    """The incident as it is after the decision, and what of it changed."""

    incident: Incident
    signal_id: str | None = None
    changes: tuple[str, ...] = Field(
        default=(), description="Names of fields of the incident; `fired`: what its rule counts or joins held again"
    )
    waits: bool = Field(default=False, description="People hear of it by `playbook.notified`, in the rule's own time")


class IncidentMerged(IncidentChanged):
    """The incident is part of another one from here on, which tells of both."""

    into: str = Field(description="The incident that leads")
    reason: str = Field(
        description="labels, services, learnt, change, weighed, second_look or handed_over; the first of `reasons`"
    )
    reasons: tuple[str, ...] = Field(default=(), description="All of them that hold")
    words: tuple[str, ...] = Field(default=(), description="Each thing that was asked for, as it is, in words")


class PlaybookSelected(Part):
    """Investigate `incident` by `playbook`; `signal_ids` are what triggered it."""

    playbook: str
    incident: Incident
    signal_ids: tuple[str, ...] = ()


class PlaybookSkipped(Part):
    """No investigation is started, and the reason out of a closed set: shadow, throttled, running, unknown_playbook, none_named."""

    playbook: str | None = None
    reason: str


class PlaybookHeld(Part):
    """What is due to be told of an incident is held back, by what and until when; told once for each cause, not for each signal."""

    playbook: str | None = None
    reason: str = Field(description="waiting, inhibited, silenced, muted, throttled, flapping, storm or joined")
    by: str | None = Field(default=None, description="The rule, silence, named time or incident that holds it")
    until: Micros | None = Field(default=None, description="When it is looked at again, where that is known")


class SignalTold(Part):
    """A signal of a group that is told of, and whether its occurrence fires at that moment."""

    id: str
    status: str = Field(description="firing or resolved")


class PlaybookNotified(Part):
    """A group that waits was told of. A beginning is followed by `playbook.selected` or by `.skipped` with its reason; an end is all."""

    playbook: str
    reason: str = Field(description="first, new, some_resolved, all_resolved or repeat")
    group: dict[str, str] = Field(
        default_factory=dict, description="The values grouped by, by path, without empty ones"
    )
    incident: Incident
    signals: tuple[SignalTold, ...] = Field(
        default=(), description="All of the group that nothing holds, at most 1,000; ends only where they are told of"
    )


class SilenceAsked(Part):
    """A silence has hidden a critical incident for long: does it still mean that?"""

    silence_id: str
    author: str
    matcher: str
    since: Micros = Field(description="Since when the incident is hidden")
    until: Micros = Field(description="When the silence ends by itself")


class InvestigationChanged(Part):
    """The investigation started, paused, resumed or failed."""

    playbook: str
    reason: str = ""
    attempt: int = 1


class StepTaken(Part):
    """One step of an investigation, whole."""

    step: Step


class Concluded(Part):
    """How an investigation ended."""

    playbook: str
    conclusion: Conclusion
    usage: Usage = Usage()
    steps: int = 0


class ActionChanged(Part):
    """The action as it is after the decision."""

    action: Action


class Escalated(Part):
    """A step of an escalation policy."""

    policy: str
    step: int = 0
    target: str = ""
    reason: str = ""


class OutcomeSeen(Part):
    """Whether what was expected after acting came true."""

    expected: str
    observed: str


class CommandTaken(Part):
    """A command that changed something or was refused: its kind and data."""

    command_id: str
    kind: str
    data: dict[str, Any] = Field(default_factory=dict)


DATA: dict[str, type[Part]] = {
    "signal.deduplicated": SignalsCounted,
    "signal.suppressed": SignalsCounted,
    "signal.unmatched": SignalsCounted,
    "signal.quarantined": Quarantined,
    "state.evicted": SignalsCounted,
    "incident.opened": IncidentChanged,
    "incident.updated": IncidentChanged,
    "incident.acknowledged": IncidentChanged,
    "incident.resolved": IncidentChanged,
    "incident.reopened": IncidentChanged,
    "incident.merged": IncidentMerged,
    "playbook.selected": PlaybookSelected,
    "playbook.skipped": PlaybookSkipped,
    "playbook.held": PlaybookHeld,
    "playbook.notified": PlaybookNotified,
    "investigation.started": InvestigationChanged,
    "investigation.step": StepTaken,
    "investigation.paused": InvestigationChanged,
    "investigation.resumed": InvestigationChanged,
    "investigation.concluded": Concluded,
    "investigation.failed": InvestigationChanged,
    "action.proposed": ActionChanged,
    "action.approved": ActionChanged,
    "action.denied": ActionChanged,
    "action.expired": ActionChanged,
    "action.attempted": ActionChanged,
    "action.succeeded": ActionChanged,
    "action.failed": ActionChanged,
    "action.unknown": ActionChanged,
    "action.reconciled": ActionChanged,
    "escalation.started": Escalated,
    "escalation.step": Escalated,
    "escalation.acknowledged": Escalated,
    "escalation.exhausted": Escalated,
    "outcome.confirmed": OutcomeSeen,
    "outcome.contradicted": OutcomeSeen,
    "feedback.given": CommandTaken,
    "rules.activated": CommandTaken,
    "silence.created": CommandTaken,
    "silence.expired": CommandTaken,
    "silence.asked": SilenceAsked,
    "fact.set": CommandTaken,
    "command.refused": CommandTaken,
}
"""The shape of `Decision.data`, by kind; `decide` accepts no other."""
