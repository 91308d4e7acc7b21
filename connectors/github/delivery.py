"""Deployments and workflow runs: what was brought out when, and whether it went well."""

import asyncio

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.github.repository import REPOSITORY, REVISION, Repository, login
from connectors.github.settings import GithubSettings
from connectors.ports.asking import Answer, Question
from connectors.ports.reading import line, mapping, sequence, web_url
from connectors.ports.tool import Tool, ToolContext

_STATUSES = 15


class DeploymentsQuestion(Question):
    """Which ones."""

    repository: str = Field(default="", description=REPOSITORY)
    environment: str = Field(default="", max_length=200, description="Only to this one")
    days: float = Field(default=7, gt=0, le=365, description="Before the start of the incident")
    after_h: float = Field(default=24, ge=0, le=24 * 365, description="Hours past the start")
    limit: int = Field(default=20, ge=1, le=50)


class Deployment(Answer):
    """One deployment; `at` is when it was asked for, `state` its latest (of the 15 latest ones) and since when."""

    id: int
    environment: str
    ref: str
    commit: str
    at: str
    before_start_s: float
    state: str = ""
    state_at: str | None = None
    creator: str = ""
    description: str = ""
    url: str | None = None


class Deployments(Answer):
    """Deployments, the latest first."""

    repository: str
    deployments: tuple[Deployment, ...]


class GithubDeployments(Tool):
    """Deployments around the start."""

    name = "github.deployments"
    description = "Deployments GitHub knows of around the start of this incident: environment, commit, who, state, distance from the start."
    arguments: type[BaseModel] = DeploymentsQuestion
    result: type[BaseModel] = Deployments
    deadline_s = 25.0
    max_bytes = 64_000

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Deployments:
        assert isinstance(arguments, DeploymentsQuestion)  # noqa: S101 - the caller validated against `arguments`
        repository = Repository(self._settings, arguments.repository, context)
        listed = await repository.get("/deployments", {"environment": arguments.environment, "per_page": 100})
        found: list[Deployment] = []
        for each in map(mapping, sequence(listed)):
            distance, number = repository.before_start_s(each.get("created_at")), each.get("id")
            if distance is None or not isinstance(number, int):
                continue
            if -arguments.after_h * 3600 <= distance <= arguments.days * 86_400:
                found.append(
                    Deployment(
                        id=number,
                        environment=line(each.get("environment"), 100),
                        ref=line(each.get("ref"), 200),
                        commit=line(each.get("sha"), 64),
                        at=line(each.get("created_at"), 40),
                        before_start_s=distance,
                        creator=login(each.get("creator")),
                        description=line(each.get("description"), 200),
                    )
                )
        found = found[: arguments.limit]
        states = await asyncio.gather(*(_state(repository, each.id) for each in found[:_STATUSES]))
        known = dict(zip((each.id for each in found), states, strict=False))
        return Deployments(
            repository=repository.name,
            deployments=tuple(each.model_copy(update=known.get(each.id, {})) for each in found),
        )


async def _state(repository: Repository, number: int) -> dict[str, str | None]:
    listed = sequence(await repository.get(f"/deployments/{number}/statuses", {"per_page": 1}))
    latest = mapping(listed[0]) if listed else {}
    url = web_url(latest.get("environment_url")) or web_url(latest.get("log_url"))
    return {"state": line(latest.get("state"), 30), "state_at": line(latest.get("created_at"), 40) or None, "url": url}


class RunsQuestion(Question):
    """Which ones."""

    repository: str = Field(default="", description=REPOSITORY)
    branch: str = Field(default="", pattern=REVISION)
    event: str = Field(
        default="", pattern=r"^[a-z_]{0,60}$", description="Only started by this, such as push or schedule"
    )
    days: float = Field(default=2, gt=0, le=90, description="Before the start of the incident")
    after_h: float = Field(default=6, ge=0, le=24 * 90, description="Hours past the start")
    limit: int = Field(default=30, ge=1, le=100)


class Run(Answer):
    """One run of a workflow."""

    name: str
    title: str
    status: str
    conclusion: str = Field(description="success, failure, cancelled ...; empty while it runs")
    event: str
    branch: str
    commit: str
    attempt: int
    at: str
    before_start_s: float
    ended_at: str | None = None
    actor: str = ""
    url: str | None = None


class Runs(Answer):
    """Runs, the latest first; `total` there were."""

    repository: str
    runs: tuple[Run, ...]
    total: int


class GithubWorkflowRuns(Tool):
    """Runs around the start."""

    name = "github.workflow_runs"
    description = "Runs of GitHub Actions workflows around the start of this incident: what was built, tested and brought out, and whether it went well."
    arguments: type[BaseModel] = RunsQuestion
    result: type[BaseModel] = Runs
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Runs:
        assert isinstance(arguments, RunsQuestion)  # noqa: S101 - the caller validated against `arguments`
        repository = Repository(self._settings, arguments.repository, context)
        since, until = repository.window(arguments.days, arguments.after_h)
        narrowed = {"branch": arguments.branch, "event": arguments.event, "created": f"{since}..{until}"}
        body = mapping(await repository.get("/actions/runs", {**narrowed, "per_page": arguments.limit}))
        runs: list[Run] = []
        for each in map(mapping, sequence(body.get("workflow_runs"))):
            at = each.get("run_started_at") or each.get("created_at")
            distance, attempt = repository.before_start_s(at), each.get("run_attempt")
            if distance is not None:
                runs.append(
                    Run(
                        name=line(each.get("name"), 100),
                        title=line(each.get("display_title"), 200),
                        status=line(each.get("status"), 30),
                        conclusion=line(each.get("conclusion"), 30),
                        event=line(each.get("event"), 60),
                        branch=line(each.get("head_branch"), 200),
                        commit=line(each.get("head_sha"), 64),
                        attempt=attempt if isinstance(attempt, int) else 1,
                        at=line(at, 40),
                        before_start_s=distance,
                        ended_at=line(each.get("updated_at"), 40) if each.get("status") == "completed" else None,
                        actor=login(each.get("actor")),
                        url=web_url(each.get("html_url")),
                    )
                )
        total = body.get("total_count")
        return Runs(repository=repository.name, runs=tuple(runs), total=total if isinstance(total, int) else len(runs))
