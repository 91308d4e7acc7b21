"""GitHub: commits, pull requests, deployments and workflow runs read, nothing written."""

from collections.abc import Sequence

from connectors.github.commits import GithubCommit, GithubCommits
from connectors.github.delivery import GithubDeployments, GithubWorkflowRuns
from connectors.github.pulls import GithubPullRequest, GithubPullRequests
from connectors.github.settings import GithubSettings
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: GithubSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a repository to ask about."""
    kinds = (GithubCommits, GithubCommit, GithubPullRequests, GithubPullRequest, GithubDeployments, GithubWorkflowRuns)
    return tuple(kind(settings) for kind in kinds) if settings.repositories and settings.url else ()


connector = Connector(
    name="github",
    summary="Commits, pull requests, deployments and workflow runs of GitHub, read only",
    settings=GithubSettings,
    tools=tools,
)
