"""What a rule file says of what belongs together: `correlate` of a rule, and `storm` of all rules."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from rules.delivery.said import Part, Storm, Texts
from schemas.severity import Severity
from schemas.spans import UNITS, Span

WITHIN = 10 * UNITS["m"]


class Correlate(Part):
    """One way in which an incident belongs to another that is open. All that it says must hold; of several ways any."""

    by: Texts = Field(default=(), description="Fields or CEL expressions whose values must be the same and not empty")
    services: int | None = Field(
        default=None,
        ge=0,
        le=2,
        description="So many steps may lie between their services in topology.yaml; 0: the same service",
    )
    change: Span | None = Field(
        default=None,
        gt=0,
        description="The same change (deploy, flag) came at most so long before both, of their services or one they need",
    )
    learnt: bool = Field(
        default=False, description="Services that went down together in the past count as neighbours, too"
    )
    weighed: bool = Field(
        default=False, description="All that speaks for it is weighed, time too, instead of each having to hold"
    )
    background: bool = Field(
        default=True, description="`false`: alerts that tell of no incident, such as watchdogs, open none"
    )
    apart: Texts = Field(
        default=(),
        description="Fields or CEL expressions by which incidents are never one where both say it and differ",
    )
    within: Span = Field(
        default=WITHIN, gt=0, description="The other one, or what joined it, was heard of at most so long ago"
    )

    @model_validator(mode="after")
    def _something(self) -> "Correlate":
        if not (self.by or self.services is not None or self.change is not None or self.weighed):
            raise ValueError("say what incidents have in common: by, services, change, or weighed: true")
        if self.learnt and self.services is None and not self.weighed:
            raise ValueError("'learnt' adds neighbours; say with it how far they may be: services: 1")
        return self


def listed_ways(value: Any) -> Any:
    """One way stands for a list of it, nothing for none."""
    if value is None:
        return ()
    if isinstance(value, dict | Correlate):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Ways = Annotated[
    tuple[Correlate, ...], BeforeValidator(listed_ways, json_schema_input_type=Correlate | tuple[Correlate, ...] | None)
]


class StormOfAll(Storm):
    """So many groups at once of any rules are one storm: one incident that lists them."""

    playbook: str | None = Field(default=None, description="The playbook by which the storm is investigated")
    owner: str | None = Field(default=None, description="Who owns the storm's incident")
    severity: Severity | None = Field(
        default=None, description="The severity of the storm's incident, whatever its groups say"
    )
