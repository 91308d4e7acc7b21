"""How much of what a rule tells is noise, by what its incidents turned out to be."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.conclusion import Verdict
from schemas.incident import Incident

WEIGHTS: dict[Verdict, float] = {"noise": 1.0, "duplicate": 0.5, "known": 0.5, "actionable": 0.0, "urgent": 0.0}
"""How much of an incident was noise, by its verdict."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A rule's record. `score` is the mean weight of the incidents that were judged, None where none was; feedback of a person counts
    before the verdict of an investigation."""

    rule: str
    incidents: int
    judged: int
    score: float | None
    verdicts: dict[Verdict, int]

    def sentence(self) -> str:
        """In words, for a list."""
        if self.score is None:
            return f"{self.incidents} incidents, none judged yet"
        said = ", ".join(f"{number} {verdict}" for verdict, number in self.verdicts.items())
        return f"{self.score:.0%} noise: {said}; {self.incidents} incidents, {self.judged} judged"


def noise_of(incidents: Iterable[Incident]) -> list[Noise]:
    """Of every rule that opened an incident, the noisiest first; rehearsals are left out."""
    found: dict[str, list[Verdict | None]] = {}
    for incident in incidents:
        if not incident.rehearsal:
            found.setdefault(incident.rule, []).append(judgement(incident))
    records = [_record(rule, verdicts) for rule, verdicts in found.items()]
    return sorted(
        records, key=lambda record: (record.score is None, -(record.score or 0.0), -record.judged, record.rule)
    )


def judgement(incident: Incident) -> Verdict | None:
    """What the incident turned out to be: the last word of a person, else of an investigation."""
    for said in reversed(incident.feedback):
        # `human:ann: noise: known flake`, as the command `feedback` is kept.
        if (found := _verdict(said.partition(": ")[2].partition(": ")[0])) is not None:
            return found
    return _verdict(incident.verdict)


def _verdict(said: str | None) -> Verdict | None:
    return next((verdict for verdict in WEIGHTS if verdict == said), None)


def _record(rule: str, verdicts: list[Verdict | None]) -> Noise:
    judged = [verdict for verdict in verdicts if verdict is not None]
    counted = {verdict: judged.count(verdict) for verdict in WEIGHTS if verdict in judged}
    score = sum(WEIGHTS[verdict] for verdict in judged) / len(judged) if judged else None
    return Noise(rule, len(verdicts), len(judged), score, counted)
