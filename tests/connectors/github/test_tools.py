"""GitHub is asked by its REST interface about configured repositories, and by nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.github import connector
from connectors.github.settings import GithubSettings
from connectors.ports.tool import Tool, ToolFailed
from schemas import to_rfc3339
from tests.support.api import Api, Asked, Replied, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import START, checkout_incident

HOUR = 3600


def at(seconds: float) -> str:
    return to_rfc3339(START + round(seconds * 1_000_000))[:19] + "Z"


def commit(sha: str, seconds: float, message: str) -> dict[str, Any]:
    person = {"name": "Ada", "email": "ada@shop.example", "date": at(seconds)}
    return {
        "sha": sha,
        "commit": {"message": message, "author": person, "committer": person},
        "html_url": f"https://github.example/shop/checkout/commit/{sha}",
    }


FILES = [
    {"filename": "shop/cart.py", "status": "modified", "additions": 1, "deletions": 1, "patch": "@@ -7 +7 @@\n-0\n+coupon.amount"},
    {"filename": "logo.png", "status": "added", "additions": 0, "deletions": 0},
]  # fmt: skip
PULL = {
    "number": 981, "title": "Take coupons off the total", "state": "closed", "merged_at": at(-600), "updated_at": at(-500),
    "user": {"login": "ada"}, "merged_by": {"login": "grace"}, "merge_commit_sha": "c2", "base": {"ref": "main"},
    "labels": [{"name": "billing"}], "html_url": "https://github.example/shop/checkout/pull/981", "body": "They were given twice.",
    "changed_files": 2,
}  # fmt: skip
PULLS = [
    {**PULL, "number": 990, "title": "Undo", "merged_at": at(900)},
    PULL,
    {**PULL, "number": 985, "title": "Not merged", "merged_at": None},
    {**PULL, "number": 986, "title": "Still open", "merged_at": None, "state": "open"},
    {**PULL, "number": 1, "title": "Long ago", "merged_at": at(-90 * 24 * HOUR)},
]
DEPLOYMENTS = [
    {
        "id": 7,
        "environment": "production",
        "ref": "v2.4.1",
        "sha": "c2",
        "created_at": at(-540),
        "creator": {"login": "ci"},
    },
    {
        "id": 6,
        "environment": "production",
        "ref": "v2.4.0",
        "sha": "c1",
        "created_at": at(-30 * 24 * HOUR),
        "creator": None,
    },
]
RUNS = [
    {
        "name": "deploy", "display_title": "v2.4.1", "status": "completed", "conclusion": "success", "event": "push",
        "head_branch": "main", "head_sha": "c2", "run_attempt": 2, "run_started_at": at(-560), "updated_at": at(-530),
        "actor": {"login": "ci"}, "html_url": "https://github.example/run/1",
    }
]  # fmt: skip


def github(asked: Asked) -> Replied:
    """As GitHub answers, for one repository."""
    assert asked.method == "GET" and asked.headers["x-github-api-version"] == "2022-11-28"
    if asked.headers.get("authorization") != "Bearer ghp":
        return Replied({"message": "Bad credentials", "status": "401"}, 401)
    root = "/repos/shop/checkout"
    if not asked.path.startswith(root):
        return Replied({"message": "Not Found"}, 404)
    match asked.path.removeprefix(root):
        case "/commits":
            assert asked.one("since") < asked.one("until")
            return Replied([commit("c2", -600, "Take coupons off the total\n\nTwice."), commit("c1", -HOUR, "Round")])
        case "/commits/c2" | "/commits/feature/coupons":
            return Replied({**commit("c2", -600, "Take coupons off the total\n\nTwice."), "files": FILES})
        case "/compare/v2.4.0...v2.4.1":
            return Replied(
                {
                    "commits": [commit("c1", -HOUR, "Round"), commit("c2", -600, "Take")],
                    "total_commits": 2,
                    "files": FILES,
                }
            )
        case "/commits/c2/pulls":
            return Replied([PULL])
        case "/pulls":
            return Replied([each for each in PULLS if asked.one("state") in ("all", each["state"])])
        case "/pulls/981":
            return Replied(PULL)
        case "/pulls/981/files":
            return Replied(FILES)
        case "/deployments":
            return Replied(
                [each for each in DEPLOYMENTS if asked.one("environment", "production") == each["environment"]]
            )
        case "/deployments/7/statuses":
            return Replied([{"state": "success", "created_at": at(-500), "environment_url": "https://shop.example"}])
        case "/actions/runs":
            assert ".." in asked.one("created")
            return Replied({"total_count": 41, "workflow_runs": RUNS})
        case _:
            return Replied({"message": "Not Found"}, 404)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(github) as served:
        yield served


@pytest.fixture
def tools(api: Api) -> dict[str, Tool]:
    return tools_of(connector, url=api.url, token="ghp", repositories={"checkout": "shop/checkout", "web": "shop/web"})


def test_commits_are_told_with_their_distance_from_the_start(tools: dict[str, Tool]) -> None:
    found = ask(tools["github.commits"])
    assert [(each.commit, each.before_start_s, each.title, each.author) for each in found.commits] == [
        ("c2", 600.0, "Take coupons off the total", "Ada"),
        ("c1", 3600.0, "Round", "Ada"),
    ]


def test_one_commit_is_shown_in_full_and_by_default_the_last_before_the_start(tools: dict[str, Tool]) -> None:
    found = ask(tools["github.commit"])
    assert (found.commit, found.message, found.files_total) == ("c2", "Take coupons off the total\n\nTwice.", 2)
    assert found.files[0].patch.endswith("+coupon.amount") and found.files[1].patch == ""
    assert ask(tools["github.commit"], commit="feature/coupons").commits[0].commit == "c2"
    between = ask(tools["github.commit"], base="v2.4.0", commit="v2.4.1")
    assert [each.commit for each in between.commits] == ["c2", "c1"] and between.commits_total == 2


def test_pull_requests_merged_around_the_start_are_found(tools: dict[str, Tool]) -> None:
    found = ask(tools["github.pull_requests"])
    assert [(each.number, each.state, each.before_start_s) for each in found.pulls] == [
        (990, "merged", -900.0),
        (981, "merged", 600.0),
    ]
    assert found.complete
    assert [each.number for each in ask(tools["github.pull_requests"], open=True).pulls] == [990, 981, 986]
    assert [each.number for each in ask(tools["github.pull_requests"], commit="c2").pulls] == [981]


def test_a_pull_request_is_shown_in_full(tools: dict[str, Tool]) -> None:
    found = ask(tools["github.pull_request"])
    assert (found.number, found.body, found.merged_by, found.labels) == (
        981,
        "They were given twice.",
        "grace",
        ("billing",),
    )
    assert [each.path for each in found.files] == ["shop/cart.py", "logo.png"]


def test_deployments_come_with_their_latest_state(tools: dict[str, Tool]) -> None:
    (found,) = ask(tools["github.deployments"]).deployments
    assert (found.environment, found.commit, found.before_start_s, found.state) == (
        "production",
        "c2",
        540.0,
        "success",
    )
    assert found.url == "https://shop.example" and found.creator == "ci"
    assert ask(tools["github.deployments"], environment="staging").deployments == ()


def test_workflow_runs_say_how_they_ended(tools: dict[str, Tool]) -> None:
    found = ask(tools["github.workflow_runs"])
    assert found.total == 41
    assert (found.runs[0].name, found.runs[0].conclusion, found.runs[0].attempt) == ("deploy", "success", 2)


def test_only_configured_repositories_are_asked(api: Api, tools: dict[str, Tool]) -> None:
    with pytest.raises(ToolFailed, match=r"no repository is configured for 'shop/secrets'.*checkout \(shop/checkout\)"):
        ask(tools["github.commits"], repository="shop/secrets")
    with pytest.raises(ToolFailed, match="no repository is configured for 'search'"):
        ask(tools["github.commits"], incident=checkout_incident(service="search"))
    assert api.asked == []
    with pytest.raises(ToolFailed, match=r"asked GitHub for shop/web/commits.*404"):
        ask(tools["github.commits"], repository="web")


@pytest.mark.parametrize("revision", ["../../../user", "a..b", "x?per_page=1", "-x", "a b"])
def test_a_revision_cannot_lead_elsewhere(revision: str, api: Api, tools: dict[str, Tool]) -> None:
    with pytest.raises((ValidationError, ToolFailed)):
        ask(tools["github.commit"], commit=revision)
    assert all(each.path.startswith("/repos/shop/checkout/commits/") for each in api.asked)


def test_github_s_own_words_are_passed_on(api: Api) -> None:
    tools = tools_of(connector, url=api.url, token="old", repositories={"checkout": "shop/checkout"})
    with pytest.raises(ToolFailed, match=r"401.*Bad credentials.*check the configured credential"):
        ask(tools["github.deployments"])


def test_without_repositories_there_are_no_tools_and_odd_names_are_refused() -> None:
    assert connector.tools(GithubSettings(), "default") == ()
    for name in ("shop", "shop/a/b", "shop/../x", "https://github.com/shop/checkout"):
        with pytest.raises(ValidationError, match="is no repository; expected OWNER/NAME"):
            GithubSettings(repositories={"checkout": name})
