"""Sentry's own interface is asked about the issue behind an incident."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.ports.tool import Tool, ToolFailed
from connectors.sentry import connector
from connectors.sentry.settings import SentrySettings
from schemas import to_rfc3339
from schemas.time import SECOND
from tests.support.api import Api, Asked, Replied, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import START, checkout_incident, error_signal


def at(seconds: float) -> str:
    return to_rfc3339(START + round(seconds * 1_000_000))


ISSUE = {
    "id": "4711", "shortId": "CHECKOUT-3Q", "title": "AttributeError: no amount", "culprit": "shop.cart in total", "level": "error",
    "status": "unresolved", "substatus": "new", "project": {"id": "1", "slug": "checkout"}, "count": "1340", "userCount": 87,
    "firstSeen": at(-420), "lastSeen": at(60), "firstRelease": {"version": "checkout@2.4.1"}, "lastRelease": None,
    "assignedTo": {"type": "user", "name": "Ada"}, "isUnhandled": True, "permalink": "https://sentry.example/issues/4711/",
    "stats": {"24h": [[START // SECOND - 3600, 0], [START // SECOND, 1340]], "30d": []},
    "activity": [{"type": "note", "user": {"name": "Grace"}, "data": {"text": "looks like the coupon cache"}}, {"type": "first_seen"}],
    "seenBy": [{}],
}  # fmt: skip
EVENT_ID = "9f1c7d1e0b8a4a3fb1f2a4a0c6a0c001"
EVENT = {
    "id": EVENT_ID, "eventID": EVENT_ID, "projectSlug": "checkout", "dateCreated": at(30), "title": "AttributeError: no amount",
    "message": "", "release": {"version": "checkout@2.4.1"},
    "tags": [{"key": "environment", "value": "production"}, {"key": "level", "value": "error"}],
    "entries": [
        {"type": "exception", "data": {"values": [{"type": "AttributeError", "value": "no amount", "stacktrace": {"frames": [
            {"filename": "flask/app.py", "absPath": "/venv/flask/app.py", "function": "run", "lineNo": 9, "inApp": False},
            {"filename": "shop/cart.py", "function": "total", "lineNo": 7, "inApp": True,
             "context": [[6, "# what is left"], [7, "    return subtotal - coupon.amount"]]},
        ]}}]}},
        {"type": "breadcrumbs", "data": {"values": [{"timestamp": at(29), "level": "info", "category": "http", "message": "GET /coupons"}]}},
    ],
}  # fmt: skip
TAGS = [
    {
        "key": "release",
        "uniqueValues": 1,
        "totalValues": 1340,
        "topValues": [{"value": "checkout@2.4.1", "count": 1340}],
    },
    {"key": "browser", "uniqueValues": 40, "totalValues": 1300, "topValues": [{"value": "Firefox", "count": 650}]},
]
COMMIT = {
    "id": "c2" * 20,
    "message": "Take coupons off the total\n\nTwice.",
    "dateCreated": at(-600),
    "repository": {"name": "shop/checkout"},
}
RELEASE = {
    "version": "checkout@2.4.1", "dateCreated": at(-900), "dateReleased": at(-800), "newGroups": 3, "commitCount": 2, "deployCount": 1,
    "lastDeploy": {"environment": "production", "dateFinished": at(-540)}, "projects": [{"slug": "checkout"}],
}  # fmt: skip


def sentry(asked: Asked) -> Replied:
    """As Sentry answers."""
    if asked.headers.get("authorization") != "Bearer sntrys_x":
        return Replied({"detail": "Invalid token"}, 401)
    root = "/api/0/organizations/acme"
    answers: dict[str, Any] = {
        f"{root}/issues/4711/": ISSUE,
        f"{root}/issues/4711/events/": [{**EVENT, "entries": None}, {**EVENT, "eventID": "b" * 32}],
        f"{root}/issues/4711/events/latest/": EVENT,
        f"{root}/issues/4711/events/{EVENT_ID}/": EVENT,
        f"{root}/issues/4711/tags/": TAGS,
        f"{root}/shortids/CHECKOUT-3Q/": {"groupId": "4711"},
        f"{root}/releases/": [RELEASE],
        f"{root}/releases/checkout@2.4.1/": RELEASE,
        f"{root}/releases/checkout@2.4.1/commits/": [{**COMMIT, "author": {"email": "ada@shop.example"}}],
        f"/api/0/projects/acme/checkout/events/{EVENT_ID}/committers/": {
            "committers": [{"author": {"name": "Ada"}, "commits": [COMMIT]}]
        },
    }
    if asked.path == f"{root}/issues/":
        assert asked.one("start") < asked.one("end")
        return Replied([ISSUE] if "is:unresolved" in asked.one("query") else [])
    return Replied(answers[asked.path]) if asked.path in answers else Replied({"detail": "not found"}, 404)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(sentry) as served:
        yield served


@pytest.fixture
def tools(api: Api) -> dict[str, Tool]:
    return tools_of(connector, api_url=api.url, auth_token="sntrys_x", organization="acme")


def of_issue(**fields: Any) -> dict[str, Any]:
    """An incident whose signals belong to issue 4711."""
    signal = error_signal(0, group_key="sentry:issue:4711", **fields)
    return {"signals": [signal], "incident": checkout_incident([signal])}


def test_the_issue_behind_the_incident_is_told_with_since_when(tools: dict[str, Tool]) -> None:
    found = ask(tools["sentry.issue"], **of_issue())
    assert (found.short_id, found.events, found.users, found.first_release) == (
        "CHECKOUT-3Q",
        1340,
        87,
        "checkout@2.4.1",
    )
    assert found.first_before_start_s == 420.0 and found.assigned_to == "Ada" and found.unhandled
    assert [(each.events, each.at) for each in found.per_hour] == [(1340, at(0))]
    assert found.comments == ("Grace: looks like the coupon cache",)
    assert ask(tools["sentry.issue"], issue="CHECKOUT-3Q").id == "4711"


def test_an_incident_without_an_issue_says_so(tools: dict[str, Tool]) -> None:
    with pytest.raises(ToolFailed, match="belongs to a Sentry issue; name an `issue`"):
        ask(tools["sentry.issue"])


def test_events_are_listed_and_one_shown_in_full(tools: dict[str, Tool]) -> None:
    listed = ask(tools["sentry.events"], **of_issue())
    assert [each.event_id for each in listed.events] == [EVENT_ID, "b" * 32]
    assert listed.events[0].environment == "production" and listed.events[0].before_start_s == -30.0
    event = ask(tools["sentry.event"], **of_issue())
    assert event.event_id == EVENT_ID and event.release == "checkout@2.4.1"
    (exception,) = event.exceptions
    assert [(frame.file, frame.line, frame.in_app) for frame in exception.frames] == [
        ("flask/app.py", 9, False),
        ("shop/cart.py", 7, True),
    ]
    assert event.culprit.context_line == "    return subtotal - coupon.amount"
    assert [crumb.message for crumb in event.breadcrumbs] == ["GET /coupons"]
    assert ask(tools["sentry.event"], event=EVENT_ID, **of_issue()).event_id == EVENT_ID


def test_tags_say_what_events_have_in_common(tools: dict[str, Tool]) -> None:
    release, browser = ask(tools["sentry.tags"], **of_issue()).tags
    assert (release.tag, release.distinct, release.values[0].share) == ("release", 1, 1.0)
    assert browser.values[0].share == 0.5


def test_suspect_commits_are_those_sentry_names(tools: dict[str, Tool]) -> None:
    (commit,) = ask(tools["sentry.suspect_commits"], **of_issue()).commits
    assert (commit.title, commit.author, commit.before_start_s) == ("Take coupons off the total", "Ada", 600.0)


def test_releases_are_dated_by_their_deploy(tools: dict[str, Tool]) -> None:
    (release,) = ask(tools["sentry.releases"]).releases
    assert (release.before_start_s, release.environment, release.new_issues) == (540.0, "production", 3)
    (one,) = ask(tools["sentry.releases"], version="checkout@2.4.1").releases
    assert [each.author for each in one.listed_commits] == ["ada@shop.example"]


def test_issues_are_searched(tools: dict[str, Tool], api: Api) -> None:
    assert [each.id for each in ask(tools["sentry.search"]).issues] == ["4711"]
    assert ask(tools["sentry.search"], query="is:resolved", project="web").issues == ()
    assert api.asked[-1].one("query") == "is:resolved project:web"


@pytest.mark.parametrize("issue", ["../../x", "4711/events", "a b", "?"])
def test_an_issue_cannot_lead_elsewhere(issue: str, tools: dict[str, Tool]) -> None:
    with pytest.raises(ValidationError):
        ask(tools["sentry.issue"], issue=issue)


def test_a_refusal_is_told_in_sentry_s_words_without_the_token(api: Api) -> None:
    tools = tools_of(connector, api_url=api.url, auth_token="stale", organization="acme")
    with pytest.raises(ToolFailed, match=r"401.*Invalid token.*check the configured credential") as told:
        ask(tools["sentry.tags"], **of_issue())
    assert "stale" not in str(told.value)


def test_without_a_token_only_what_signals_say_can_be_asked() -> None:
    assert [tool.name for tool in connector.tools(SentrySettings(organization="acme"), "d")] == ["sentry.latest_event"]
