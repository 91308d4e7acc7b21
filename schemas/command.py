"""A command: anything but a signal that changes what triage knows, ordered among the signals."""

from typing import Any, Literal

from pydantic import Field

from schemas.record import Record
from schemas.time import Micros

CommandKind = Literal[
    "acknowledge",
    "resolve",
    "separate",
    "feedback",
    "silence",
    "expire_silence",
    "approve",
    "deny",
    "steer",
    "ask",
    "set_fact",
    "activate_rules",
    "outcome",
]


class Command(Record):
    """What somebody or something asked for. `data` by kind:

    - acknowledge, resolve, separate (from the incident of which it is a part): nothing more
    - feedback: `verdict` (a Verdict), `text`
    - silence: `matcher` (CEL), `until` (RFC 3339), `starts_at`; expire_silence: `silence_id`
    - approve, deny: `action_id`
    - steer: `investigation_id`, `text`, `cancel` (true: stop and conclude from what there is); ask: `investigation_id`, `text`
    - set_fact: `key`, `value`, `for_s`
    - activate_rules: `version` (content hash of the rule set)
    - outcome: `action_id`, `state` (an ActionState), `result`, `external` (an ExternalRef) or, from an investigation,
      `investigation_id`, `verdict`, `summary`, `as_of` (when it last looked at the incident)
    """

    id: str
    kind: str = Field(description="A CommandKind; kinds of newer writers are passed on untouched")
    author: str = Field(description="human:NAME, system or a processor's name")
    reason: str = ""
    origin: str = Field(description="Where it was made: cli, console, api, linear, slack, system")
    at: Micros
    incident_id: str | None = None
    rehearsal: bool = False
    data: dict[str, Any] = Field(default_factory=dict)
