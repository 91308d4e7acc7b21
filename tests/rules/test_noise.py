"""How much of what a rule tells is noise."""

from rules.noise import judgement, noise_of
from schemas.incident import Incident
from tests.support.rule_world import at


def incident(rule: str, number: int, verdict: str | None = None, *feedback: str, rehearsal: bool = False) -> Incident:
    return Incident(
        id=f"inc_{rule}_{number}", rule=rule, group={}, group_id="g", title="t", first_seen=at(0), last_seen=at(0), opened_at=at(0),
        severity="error", verdict=verdict, feedback=feedback, rehearsal=rehearsal,
    )  # fmt: skip


def test_a_score_is_the_share_of_judged_incidents_that_were_noise() -> None:
    noisy = [
        incident("disk", n, verdict) for n, verdict in enumerate(["noise", "noise", "duplicate", "actionable", None])
    ]
    good = [incident("pages", n, "urgent") for n in range(3)]
    found = noise_of([*good, *noisy, incident("new", 0), incident("disk", 9, "noise", rehearsal=True)])
    assert [(one.rule, one.score) for one in found] == [("disk", 0.625), ("pages", 0.0), ("new", None)]
    assert found[0].sentence() == "62% noise: 2 noise, 1 duplicate, 1 actionable; 5 incidents, 4 judged"
    assert found[2].sentence() == "1 incidents, none judged yet"


def test_a_persons_last_word_counts_before_the_investigations() -> None:
    assert judgement(incident("r", 0, "urgent", "human:ann: noise: a flake", "human:bob: looked at it")) == "noise"
    assert (
        judgement(incident("r", 0, "urgent", "human:ann: noise", "human:bob: actionable: no, it is real"))
        == "actionable"
    )
    assert judgement(incident("r", 0, "known")) == "known"
