"""What an investigation does next: a pure function of its playbook and the steps recorded so far."""

from collections.abc import Sequence
from dataclasses import dataclass

from playbooks.model import Playbook
from schemas import Step
from schemas.time import SECOND


@dataclass(frozen=True, slots=True)
class Ask:
    """Call this tool, and record the answer at `index`. `left_s` is what remains of the investigation's time; 0: record that
    it was not asked."""

    index: int
    tool: str
    left_s: float


@dataclass(frozen=True, slots=True)
class Look:
    """Record the incident as it is now at `index`."""

    index: int


@dataclass(frozen=True, slots=True)
class Conclude:
    """All is gathered."""


Move = Ask | Look | Conclude


def next_move(playbook: Playbook, steps: Sequence[Step]) -> Move:
    """Gather in the playbook's order, look at the incident once more, conclude. Time counts while tools work, not while nobody does:
    an investigation that waited for a new worker is not the poorer for it."""
    index = len(steps)
    if index < len(playbook.front.gather):
        spent = sum(max(0, step.finished_at - step.started_at) for step in steps)
        left = max(0, playbook.front.analyst.timeout - spent)
        return Ask(index, playbook.front.gather[index], left / SECOND)
    return Look(index) if index == len(playbook.front.gather) else Conclude()
