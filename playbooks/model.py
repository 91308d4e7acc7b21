"""A playbook: how one kind of incident is looked into, by whom, and what may follow."""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas import Autonomy, Verdict
from schemas.spans import UNITS, Span

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=100)]
ToolName = Annotated[str, Field(pattern=r"^[a-z0-9_-]+\.[a-z0-9_.-]+$")]
ToolGlob = Annotated[str, Field(pattern=r"^[a-z0-9_.*?-]+$")]
ActionKind = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$")]

ARGUMENTS: dict[str, dict[str, str]] = {
    "linear.create_issue": {"title": "issue_title", "body": "issue_body"},
    "linear.comment": {"body": "comment_update"},
    "page": {"summary": "issue_title", "body": "page"},
    "webhook.post": {"summary": "issue_title", "body": "page"},
}
"""Which template renders which argument, by action kind; a playbook's `templates` adds to it or overrides it."""

FOLLOW_UPS = ("comment_update", "comment_resolved")
"""Templates of comments on what is open already; every playbook uses them."""


class Closed(BaseModel):
    """A mapping of the front matter: an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Analyst(Closed):
    """Who reasons, and within which bounds. Each bound holds for one investigation unless it says otherwise."""

    model: str = Field(default="default", description="A model role, or `none` for the model-free analyst")
    triage: bool | None = Field(
        default=None, description="Whether the role `triage` looks first and may conclude; none: only before `deep`"
    )
    max_turns: int = Field(default=12, ge=1, le=200, description="Answers of the model")
    max_tool_calls: int = Field(default=40, ge=0, le=1000, description="Tools the model may ask, over all turns")
    max_tokens: int = Field(default=400_000, ge=1000, description="Tokens in and out, those from the cache at a tenth")
    max_cost_usd: float = Field(default=0.50, ge=0)
    day_cost_usd: float | None = Field(
        default=None, ge=0, description="For all investigations of this playbook in a day"
    )
    timeout: Span = Field(default=4 * UNITS["m"], description="For the whole investigation, tools included")
    may_wait: Span = Field(
        default=0, description="How long it may pause for a person or a proposal; 0: it does not wait"
    )
    may_propose: tuple[ActionKind, ...] = Field(
        default=(), description="Kinds of action the model may propose before it concludes; each waits for a person"
    )
    may_act: tuple[ActionKind, ...] = Field(
        default=(),
        description="Kinds of action that go by their `autonomy` also where only a model's verdict led to them; any other then waits for a person",
    )
    concurrency: int | None = Field(
        default=None, ge=1, description="Investigations of this playbook at once, over all processes"
    )


class BeforeConcluding(Closed):
    """What a model's conclusion must stand up to before it counts."""

    must_answer: tuple[str, ...] = Field(default=(), description="Questions that must be answered")
    must_call: tuple[ToolGlob, ...] = Field(default=(), description="Tools of which one must have answered, each")
    require: str | None = Field(
        default=None,
        description="A CEL condition over `conclusion`, `incident` and `steps` (names of tools that answered)",
    )
    retries: int = Field(default=2, ge=0, le=5, description="How often the model is asked again")


class Verify(Closed):
    """What is expected to come true after acting."""

    resolved_within: Span | None = None


class FrontMatter(Closed):
    """What the machine reads of a playbook."""

    name: Name
    description: str = Field(min_length=1)
    gather: tuple[ToolName, ...] = Field(
        default=(), description="Tools always run, in this order, before any reasoning"
    )
    gather_configured: tuple[ToolName, ...] = Field(
        default=(),
        description="Tools run after those of `gather` where they are configured; left out in silence elsewhere",
    )
    tools: tuple[ToolGlob, ...] = Field(default=(), description="What the analyst may ask for; `*` matches anything")
    analyst: Analyst = Analyst()
    helpers: tuple[Name, ...] = Field(
        default=(),
        max_length=8,
        description="Playbooks that run beside it, each with its own tools and bounds; their findings join",
    )
    before_concluding: BeforeConcluding = BeforeConcluding()
    verdicts: dict[Verdict, tuple[ActionKind, ...]] = Field(
        default_factory=dict, description="Verdict to the kinds of action proposed"
    )
    autonomy: dict[ActionKind, Autonomy] = Field(
        default_factory=dict, description="observe: recorded only. propose: waits for a person. act: executed"
    )
    escalation: str | None = Field(default=None, description="The escalation policy a page starts")
    verify: Verify = Verify()
    templates: dict[ActionKind, dict[str, str]] = Field(
        default_factory=dict, description="Action kind to argument to the template that renders it"
    )


@dataclass(frozen=True, slots=True)
class Playbook:
    """One loaded playbook. `version` is the content hash of its text and of every template it may use, so that two playbooks of
    one version read and render alike. Make them with `playbooks.load.read`."""

    file: str
    text: str
    front: FrontMatter
    body: str
    version: str
    templates: Mapping[str, str] = field(default_factory=dict)
    """Name to text of the templates it may use."""

    @property
    def name(self) -> str:
        """What rules call it by."""
        return self.front.name

    def autonomy_of(self, kind: str) -> Autonomy:
        """How far an action of this kind goes by itself; what is not listed waits for a person."""
        return self.front.autonomy.get(kind, "propose")

    def actions_for(self, verdict: Verdict) -> tuple[str, ...]:
        """The kinds of action this verdict leads to, in order."""
        return self.front.verdicts.get(verdict, ())

    def may_ask(self, tool: str) -> bool:
        """Whether the analyst may call this tool; what is gathered may always be asked again."""
        always = (*self.front.gather, *self.front.gather_configured)
        return tool in always or any(fnmatchcase(tool, pattern) for pattern in self.front.tools)

    def gathers(self, tools: Container[str]) -> tuple[str, ...]:
        """What is always run where `tools` are those there are: each once, in order. One of `gather` that is not there is a recorded failure."""
        more = (name for name in self.front.gather_configured if name in tools)
        return tuple(dict.fromkeys((*self.front.gather, *more)))

    def arguments_of(self, kind: str) -> Mapping[str, str]:
        """Argument to template name for an action kind; empty for a kind that needs no text."""
        return self.front.templates.get(kind, ARGUMENTS.get(kind, {}))

    def freeze(self) -> bytes:
        """All of it as JSON, for `playbooks.load.thaw`: an investigation keeps the version it began with."""
        return json.dumps({"file": self.file, "text": self.text, "templates": dict(self.templates)}).encode()
