"""The moves an investigation can make, each a description of what shall be done next."""

from dataclasses import dataclass

from connectors.ports.model import Call
from processors.analyst.loop.case import Waiting


@dataclass(frozen=True, slots=True)
class Ask:
    """Call this tool of `gather` and record the answer at `index`. `left_s`: what remains of the time; 0: record that it was not asked."""

    index: int
    tool: str
    left_s: float


@dataclass(frozen=True, slots=True)
class Look:
    """Record the incident as it is now."""

    index: int


@dataclass(frozen=True, slots=True)
class Weigh:
    """Record what the model-free analyst makes of what was gathered."""


@dataclass(frozen=True, slots=True)
class Join:
    """Let this waiting event join the conversation."""

    event: Waiting


@dataclass(frozen=True, slots=True)
class Note:
    """Tell the model something in our own words; recorded under `name`, for `about`."""

    name: str
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Compact:
    """Replace the conversation so far by its digest."""


@dataclass(frozen=True, slots=True)
class Think:
    """Ask the model of this role for its next answer; with `must_call`, for this tool."""

    role: str
    must_call: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """Answer these calls of the last answer, side by side, recorded in their order."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Check the conclusion the model reached; recorded only where it is refused."""

    call: Call
    role: str
    model: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Let go, until something comes or `for_s` is over."""

    reason: str
    for_s: float
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Record the answer to what a person asked; None: nobody could give one."""

    text: str | None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Conclude:
    """Let the model-free analyst conclude from what there is. `because` says why the model did not; empty: there is none."""

    because: str = ""


Move = Ask | Look | Weigh | Join | Note | Compact | Think | Use | Judge | Pause | Reply | Conclude
