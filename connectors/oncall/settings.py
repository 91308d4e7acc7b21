"""Who is on call: schedules written here, PagerDuty, Opsgenie."""

from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.ports.connector import Settings
from connectors.ports.reading import moment
from connectors.ports.remote_settings import web_address


class Person(BaseModel):
    """Somebody who can be on call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str | None = Field(default=None, description="Address")
    contact: str | None = Field(default=None, description="How to reach them: a number, a handle")


class Override(BaseModel):
    """Somebody else for a while."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str = Field(description="A name in `people`")
    starts: str = Field(description="RFC 3339")
    ends: str = Field(description="RFC 3339")

    @model_validator(mode="after")
    def _is_a_stretch(self) -> Self:
        first, last = moment(self.starts), moment(self.ends)
        if first is None or last is None or first >= last:
            raise ValueError(
                f"{self.starts!r} to {self.ends!r} is no stretch of time; expected RFC 3339, the end after the start"
            )
        return self


class Rotation(BaseModel):
    """One level of a schedule: people in turn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: tuple[str, ...] = Field(min_length=1, description="Names in `people`, in turn")
    starts: str = Field(
        default="2026-01-05T09:00:00", description="A moment at which the first one begins, in the schedule's time zone"
    )
    every_days: int = Field(
        default=7, ge=1, le=365, description="Days of one turn; it changes at the same time of day, summer or winter"
    )

    @field_validator("starts")
    @classmethod
    def _is_a_moment(cls, starts: str) -> str:
        if moment(f"{starts}Z") is None:
            raise ValueError(f"{starts!r} is no local time; expected such as 2026-01-05T09:00:00")
        return starts


class Schedule(BaseModel):
    """Who is on call for some services."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    services: tuple[str, ...] = Field(
        default=(), description="Services it is for; empty: those that no other schedule names"
    )
    zone: str = Field(default="UTC", description="Time zone of the rotations, such as Europe/Berlin")
    levels: tuple[Rotation, ...] = Field(min_length=1, description="Whom to call first, second, ...")
    overrides: tuple[Override, ...] = Field(default=(), description="For the first level")

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {zone!r}; expected a name such as Europe/Berlin") from error
        return zone


class PagerdutySettings(BaseModel):
    """PagerDuty's REST interface."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr = Field(description="A REST API key; read-only suffices")
    url: str = Field(
        default="https://api.pagerduty.com", description="Where it answers; https://api.eu.pagerduty.com for Europe"
    )
    services: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Service to ids of escalation policies; `*` for those not named. Without any, all are asked",
    )


class OpsgenieSettings(BaseModel):
    """Opsgenie's REST interface."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr = Field(description="Of an API integration that may read configuration")
    url: str = Field(
        default="https://api.opsgenie.com", description="Where it answers; https://api.eu.opsgenie.com for Europe"
    )
    services: dict[str, tuple[str, ...]] = Field(
        description="Service to names of schedules; `*` for those not named", min_length=1
    )


class OncallSettings(Settings):
    """Who is on call, from one or several sources."""

    people: dict[str, Person] = Field(default_factory=dict, description="People of the schedules written here, by name")
    schedules: dict[str, Schedule] = Field(default_factory=dict, description="Schedules written here, by name")
    pagerduty: PagerdutySettings | None = Field(default=None, description="Ask PagerDuty too")
    opsgenie: OpsgenieSettings | None = Field(default=None, description="Ask Opsgenie too")
    deadline_s: float = Field(default=10.0, gt=0, le=60, description="How long one request may take, in seconds")

    @model_validator(mode="after")
    def _everybody_is_known(self) -> Self:
        for name, schedule in self.schedules.items():
            named = [who for level in schedule.levels for who in level.people] + [
                each.who for each in schedule.overrides
            ]
            if unknown := sorted(set(named) - set(self.people)):
                raise ValueError(
                    f"schedule {name!r} names {unknown!r}, who are not among the people {sorted(self.people)!r}"
                )
        for remote in (self.pagerduty, self.opsgenie):
            if remote is not None:
                web_address(remote.url)
        return self
