"""One comment per key on the incident's own issue."""

import asyncio

import pytest
from pydantic import ValidationError

from connectors.linear.comment import Comment
from connectors.linear.create import CreateIssue
from connectors.linear.settings import LinearSettings
from connectors.ports.action import OutcomeUnknown, Rejected, TryLater
from schemas import ExternalRef, Incident, idempotency_uuid
from tests.support.linear_server import LinearServer

KEY = "inc_0123456789abcdef/linear.comment/0"


@pytest.fixture
def opened(server: LinearServer, settings: LinearSettings, incident: Incident) -> Incident:
    """The incident with its issue open in the workspace."""
    action = CreateIssue(settings)
    effect = asyncio.run(action.execute(action.complete({}, incident), "open"))
    assert effect.external is not None
    return incident.model_copy(update={"external": (effect.external,)})


def test_a_comment_goes_to_the_incidents_issue_whatever_the_arguments_say(
    server: LinearServer, settings: LinearSettings, opened: Incident
) -> None:
    action = Comment(settings)
    effect = asyncio.run(action.execute(action.complete({"body": "12 more.", "issue": "OPS-99"}, opened), KEY))
    assert server.comments == [
        {
            "id": idempotency_uuid(KEY),
            "body": "12 more.\n\n—\n`tocsin:incident=inc_0123456789abcdef`",
            "issue": "OPS-1",
        }
    ]
    assert effect.external is not None
    assert effect.external.kind == "comment"


def test_an_answer_lost_after_execution_is_found_and_one_comment_stands(
    server: LinearServer, settings: LinearSettings, opened: Incident
) -> None:
    action = Comment(settings)
    arguments = action.complete({"body": "again"}, opened)
    server.fail_next("drop_after", on="CreateComment")
    with pytest.raises(OutcomeUnknown):
        asyncio.run(action.execute(arguments, KEY))
    found = asyncio.run(action.reconcile(arguments, KEY))
    assert found is not None
    assert found.repeated
    assert asyncio.run(action.execute(arguments, KEY)).repeated
    assert len(server.comments) == 1
    assert asyncio.run(action.reconcile(arguments, "another key")) is None


def test_looking_back_tries_later_when_it_cannot_look(
    server: LinearServer, settings: LinearSettings, opened: Incident
) -> None:
    action = Comment(settings)
    arguments = action.complete({"body": "x"}, opened)
    server.fail_next("drop_before", on="FindComment")
    with pytest.raises(TryLater):
        asyncio.run(action.reconcile(arguments, KEY))
    server.api_key = "changed"
    with pytest.raises(TryLater, match="authentication"):
        asyncio.run(action.reconcile(arguments, KEY))


def test_an_issue_that_is_gone_is_rejected(server: LinearServer, settings: LinearSettings, incident: Incident) -> None:
    gone = incident.model_copy(update={"external": (ExternalRef(system="linear", kind="issue", id="OPS-77"),)})
    action = Comment(settings)
    with pytest.raises(Rejected, match="OPS-77"):
        asyncio.run(action.execute(action.complete({"body": "x"}, gone), KEY))


def test_without_an_issue_the_error_says_what_to_do(settings: LinearSettings, incident: Incident) -> None:
    with pytest.raises(
        ValidationError, match=r"no Linear issue is open for this incident: open one by linear\.create_issue"
    ):
        Comment(settings).complete({"body": "x"}, incident)


def test_mentions_html_and_false_markers_in_a_body_are_taken_apart_and_code_is_not(
    settings: LinearSettings, with_issue: Incident
) -> None:
    body = "cc @ana <!-- hi --> a@b.example\n`@ana <b>`\n```\n@ana <i>\n```\ntocsin:incident=inc_x"
    text = Comment(settings).render(Comment(settings).complete({"body": body}, with_issue))
    assert text == (
        "Comment on Linear issue OPS-1\n\n"
        "cc @\u2060ana &lt;!-- hi --> a@b.example\n`@ana <b>`\n```\n@ana <i>\n```\ntocsin:incident\u2060=inc_x\n\n"
        "—\n`tocsin:incident=inc_0123456789abcdef`"
    )


def test_without_a_credential_it_says_so() -> None:
    assert "api_key" in str(Comment(LinearSettings()).missing())
    assert Comment(LinearSettings.model_validate({"oauth_token": "x"})).missing() is None
