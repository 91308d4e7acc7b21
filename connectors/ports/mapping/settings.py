"""What can be configured about reading JSON of any shape."""

from jmespath import compile as compile_jmespath
from jmespath.exceptions import JMESPathError
from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors.ports.connector import Settings
from schemas import Severity, SignalStatus, SignalType
from schemas.signal import REMEMBER_S

REPEATS_S = 600
"""How long content without an id of its own is taken for a repeat of the same content."""


class Mapping(BaseModel):
    """Where each field of a signal stands in the sender's JSON: JMESPath expressions (https://jmespath.org/specification.html).

    A field without an expression, or whose expression finds null, is guessed from the common names (docs/connectors/generic.md)
    unless `guess` is false; then `defaults` apply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: str | None = Field(default=None, description="Finds the array whose elements are one signal each")
    title: str | None = Field(default=None, description="One line for people")
    body: str | None = Field(default=None, description="The long text")
    type: str | None = Field(default=None, description="alert, error, log, issue, comment, change, check_in or loss")
    status: str | None = Field(
        default=None, description="firing, resolved, acknowledged, suppressed, info or a common word for it"
    )
    severity: str | None = Field(default=None, description="Any word of the severity table")
    service: str | None = Field(default=None, description="What it is about")
    environment: str | None = Field(default=None, description="Where it runs")
    labels: str | None = Field(default=None, description="Finds an object, or an array of `key:value` texts")
    measures: str | None = Field(default=None, description="Finds an object whose numbers are kept")
    url: str | None = Field(default=None, description="Finds a link, or an array of links")
    occurred_at: str | None = Field(default=None, description="RFC 3339, or seconds, ms, µs or ns since the epoch")
    id: str | None = Field(default=None, description="What names this fact: a repeat of it has the same")
    revision: str | None = Field(
        default=None, description="What of the fact may change; by default status and severity"
    )
    group_key: str | None = Field(default=None, description="What names the problem: all signals of it have the same")
    defaults: dict[str, str] = Field(default_factory=dict, description="By field, what is taken when nothing is found")
    guess: bool = Field(default=True, description="Whether fields that are not found are guessed from common names")

    @field_validator(
        "items", "title", "body", "type", "status", "severity", "service", "environment", "labels", "measures", "url",
        "occurred_at", "id", "revision", "group_key",
    )  # fmt: skip
    @classmethod
    def _compiles(cls, expression: str | None) -> str | None:
        if expression is not None:
            try:
                compile_jmespath(expression)
            except JMESPathError as error:
                raise ValueError(f"{expression!r} is not a JMESPath expression: {error}") from error
        return expression

    @field_validator("defaults")
    @classmethod
    def _known(cls, defaults: dict[str, str]) -> dict[str, str]:
        known = {"title", "body", "type", "status", "severity", "service", "environment", "group_key"}
        if unknown := sorted(defaults.keys() - known):
            raise ValueError(f"no defaults for {unknown!r}; there are defaults for {sorted(known)!r}")
        return defaults


class MappedSettings(Settings):
    """How content becomes a signal; settings of a connector that receives it add how it comes."""

    mapping: Mapping = Field(default_factory=Mapping, description="Where each field stands in the JSON")
    type: SignalType = Field(default="alert", description="The type of a signal that does not say its own")
    status: SignalStatus = Field(default="firing", description="The status of a signal that does not say its own")
    severity: Severity = Field(default="info", description="The severity of a signal that does not say its own")
    remember_s: int = Field(default=REMEMBER_S, gt=0, description="How long a repeat of the same id is recognised")
