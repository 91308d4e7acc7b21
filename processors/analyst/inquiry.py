"""The inquiry: what every change is held against, and what the evidence engine says of a commit."""

from dataclasses import dataclass

from processors.analyst.begin import Begin
from processors.analyst.categories import Diagnosis
from processors.analyst.facts import Committed, Facts
from processors.evidence.blame import Clue, clue_of, owner_of, rolled_out
from processors.evidence.scene import Scene
from processors.evidence.values import ChangeRead, CommitRead
from schemas.time import SECOND

TOLERANCE_S = 30
"""Clocks of two systems differ by as much."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What every change is held against."""

    facts: Facts
    begin: Begin
    diagnosis: Diagnosis
    scene: Scene | None

    def read(self, commit: Committed) -> CommitRead | None:
        """The commit as a tool told of it, with its diff if there was one."""
        told = self.scene.gathered.commits if self.scene is not None else ()
        return next((each for each in told if each.sha == commit.commit.lower()), None)

    def clue(self, commit: Committed | None) -> Clue:
        """What the evidence says of it."""
        return clue_of(self.scene, self.read(commit)) if self.scene is not None and commit is not None else Clue()

    def owner(self, commit: Committed) -> str | None:
        """Whose commit it is, by where its files lie."""
        told = self.read(commit)
        return owner_of(told, sorted(self.scene.names)) if self.scene is not None and told is not None else None

    def rollout(self, commit: Committed) -> ChangeRead | None:
        """The deploy that brought it; for code that services share, the next one of the service that fails."""
        told = self.read(commit)
        if self.scene is None or told is None:
            return None
        deploys = [each for each in self.scene.gathered.changes if each.kind != "flag"]
        return rolled_out(told, self.owner(commit) or self.origin, deploys, self.begin.at + self.tolerance)

    @property
    def origin(self) -> str | None:
        """The service that failed first, as far as is known."""
        return (self.scene.origin if self.scene is not None else None) or self.facts.incident.service

    @property
    def tolerance(self) -> int:
        """How exactly the beginning is known: clocks differ, and metrics are sampled."""
        return max(TOLERANCE_S * SECOND, min(self.scene.sampling, 120 * SECOND) if self.scene is not None else 0)
