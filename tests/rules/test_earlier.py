"""What comes late for an incident whose group is in another one by now counts for the one it is about."""

from typing import Any

import pytest

from processors.triage.fold import Folded, incidents
from rules.limits import Limits
from rules.noise import noise_of
from rules.written import Writing
from schemas.incident import Incident
from tests.support.rule_world import World, at, command, signal

ALERTS = """
rules:
  - {name: alerts, when: type == 'alert', group_by: [service], playbook: triage-alert, reopen_within: 1m}
"""
ISSUE = {"system": "linear", "kind": "issue", "id": "ENG-12", "title": "ENG-12"}


def episodes(number: int, limits: Limits | None = None, text: str = ALERTS, **fields: Any) -> tuple[World, list[str]]:
    """A world in which one group had so many incidents, ten minutes apart, the last of them open; their ids."""
    world, names = World(text, limits), list[str]()
    for episode in range(number):
        if episode:
            world.push(episode * 600 - 300, signal("a", episode * 600 - 300, status="resolved", **fields))
        opened = world.push(episode * 600, signal("a", episode * 600, **fields))[0]
        assert opened.kind == "incident.opened" and opened.incident_id is not None
        names.append(opened.incident_id)
    return world, names


@pytest.mark.parametrize("restarts", [False, True])
def test_a_verdict_and_an_issue_that_come_late_are_the_earlier_incidents(restarts: bool) -> None:
    world, (first, second, third) = episodes(3)
    if restarts:
        world.restart()
    for name in (first, second):
        (told,) = world.push(
            1300, command("outcome", 1300, name=f"cmd_{name}", incident_id=name, external=ISSUE, verdict="noise")
        )
        assert (told.kind, told.incident_id) == ("incident.updated", name)
        incident = told.data["incident"]
        assert (incident["external"], incident["verdict"], incident["status"]) == ([ISSUE], "noise", "resolved")
    last = world.state.rows[world.state.incidents[third]]
    assert last["external"] == [] and "verdict" not in last and last["status"] == "open"
    again = command("outcome", 1400, incident_id=first, external=ISSUE)
    assert world.push(1400, again) == []


def test_an_earlier_incident_goes_on_with_nothing_of_its_group() -> None:
    world, (first, second) = episodes(2)
    (refused,) = world.push(700, command("acknowledge", 700, incident_id=first))
    assert refused.kind == "command.refused" and "resolved already" in refused.because
    ended = world.push(701, command("outcome", 701, incident_id=first, investigation_id="i", verdict="urgent"))
    assert [decision.kind for decision in ended] == ["incident.updated"]
    assert world.state.rows[world.state.incidents[second]]["status"] == "open"
    world.push(800, signal("a", 800, status="resolved"))
    reopened = world.push(810, signal("a", 810, revision="again"))[0]
    assert (reopened.kind, reopened.incident_id) == ("incident.reopened", second)


def test_late_feedback_counts_for_the_noise_of_the_rule() -> None:
    world, (first, second, _) = episodes(3)
    world.save()
    for number, (name, verdict) in enumerate([(first, "noise"), (second, "actionable")]):
        (given,) = world.push(1300 + number, command("feedback", number, incident_id=name, verdict=verdict))
        assert (given.kind, given.incident_id) == ("feedback.given", name)
    changed, _ = world.state.take_changes()
    shown = incidents(Folded(), changed, Writing(), {})
    assert shown.keys() == {first, second}
    (record,) = noise_of(Incident.model_validate_json(each) for each in shown.values())
    assert (record.rule, record.judged, record.score) == ("alerts", 2, 0.5)


def test_an_earlier_incident_is_kept_as_long_as_any_other_that_is_over() -> None:
    world, (first, second) = episodes(2, Limits(keep_resolved=3600_000_000))
    world.tick(300 + 3599)
    assert first in world.state.incidents
    world.tick(300 + 3600)
    assert first not in world.state.incidents and second in world.state.incidents
    (refused,) = world.push(5000, command("feedback", 5000, incident_id=first, verdict="noise"))
    assert refused.kind == "command.refused" and "lately resolved" in refused.because
    world.restart()
    assert not list(world.state.rows.named("earlier/"))


def test_so_many_earlier_incidents_are_kept_and_no_more() -> None:
    world, names = episodes(4, Limits(keys_of_rule=2))
    assert [name in world.state.incidents for name in names] == [False, True, True, True]
    assert world.state.evicted == {"earlier": 1}
    world.restart()
    assert [name in world.state.incidents for name in names] == [False, True, True, True]


def test_other_rules_in_force_leave_earlier_incidents_alone() -> None:
    world, (first, _) = episodes(2)
    other = World("rules: [{name: other, when: type == 'error'}]").engine.ruleset
    world.engine.offer(other)
    world.push(700, command("activate_rules", 700, version=other.version))
    (given,) = world.push(701, command("feedback", 701, incident_id=first, verdict="noise"))
    assert given.kind == "feedback.given"


def test_an_earlier_storm_is_kept_too() -> None:
    storms = """
rules:
  - {name: hosts, when: labels.host != "", group_by: [labels.host], storm: {groups: 2, within: 1m}, playbook: host}
"""
    world, names = World(storms), list[str]()
    for begin in (0, 3600):
        for number in range(2):
            told = world.push(begin, signal(f"a{begin}{number}", begin, labels={"host": f"h{begin}{number}"}))
            names += [
                str(one.incident_id)
                for one in told
                if one.kind == "incident.opened" and one.data["incident"]["members"]
            ]
    first, second = names
    (given,) = world.push(3601, command("feedback", 3601, incident_id=first, verdict="noise"))
    assert given.kind == "feedback.given" and first != second
    assert world.state.rows[world.state.incidents[first]]["opened"] == at(0)
