"""The question who is on call, for the service of an incident or another."""

import asyncio
from collections.abc import Awaitable

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.oncall.duty import on_duty
from connectors.oncall.remotes import OnCall, by_opsgenie, by_pagerduty
from connectors.oncall.settings import OncallSettings
from connectors.ports.asking import Answer, Question
from connectors.ports.reading import moment
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from schemas import to_rfc3339


class OncallQuestion(Question):
    """For what, and when."""

    service: str = Field(default="", max_length=200, description="Empty: the incident's own")
    at: str = Field(default="", max_length=40, description="RFC 3339 moment; empty: now")


class OnCalls(Answer):
    """People on call, first whom to call first. `failed` are sources that did not answer, with why."""

    service: str | None
    at: str
    people: tuple[OnCall, ...]
    failed: dict[str, str] = Field(default_factory=dict)


class OncallNow(Tool):
    """Who is on call."""

    name = "oncall.now"
    description = (
        "Who is on call for the service of this incident (or another) now or at a moment, by level, and until when."
    )
    arguments: type[BaseModel] = OncallQuestion
    result: type[BaseModel] = OnCalls
    deadline_s = 30.0
    max_bytes = 32_000

    def __init__(self, settings: OncallSettings) -> None:
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> OnCalls:
        assert isinstance(arguments, OncallQuestion)  # noqa: S101 - the caller validated against `arguments`
        service = arguments.service or context.incident.service
        at = context.now if not arguments.at else moment(arguments.at)
        if at is None:
            raise ToolFailed(f"at {arguments.at!r} is no moment; expected RFC 3339, or nothing for now")
        people = self._written(service, at)
        failed: dict[str, str] = {}
        settings = self._settings
        asked: dict[str, Awaitable[list[OnCall]]] = {}
        if settings.pagerduty is not None:
            asked["pagerduty"] = by_pagerduty(settings.pagerduty, service, at, settings.deadline_s)
        if settings.opsgenie is not None:
            asked["opsgenie"] = by_opsgenie(settings.opsgenie, service, at, settings.deadline_s)
        for source, told in zip(asked, await asyncio.gather(*asked.values(), return_exceptions=True), strict=True):
            if isinstance(told, ToolFailed):
                failed[source] = str(told)
            elif isinstance(told, BaseException):
                raise told
            else:
                people += told
        if failed and not people:
            raise ToolFailed("; ".join(failed.values()))
        people.sort(key=lambda each: each.level)
        return OnCalls(service=service, at=to_rfc3339(at), people=tuple(people[:60]), failed=failed)

    def _written(self, service: str | None, at: int) -> list[OnCall]:
        """By the schedules of the configuration: those that name the service, else those for everything else."""
        schedules = self._settings.schedules
        chosen = {name: each for name, each in schedules.items() if service in each.services}
        chosen = chosen or {name: each for name, each in schedules.items() if not each.services}
        return [
            OnCall(
                who=who,
                level=level,
                schedule=name,
                source="tocsin.yaml",
                email=self._settings.people[who].email,
                contact=self._settings.people[who].contact,
                until=to_rfc3339(until),
            )
            for name, schedule in chosen.items()
            for level, who, until in on_duty(schedule, at)
        ]
