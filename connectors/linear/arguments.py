"""What the actions are asked to do, complete and checked."""

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from connectors.linear.markdown import one_line
from connectors.linear.settings import Priority
from schemas import Incident, Link

LONGEST_TITLE = 255
LONGEST_BODY = 100_000
MOST_LINKS = 10


class IssueArguments(BaseModel):
    """An issue to open. `body` is Markdown; `links` become attachments."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    title: str = Field(min_length=1, max_length=LONGEST_TITLE, description="One line, at most 255 characters")
    body: str = Field(
        default="",
        max_length=LONGEST_BODY,
        validation_alias=AliasChoices("body", "description"),
        description="Markdown",
    )
    team: str | None = Field(default=None, description="The team's key; the configured one wins")
    labels: tuple[str, ...] = Field(default=(), description="Names; the configured ones are added")
    priority: Priority = Field(default=0, description="0 none, 1 urgent, 2 high, 3 medium, 4 low")
    assignee: str | None = Field(default=None, description="An e-mail address; the configured one wins")
    project: str | None = Field(default=None, description="A project's name; the configured one wins")
    state: str | None = Field(default=None, description="A workflow state's name; the configured one wins")
    links: tuple[Link, ...] = Field(
        default=(), max_length=MOST_LINKS, description="Where to look, attached to the issue"
    )
    incident_id: str = ""


class CommentArguments(BaseModel):
    """A comment on an issue that stands already. `body` is Markdown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issue: str = Field(default="", validate_default=True, description="The issue's id or identifier (OPS-12)")
    body: str = Field(min_length=1, max_length=LONGEST_BODY, description="Markdown")
    incident_id: str = ""

    @field_validator("issue")
    @classmethod
    def _there_is_one(cls, issue: str) -> str:
        return some_issue(issue)


class UpdateArguments(BaseModel):
    """A new state for an issue that stands already."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issue: str = Field(default="", validate_default=True, description="The issue's id or identifier (OPS-12)")
    state: str = Field(default="", description="The state's name; empty: the team's first completed state")

    @field_validator("issue")
    @classmethod
    def _there_is_one(cls, issue: str) -> str:
        return some_issue(issue)


def some_issue(issue: str) -> str:
    """The issue's id, trimmed. Raises ValueError when there is none."""
    if not issue.strip():
        raise ValueError(
            "no Linear issue is open for this incident: open one by linear.create_issue first, or name it in `issue`"
        )
    return issue.strip()


def for_its_issue(arguments: Mapping[str, Any], incident: Incident) -> dict[str, Any]:
    """The arguments with the incident's own issue in `issue`; another one is kept only when the incident has none."""
    own = incident.opened("linear", "issue")
    return {**arguments, "issue": own.id} if own is not None else dict(arguments)


def fitting_title(title: object, incident: Incident) -> str:
    """The given title, else the incident's, on one line of at most 255 characters."""
    given = title if isinstance(title, str) and title.strip() else incident.title
    return one_line(given, LONGEST_TITLE) or f"Incident {incident.id}"
