"""The case: everything an investigation's next move depends on, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from connectors.ports.model import ToolShape
from playbooks.model import Playbook
from processors.analyst.loop.bounds import Shared
from processors.analyst.loop.names import QUESTION, WEIGHED
from schemas import Conclusion, Incident, Investigation, Signal, Step


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that happened outside and waits to join the conversation. `key` names its row."""

    key: str
    kind: str
    text: str
    author: str = "system"
    at: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float = 0.0
    output: float = 0.0
    cache_read: float = 0.0
    cache_write: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """What the models of a role take and give, the least of each, at the highest price of any."""

    context: int = 128_000
    output: int = 4096
    price: Price = field(default_factory=Price)


@dataclass(frozen=True)
class Case:
    """Recorded steps and what surrounds them. `roles`: those with a model. `others`: steps of helpers that have concluded."""

    investigation: Investigation
    playbook: Playbook
    signals: tuple[Signal, ...]
    steps: tuple[Step, ...]
    now: int
    others: tuple[Step, ...] = ()
    tools: Mapping[str, ToolShape] = field(default_factory=dict)
    roles: Mapping[str, Window] = field(default_factory=dict)
    shared: tuple[Shared, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    pending: tuple[str, ...] = ()
    """Helpers still at work."""

    @cached_property
    def incident(self) -> Incident:
        """As it is by the latest step that shows it."""
        return incident_in(self.steps) or self.investigation.incident

    @property
    def gathers(self) -> tuple[str, ...]:
        """The tools that always run, as it was decided when the investigation began."""
        decided = self.investigation.gathers
        return decided if decided is not None else self.playbook.front.gather

    @property
    def gathered(self) -> tuple[Step, ...]:
        """Answers of the tools that always run, and the look at the incident after them."""
        return self.steps[: len(self.gathers) + 1]

    @property
    def talk(self) -> tuple[Step, ...]:
        """What came after gathering."""
        return self.steps[len(self.gathers) + 1 :]

    @cached_property
    def round(self) -> tuple[Step, ...]:
        """What came since a person asked last, or all of the talk: bounds count from here."""
        begin = next((index for index, step in reversed(list(enumerate(self.talk))) if step.name == QUESTION), None)
        return self.talk if begin is None else self.talk[begin:]

    @property
    def timed(self) -> tuple[Step, ...]:
        """Whose time counts."""
        return self.steps if self.question is None else self.round

    @property
    def question(self) -> Step | None:
        """What a person asks of the concluded investigation, if this is about that."""
        return self.round[0] if self.round and self.round[0].name == QUESTION else None

    @cached_property
    def weighed(self) -> Conclusion | None:
        """What the model-free analyst made of what was gathered."""
        for step in self.talk:
            if step.name == WEIGHED and step.success and isinstance(step.result, dict):
                try:
                    return Conclusion.model_validate(step.result)
                except ValidationError:
                    return None
        return None

    def names(self, *names: str) -> tuple[Step, ...]:
        """Events of these names in this round."""
        return tuple(step for step in self.round if step.kind == "event" and step.name in names)


def incident_in(steps: Sequence[Step]) -> Incident | None:
    """The incident as the latest of these steps shows it."""
    for step in reversed(steps):
        shown = step.result.get("incident") if step.kind == "event" and isinstance(step.result, dict) else None
        if isinstance(shown, dict):
            try:
                return Incident.model_validate(shown)
            except ValidationError:
                continue
    return None
