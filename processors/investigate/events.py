"""What an investigation tells those who watch it, as it happens; the records alone are what counts."""

from dataclasses import dataclass
from typing import Literal

from connectors.ports.model import Piece
from schemas import Conclusion, Investigation, Step


@dataclass(frozen=True, slots=True)
class Began:
    """A worker took it up."""

    investigation: Investigation


@dataclass(frozen=True, slots=True)
class Asking:
    """A model or a tool is being asked."""

    kind: Literal["model", "tool"]
    name: str


@dataclass(frozen=True, slots=True)
class Writing:
    """A piece of an answer; what a model that failed had written does not count (see `Failed`)."""

    model: str
    piece: Piece


@dataclass(frozen=True, slots=True)
class Failed:
    """A model gave no answer; it or the next one is asked again."""

    model: str
    error: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step is durable."""

    step: Step


@dataclass(frozen=True, slots=True)
class Paused:
    """It waits on disk alone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """It has concluded."""

    conclusion: Conclusion


@dataclass(frozen=True, slots=True)
class Replied:
    """A person's question has its answer."""

    text: str


Event = Began | Asking | Writing | Failed | Recorded | Paused | Ended | Replied
