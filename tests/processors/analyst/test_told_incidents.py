"""Made-up incidents of many kinds: the change that brought it is blamed, and none where none did."""

import re
from typing import Any

import pytest

from processors.analyst.weigh import weigh
from schemas import Conclusion, Step
from schemas.time import SECOND
from tests.support.told_incidents import BEGIN, MINUTE, Told, at, sha, told_incidents
from tocsin.evals.prepared import incident_of, signal_of

ALL = told_incidents()


def concluded(told: Told, answers: dict[str, Any] | None = None, **alert: str) -> Conclusion:
    said = {
        "title": told.alert,
        "service": told.service,
        "metric": told.metric,
        "severity": "critical",
        "fired_at": at(3),
        **alert,
    }
    signal = signal_of(said, BEGIN + 3 * MINUTE)
    answers = answers if answers is not None else told.answers()
    steps = [
        Step(
            id=f"inv_1/{index}", investigation_id="inv_1", index=index, kind="tool_call", name=name, success=True, result=result,
            started_at=BEGIN, finished_at=BEGIN,
        )
        for index, (name, result) in enumerate(answers.items())
    ]  # fmt: skip
    return weigh(incident_of(signal), [signal], steps, BEGIN + 20 * MINUTE)


@pytest.mark.parametrize("told", ALL.values(), ids=ALL)
def test_the_change_that_brought_it_is_blamed_and_none_where_none_did(told: Told) -> None:
    made = concluded(told)
    assert (made.change.id if made.change is not None else None) == (sha(told.culprit) if told.culprit else None)
    assert made.verdict in ("urgent", "actionable")


@pytest.mark.parametrize("told", ALL.values(), ids=ALL)
def test_nothing_depends_on_what_things_are_called(told: Told) -> None:
    stem = told.service.removesuffix("service")
    twin = _renamed(told.answers(), stem)
    before = concluded(told)
    after = concluded(told, twin, title=_word(told.alert, stem), service=_word(told.service, stem))
    assert (after.change is None) == (before.change is None) and after.category == before.category
    if before.change is not None and after.change is not None:
        assert after.change.id == before.change.id


def _renamed(node: Any, stem: str) -> Any:
    if isinstance(node, str):
        return _word(node, stem)
    if isinstance(node, list):
        return [_renamed(each, stem) for each in node]
    return {key: _renamed(value, stem) for key, value in node.items()} if isinstance(node, dict) else node


def _word(text: str, stem: str) -> str:
    text = re.sub(rf"(?<![a-z]){stem}(?=service|[^a-z]|$)", "zobura", text)
    text = re.sub(rf"(?<![a-z]){stem.capitalize()}", "Zobura", text)
    return text.replace("gateway", "nifeko").replace("someone", "tamupi")


@pytest.mark.parametrize(
    "told", [each for each in ALL.values() if each.culprit], ids=[name for name, each in ALL.items() if each.culprit]
)
def test_without_the_culprit_among_them_none_of_the_changes_is_blamed(told: Told) -> None:
    answers = told.answers()
    guilty = sha(told.culprit or "")
    answers["git.recent"] = [each for each in answers["git.recent"] if each["sha"] != guilty]
    answers["changes.deploys"] = [each for each in answers["changes.deploys"] if each["commit_sha"] != guilty]
    made = concluded(told, answers)
    assert made.change is None, made.hypothesis.text


@pytest.mark.parametrize(
    "told", [each for each in ALL.values() if each.culprit], ids=[name for name, each in ALL.items() if each.culprit]
)
def test_a_change_that_came_after_the_beginning_is_ruled_out_and_says_so(told: Told) -> None:
    made = concluded(told)
    late = sha("late")
    assert made.change is None or made.change.id != late
    why = " ".join(each.why for each in made.ruled_out)
    assert "after the trouble began" in why or not any(late[:7] in each.text for each in made.ruled_out)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("more visitors", "scale"), ("a payment provider down", "escalate-upstream"), ("a token run out", "rotate-cert"),
        ("a machine lost", "failover"), ("a nightly job", "reschedule"), ("a list read past its end", "rollback"),
    ],
)  # fmt: skip
def test_each_kind_of_cause_has_its_remedy(name: str, remedy: str) -> None:
    assert (concluded(ALL[name]).remediation or "").startswith(remedy)


def test_what_began_long_before_it_hurt_is_dated_to_its_beginning() -> None:
    told = ALL["a connection not closed"]
    made = concluded(told)
    assert made.change is not None and made.change.id == sha("bad")
    assert "first signs" in made.summary


def test_the_alert_of_a_victim_leads_to_the_service_that_failed_first() -> None:
    told = ALL["a list read past its end"]
    made = concluded(told, service="gateway", title="gateway error ratio above 5%")
    assert made.component == "routeservice" and made.change is not None and made.change.id == sha("bad")
    assert set(made.blast_radius) == {"routeservice", "gateway"}


@pytest.mark.parametrize("told", ALL.values(), ids=ALL)
def test_every_quote_stands_where_it_says(told: Told) -> None:
    from processors.analyst.quotes import Sources

    answers = told.answers()
    made = concluded(told)
    steps = [
        Step(
            id=f"inv_1/{index}",
            investigation_id="inv_1",
            index=index,
            kind="tool_call",
            name=name,
            result=result,
            started_at=0,
            finished_at=SECOND,
        )
        for index, (name, result) in enumerate(answers.items())
    ]
    sources = Sources(steps, [])
    cited = [each for each in made.evidence if each.cites.startswith("inv_1/")]
    assert cited and all(sources.holds(each.cites, each.quote) for each in cited)
