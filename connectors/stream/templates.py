"""Which log templates are new, gone, or come more or less often than before the incident."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.texts import clipped
from connectors.ports.tool import Tool, ToolContext
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, Looked, all_of, read, start_of
from schemas import Severity, Signal, severity_rank, to_rfc3339
from schemas.masks import masked
from schemas.time import SECOND

State = Literal["new", "gone", "more", "less", "same"]
_TIMES = 2.0
_LEAST = 3
"""Fewer lines on both sides are called the same: by chance they are twice as many now and then."""


class TemplatesQuestion(Question):
    """How long before the start counts as usual, and how far past it to look."""

    before_s: int = Field(default=3600, ge=60, le=86_400, description="Seconds before the start that count as usual")
    after_s: int = Field(default=900, ge=60, le=86_400, description="Seconds after the start that are compared with it")
    lead_s: int = Field(
        default=120, ge=0, le=3600, description="Seconds before the start that count as after it: causes come first"
    )
    service: str | None = Field(default=None, description="Only this service; by default all, the incident's own first")
    severity: Severity = Field(default="debug", description="This bad or worse")
    limit: int = Field(default=30, ge=1, le=100)


class TemplateSeen(Answer):
    """Lines of one template. Rates are lines a minute; `ratio` is after / before, null for a new one."""

    template: str
    service: str | None
    severity: str
    state: State
    before: int
    after: int
    rate_before: float
    rate_after: float
    ratio: float | None
    first: str
    first_after_start_s: float = Field(description="Seconds from the start to its first line in the range")
    last: str
    example: str
    example_id: str


class Templates(Looked):
    """Templates, what changed most first: new ones, then more, gone, less, same. `seen` is how many there are in all."""

    start: str
    since: str
    parted_at: str = Field(description="Lines before it are `before`, from it on `after`")
    until: str
    scanned: int
    seen: int
    templates: tuple[TemplateSeen, ...]


class LogsTemplates(Tool):
    """Templates before and after."""

    name = "logs.templates"
    description = (
        "Log templates (lines alike but for numbers, ids and times) around the start of this incident: which are new, gone, or "
        "changed their rate against the time before."
    )
    arguments: type[BaseModel] = TemplatesQuestion
    result: type[BaseModel] = Templates
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Templates:
        assert isinstance(arguments, TemplatesQuestion)  # noqa: S101 - the caller validated against `arguments`
        start = start_of(context)
        parted = max(0, start - arguments.lead_s * SECOND)
        since = max(0, start - arguments.before_s * SECOND)
        until = max(min(start + arguments.after_s * SECOND, context.now), parted + SECOND)
        # Each side has its own share of what is read, so that a burst after the start does not hide the time before.
        before = await read(
            context, self.name, since=since, until=parted - 1, types=("log",), service=arguments.service
        )
        after = await read(context, self.name, since=parted, until=until, types=("log",), service=arguments.service)
        least = severity_rank(arguments.severity)
        old, new = (
            [each for each in lines if severity_rank(each.severity) >= least] for lines in (list(before), list(after))
        )
        spans = (_minutes(old, since, parted, all_of(before)), _minutes(new, parted, until, all_of(after)))
        seen = compared(old, new, spans, start)
        seen.sort(key=lambda each: _order(each, context.incident.service))
        return Templates(
            complete=all_of(before) and all_of(after),
            start=to_rfc3339(start),
            since=to_rfc3339(since),
            parted_at=to_rfc3339(parted),
            until=to_rfc3339(until),
            scanned=len(before) + len(after),
            seen=len(seen),
            templates=tuple(seen[: arguments.limit]),
        )


def template_of(signal: Signal) -> str:
    """The template it was mined to, when it was; else its first line masked."""
    return signal.labels.get("template") or masked((signal.body or signal.title).split("\n", 1)[0])


def compared(
    old: Sequence[Signal], new: Sequence[Signal], minutes: tuple[float, float], start: int
) -> list[TemplateSeen]:
    """Templates of lines before and after, with their rates over so many minutes each."""
    groups: dict[tuple[str | None, str], tuple[list[Signal], list[Signal]]] = {}
    for side, lines in enumerate((old, new)):
        for each in lines:
            groups.setdefault((each.service, template_of(each)), ([], []))[side].append(each)
    found: list[TemplateSeen] = []
    for (service, template), (before, after) in groups.items():
        every = [*before, *after]
        worst = max(every, key=lambda each: severity_rank(each.severity))
        rates = len(before) / minutes[0], len(after) / minutes[1]
        shown = (after or before)[0]
        found.append(
            TemplateSeen(
                template=clipped(template, 200),
                service=service,
                severity=worst.severity,
                state=_state(len(before), len(after), rates),
                before=len(before),
                after=len(after),
                rate_before=round(rates[0], 3),
                rate_after=round(rates[1], 3),
                ratio=round(rates[1] / rates[0], 2) if rates[0] else None,
                first=to_rfc3339(every[0].occurred_at),
                first_after_start_s=round((every[0].occurred_at - start) / SECOND, 1),
                last=to_rfc3339(every[-1].occurred_at),
                example=clipped(shown.body or shown.title, 300),
                example_id=shown.id,
            )
        )
    return found


def _state(before: int, after: int, rates: tuple[float, float]) -> State:
    if not before:
        return "new"
    if not after:
        return "gone" if before >= _LEAST else "same"
    if max(before, after) < _LEAST:
        return "same"
    if rates[1] >= _TIMES * rates[0]:
        return "more"
    return "less" if _TIMES * rates[1] <= rates[0] else "same"


def _minutes(lines: Sequence[Signal], since: int, until: int, complete: bool) -> float:
    """How long the lines cover: all of the range, or from the first one on when older ones were not read."""
    begin = since if complete or not lines else lines[0].occurred_at
    return max((until - begin) / (60 * SECOND), 1 / 60)


def _order(each: TemplateSeen, service: str | None) -> tuple[int, bool, int, float, str]:
    rank = {"new": 0, "more": 1, "gone": 2, "less": 3, "same": 4}[each.state]
    return rank, each.service != service, -severity_rank(each.severity), -float(each.before + each.after), each.template
