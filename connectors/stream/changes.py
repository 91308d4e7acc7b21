"""Changes before the start of an incident: deploys, flags, configuration, with their distance in time."""

from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.texts import clipped
from connectors.ports.tool import Tool, ToolContext
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, Looked, all_of, read, start_of
from schemas import Signal, to_rfc3339
from schemas.time import SECOND


class ChangesQuestion(Question):
    """How far back, and how far past the start (a change after it explains nothing, and is worth saying so)."""

    hours: float = Field(default=24, gt=0, le=24 * 14)
    after_s: int = Field(default=1800, ge=0, le=86_400)
    service: str | None = Field(default=None, description="Only this service; by default all")
    limit: int = Field(default=30, ge=1, le=100)


class ChangeSeen(Answer):
    """One change. `before_start_s` is negative for one that came after the start."""

    id: str
    at: str
    before_start_s: float
    kind: str
    title: str
    service: str | None
    environment: str | None
    same_service: bool
    actor: str | None = None
    version: str | None = None
    commit: str | None = None
    url: str | None = None
    files: tuple[str, ...] = ()


class Changes(Looked):
    """Changes, the latest first; `total` before the limit."""

    start: str
    since: str
    total: int
    changes: tuple[ChangeSeen, ...]


class ChangesBefore(Tool):
    """Signals of type `change` in a window before the start."""

    name = "changes.before"
    description = (
        "Deployments, releases, flag and configuration changes of all services before the start of this incident (and shortly "
        "after it), latest first, with their distance in time."
    )
    arguments: type[BaseModel] = ChangesQuestion
    result: type[BaseModel] = Changes
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Changes:
        assert isinstance(arguments, ChangesQuestion)  # noqa: S101 - the caller validated against `arguments`
        start = start_of(context)
        since = start - round(arguments.hours * 3600) * SECOND
        until = min(start + arguments.after_s * SECOND, context.now)
        found = await read(context, self.name, since=since, until=until, types=("change",), service=arguments.service)
        latest = sorted(found, key=lambda each: (-each.occurred_at, each.id))[: arguments.limit]
        return Changes(
            complete=all_of(found),
            start=to_rfc3339(start),
            since=to_rfc3339(max(0, since)),
            total=len(found),
            changes=tuple(_change(each, start, context.incident.service) for each in latest),
        )


def _change(signal: Signal, start: int, service: str | None) -> ChangeSeen:
    labels = signal.labels
    return ChangeSeen(
        id=signal.id,
        at=to_rfc3339(signal.occurred_at),
        before_start_s=round((start - signal.occurred_at) / SECOND, 1),
        kind=clipped(_first(labels, "kind", "change", "event") or "change", 40),
        title=clipped(signal.title, 200),
        service=signal.service,
        environment=signal.environment,
        same_service=service is not None and signal.service == service,
        actor=signal.actor,
        version=_first(labels, "version", "release", "tag", "revision"),
        commit=_first(labels, "commit", "sha", "commit_sha", "git_sha", "head_sha"),
        url=next((each.url for each in signal.links), None),
        files=_files(signal.raw),
    )


def _first(labels: dict[str, str], *names: str) -> str | None:
    return next((clipped(labels[name], 120) for name in names if labels.get(name)), None)


def _files(raw: Any) -> tuple[str, ...]:
    """Paths a change says it touched, where its payload lists them under `files` (names, or objects with a name)."""
    listed = raw.get("files") if isinstance(raw, dict) else None
    if not isinstance(listed, list):
        return ()
    names = (each.get("filename") or each.get("path") if isinstance(each, dict) else each for each in listed[:50])
    return tuple(clipped(name, 200) for name in names if isinstance(name, str))
