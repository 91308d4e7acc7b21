"""What is correlated, and what is decided about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, or the opening of one incident of a rule: `at` is microseconds, `labels` are those that may join."""

    id: str
    at: int
    name: str
    service: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    leave_out: bool = True
    """Whether it may be left out as background."""


@dataclass(frozen=True, slots=True)
class Change:
    """A deploy, a flag, a setting: what came before may have caused what comes after."""

    id: str
    at: int
    service: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for an alert to be of an incident, and how much."""

    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an alert went: `incident` None is background. `joined` says that the incident was there before."""

    alert: str
    incident: str | None
    joined: bool
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each thing counts. An alert joins the incident for which the sum is highest and above `enough`."""

    enough: float = 0.75
    idle_s: int = 300
    """An incident that heard nothing for so long takes no more alerts."""
    time: float = 1.0
    time_s: int = 180
    same: float = 1.5
    """The same alert of the same service again; it weighs less the longer ago it was."""
    same_s: int = 600
    service: float = 0.5
    near: float = 0.5
    """A neighbour in the graph of services."""
    near_s: int = 120
    label: float = 0.5
    """Shared labels; labels that both name and that differ count against it."""
    change: float = 0.5
    """The same change before both."""
    change_s: int = 1800
    young_s: int = 180
    age: float = 1.0
    """What an incident loses for each `age_s` by which it is older than `young_s`: a new alert is less likely of an old incident."""
    age_s: int = 600
