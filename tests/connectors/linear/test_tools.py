"""What the tools read out of a workspace."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from connectors.linear import connector
from connectors.linear.comment import Comment
from connectors.linear.create import CreateIssue
from connectors.linear.settings import LinearSettings
from connectors.linear.tools import IssueAnswer, IssueQuestion, ReadIssue, SearchAnswer, SearchIssues, SearchQuestion
from connectors.ports.archive import Archive
from connectors.ports.tool import ToolContext, ToolFailed
from schemas import Incident, Signal
from tests.support.linear_server import LinearServer


def context(incident: Incident) -> ToolContext:
    """A context whose archive these tools never touch."""
    signals: Sequence[Signal] = ()
    return ToolContext(incident=incident, signals=signals, archive=cast(Archive, None), now=incident.opened_at)


def test_an_issue_is_read_with_comments_and_attachments_and_found_again_by_its_link(
    server: LinearServer, settings: LinearSettings, incident: Incident
) -> None:
    create = CreateIssue(settings)
    effect = asyncio.run(create.execute(create.complete({"body": "What broke."}, incident), "open"))
    assert effect.external is not None
    opened = incident.model_copy(update={"external": (effect.external,)})
    comment = Comment(settings)
    asyncio.run(comment.execute(comment.complete({"body": "More."}, opened), "comment"))

    answer = asyncio.run(ReadIssue(settings).call(IssueQuestion(), context(opened)))
    assert isinstance(answer, IssueAnswer)
    assert (answer.found, answer.identifier, answer.title, answer.state) == (
        True,
        "OPS-1",
        "Checkout returns 504",
        "Backlog",
    )
    assert answer.labels == ("incident",)
    assert answer.attachments == ("https://sentry.example/issues/1", "https://grafana.example/d/1")
    assert [(c.author, c.body.split("\n")[0]) for c in answer.comments] == [("Tocsin", "More.")]

    found = asyncio.run(SearchIssues(settings).call(SearchQuestion(), context(incident)))
    assert isinstance(found, SearchAnswer)
    assert found.asked == ("https://sentry.example/issues/1", "https://grafana.example/d/1")
    assert [issue.identifier for issue in found.issues] == ["OPS-1"]
    nothing = asyncio.run(SearchIssues(settings).call(SearchQuestion(url="https://other.example"), context(incident)))
    assert nothing.issues == ()


def test_an_incident_without_an_issue_is_no_failure_and_an_unknown_issue_is_one(
    server: LinearServer, settings: LinearSettings, incident: Incident
) -> None:
    assert asyncio.run(ReadIssue(settings).call(IssueQuestion(), context(incident))) == IssueAnswer(found=False)
    with pytest.raises(ToolFailed, match=r"asked Linear for issue 'OPS-404': .*Could not find"):
        asyncio.run(ReadIssue(settings).call(IssueQuestion(identifier="OPS-404"), context(incident)))


def test_there_are_tools_only_with_a_credential(settings: LinearSettings) -> None:
    assert [tool.name for tool in connector.tools(settings, "default")] == ["linear.issue", "linear.search"]
    assert list(connector.tools(LinearSettings(), "default")) == []
    kinds = [action.kind for action in connector.actions(LinearSettings(), "default")]
    assert kinds == ["linear.create_issue", "linear.comment", "linear.update_issue"]


def test_issues_are_found_by_words_and_an_incident_s_own_by_its_title_when_no_link_finds_any(
    server: LinearServer, settings: LinearSettings, incident: Incident
) -> None:
    create = CreateIssue(settings)
    effect = asyncio.run(create.execute(create.complete({"body": "The coupon cache was cold."}, incident), "open"))
    assert effect.external is not None
    search = SearchIssues(settings)

    def found(question: SearchQuestion, of: Incident = incident) -> SearchAnswer:
        answer = asyncio.run(search.call(question, context(of)))
        assert isinstance(answer, SearchAnswer)
        return answer

    by_words = found(SearchQuestion(text="  COUPON cold "))
    assert by_words.asked == ("COUPON cold",)
    assert [(each.identifier, each.attached) for each in by_words.issues] == [("OPS-1", "")]
    assert found(SearchQuestion(text="nobody wrote this")).issues == ()
    unlinked = incident.model_copy(update={"links": ()})
    assert found(SearchQuestion(), unlinked).asked == ("Checkout returns 504",)
    assert [each.identifier for each in found(SearchQuestion(), unlinked).issues] == ["OPS-1"]
    assert found(SearchQuestion(), incident).issues[0].attached == "https://sentry.example/issues/1"
