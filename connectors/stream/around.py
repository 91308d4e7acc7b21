"""Neighbours: what else was heard around the start of an incident."""

from collections import Counter

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.tool import Tool, ToolContext
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, Looked, Seen, all_of, first_by_nearness, read, seen, start_of
from schemas import severity_rank, to_rfc3339
from schemas.time import SECOND

MINUTE = 60 * SECOND


class AroundQuestion(Question):
    """How far to look, and at what."""

    before_s: int = Field(default=1800, ge=0, le=86_400, description="Seconds before the start")
    after_s: int = Field(default=1800, ge=0, le=86_400, description="Seconds after the start")
    service: str | None = Field(default=None, description="Only this service; by default all, the incident's own first")
    limit: int = Field(default=40, ge=1, le=100)


class Minute(Answer):
    """Failing signals of the incident's service in one minute."""

    at: str
    after_start_s: int
    count: int


class Neighbours(Looked):
    """Signals around the start, without log lines; `total` before the limit, `failing` services with their worst severity."""

    start: str
    since: str
    until: str
    total: int
    signals: tuple[Seen, ...]
    failing: dict[str, str] = Field(default_factory=dict, description="Services with failing signals: worst severity")
    first_failing: dict[str, str] = Field(default_factory=dict, description="Services with failing signals: first time")
    per_minute: tuple[Minute, ...] = ()


class SignalsAround(Tool):
    """Neighbouring signals: alerts, errors, changes, issues, comments; logs have a tool of their own."""

    name = "signals.around"
    description = (
        "Signals of any source and service heard around the start of this incident, in order of time, with how many failed "
        "per minute. Use it to see who failed first and who else suffers."
    )
    arguments: type[BaseModel] = AroundQuestion
    result: type[BaseModel] = Neighbours
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Neighbours:
        assert isinstance(arguments, AroundQuestion)  # noqa: S101 - the caller validated against `arguments`
        start = start_of(context)
        since, until = start - arguments.before_s * SECOND, min(start + arguments.after_s * SECOND, context.now)
        kinds = ("alert", "error", "issue", "comment", "change", "check_in", "loss")
        found = await read(context, self.name, since=since, until=until, types=kinds, service=arguments.service)
        mine = set(context.incident.signal_ids)
        failing = [each for each in found if each.status == "firing" and severity_rank(each.severity) >= 3]
        worst: dict[str, str] = {}
        first: dict[str, str] = {}
        for each in failing:
            name = each.service or "(no service)"
            if severity_rank(each.severity) > severity_rank(worst.get(name, "")):
                worst[name] = each.severity
            first.setdefault(name, to_rfc3339(each.occurred_at))
        per_minute = Counter(each.occurred_at // MINUTE for each in failing if each.service == context.incident.service)
        return Neighbours(
            complete=all_of(found),
            start=to_rfc3339(start),
            since=to_rfc3339(max(0, since)),
            until=to_rfc3339(until),
            total=len(found),
            signals=tuple(
                seen(each, start, own=each.id in mine) for each in first_by_nearness(found, context, arguments.limit)
            ),
            failing=dict(list(worst.items())[:50]),
            first_failing=dict(list(first.items())[:50]),
            per_minute=tuple(
                Minute(at=to_rfc3339(at * MINUTE), after_start_s=(at * MINUTE - start) // SECOND, count=count)
                for at, count in sorted(per_minute.items())[-120:]
            ),
        )
