"""GitHub: commits, pull requests, deployments and workflow runs read, nothing written."""

from collections.abc import Sequence
from functools import partial

from connectors.github.commits import GithubCommit, GithubCommits
from connectors.github.delivery import GithubDeployments, GithubWorkflowRuns
from connectors.github.pulls import GithubPullRequest, GithubPullRequests
from connectors.github.repository import answers
from connectors.github.settings import GithubSettings
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: GithubSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a repository to ask about."""
    kinds = (GithubCommits, GithubCommit, GithubPullRequests, GithubPullRequest, GithubDeployments, GithubWorkflowRuns)
    return tuple(kind(settings) for kind in kinds) if settings.repositories and settings.url else ()


def checkups(settings: GithubSettings, _instance: str) -> Sequence[Checkup]:
    """Whether it answers."""
    if not settings.repositories or not settings.url:
        return ()
    fix = "check github.token, that it may read these repositories, and their names"
    return (Checkup("github", partial(answers, settings), fix),)


connector = Connector(
    name="github",
    summary="Commits, pull requests, deployments and workflow runs of GitHub, read only",
    settings=GithubSettings,
    tools=tools,
    checkups=checkups,
)
