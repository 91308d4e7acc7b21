"""A conclusion is refused when it cites what is not recorded, quotes what was not said, or asks for what its playbook does not list."""

import pytest

from playbooks.library import load_library
from processors.analyst.check import check
from processors.analyst.fallback import minimal
from processors.analyst.weigh import weigh
from schemas import Evidence, Hypothesis, ProposedAction
from schemas.conclusion import RuledOut
from tests.support.checkout_story import NOW, night

PLAYBOOK = load_library().get("triage-error")
INCIDENT, SIGNALS, ARCHIVE = night()


def faults(gather, **changes) -> list[str]:
    steps = gather(INCIDENT, SIGNALS, ARCHIVE)
    made = weigh(INCIDENT, SIGNALS, steps, NOW).model_copy(update=changes)
    return check(made, steps, SIGNALS, PLAYBOOK)


def test_a_sound_conclusion_has_no_faults(gather) -> None:
    assert faults(gather) == []


@pytest.mark.parametrize(
    ("evidence", "fault"),
    [
        (Evidence(cites="inv_1/2", quote="Deploy checkout 9.9.9", says="x"), "does not stand in 'inv_1/2'"),
        (Evidence(cites="inv_1/0", quote="Deploy search 7.0.1", says="x"), "does not stand in"),
        (Evidence(cites="inv_1/99", quote="x", says="x"), "no recorded step or signal"),
        (Evidence(cites=SIGNALS[0].id, quote="", says="x"), "does not stand in"),
        (Evidence(cites=SIGNALS[0].id, quote=" \n", says="x"), "does not stand in"),
        (Evidence(cites=SIGNALS[0].id, quote="'nonetype' object", says="x"), "does not stand in"),
    ],
)
def test_a_false_quote_or_citation_is_refused(gather, evidence: Evidence, fault: str) -> None:
    (found,) = faults(gather, evidence=(evidence,))
    assert fault in found


def test_a_quote_may_be_of_a_text_or_of_the_result_as_json(gather) -> None:
    quotes = ("'NoneType' object has no attribute", "coupon.amount")
    good = tuple(Evidence(cites=SIGNALS[0].id, quote=quote, says="x") for quote in quotes)
    assert faults(gather, evidence=(*good, Evidence(cites="inv_1/2", quote='"before_start_s": 600.0', says="x"))) == []


def test_an_action_outside_the_playbook_is_refused(gather) -> None:
    (found,) = faults(gather, actions=(ProposedAction(kind="sentry.delete_project"),))
    assert "'sentry.delete_project' is not among those of playbook 'triage-error'" in found


def test_what_is_ruled_out_must_cite_something_recorded(gather) -> None:
    (found,) = faults(gather, ruled_out=(RuledOut(text="x", why="y", cites="sig_nothing"),))
    assert "ruled_out 0" in found


def test_certainty_needs_evidence(gather) -> None:
    (found,) = faults(gather, evidence=(), hypothesis=Hypothesis(text="x", confidence=0.8))
    assert "without any evidence" in found


def test_the_conclusion_of_last_resort_is_sound_and_treats_it_as_real(gather) -> None:
    steps = gather(INCIDENT, SIGNALS, ARCHIVE)
    made = minimal(INCIDENT, SIGNALS, steps, "KeyError: 'x'")
    assert check(made, steps, SIGNALS, PLAYBOOK) == []
    assert made.verdict == "actionable"
    assert minimal(INCIDENT.model_copy(update={"severity": "critical"}), (), (), "").verdict == "urgent"
