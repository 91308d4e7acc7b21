"""Closing an issue: once, and never against a person who closed it otherwise."""

import asyncio

import pytest

from connectors.linear.create import CreateIssue
from connectors.linear.settings import LinearSettings
from connectors.linear.update import UpdateIssue
from connectors.ports.action import OutcomeUnknown, Rejected
from schemas import Incident
from tests.support.linear_server import LinearServer


@pytest.fixture
def opened(server: LinearServer, settings: LinearSettings, incident: Incident) -> Incident:
    """The incident with its issue open in the workspace."""
    action = CreateIssue(settings)
    effect = asyncio.run(action.execute(action.complete({}, incident), "open"))
    assert effect.external is not None
    return incident.model_copy(update={"external": (effect.external,)})


def test_an_issue_is_moved_to_the_first_completed_state(
    server: LinearServer, settings: LinearSettings, opened: Incident
) -> None:
    action = UpdateIssue(settings)
    arguments = action.complete({}, opened)
    assert asyncio.run(action.reconcile(arguments, "k")) is None
    assert asyncio.run(action.execute(arguments, "k")).result["state"] == "Done"
    assert server.issues[0]["state"] == "Done"
    assert asyncio.run(action.execute(arguments, "k")).repeated


def test_a_lost_answer_is_found_by_looking_at_the_state(
    server: LinearServer, settings: LinearSettings, opened: Incident
) -> None:
    action = UpdateIssue(settings)
    arguments = action.complete({}, opened)
    server.fail_next("drop_after", on="UpdateIssue")
    with pytest.raises(OutcomeUnknown):
        asyncio.run(action.execute(arguments, "k"))
    found = asyncio.run(action.reconcile(arguments, "k"))
    assert found is not None
    assert found.repeated


def test_an_issue_a_person_canceled_stays_canceled(
    server: LinearServer, settings: LinearSettings, opened: Incident
) -> None:
    row = server.workspace.issues[0]
    row["state"] = next(s for s in server.workspace.states if s["name"] == "Canceled" and s["team"] is row["team"])
    action = UpdateIssue(settings)
    assert asyncio.run(action.execute(action.complete({}, opened), "k")).repeated
    assert server.issues[0]["state"] == "Canceled"


def test_a_configured_state_is_used_and_an_unknown_one_is_rejected_with_those_there_are(
    server: LinearServer, settings: LinearSettings, opened: Incident
) -> None:
    action = UpdateIssue(settings.model_copy(update={"closed_state": "canceled"}))
    assert asyncio.run(action.execute(action.complete({}, opened), "k")).result["state"] == "Canceled"
    lost = UpdateIssue(settings.model_copy(update={"closed_state": "Finished"}))
    with pytest.raises(Rejected, match="'Finished'; it has 'Triage', 'Backlog'"):
        asyncio.run(lost.execute(lost.complete({}, opened), "k"))


def test_closing_is_off_unless_configured(settings: LinearSettings) -> None:
    assert UpdateIssue(settings).missing() is None
    assert "close_on_resolve" in str(UpdateIssue(settings.model_copy(update={"close_on_resolve": False})).missing())
