"""A conclusion: what an investigation found, with evidence that can be looked up."""

from typing import Any, Literal

from pydantic import Field

from schemas.record import Part, Record

Verdict = Literal["noise", "duplicate", "known", "actionable", "urgent"]


class Evidence(Part):
    """A quote out of a recorded step or signal: `cites` is its id, `quote` stands there word for word."""

    cites: str
    quote: str
    says: str = Field(description="What follows from it, in one sentence")


class Objection(Part):
    """What speaks against a hypothesis; `cites` the step or signal that says so, where one does."""

    says: str
    cites: str | None = None


class Hypothesis(Part):
    """A likely cause. `confidence` is a probability, 0 to 1. What speaks for the first one is the conclusion's evidence."""

    text: str
    confidence: float = Field(ge=0, le=1)
    component: str | None = Field(default=None, description="What failed first, if it is so")
    supports: tuple[Evidence, ...] = Field(default=(), description="What speaks for it")
    against: tuple[Objection, ...] = Field(default=(), description="What speaks against it")


class RuledOut(Part):
    """What it is not, and why."""

    text: str
    why: str
    cites: str | None = None


class Change(Part):
    """The culprit: a commit, deploy, flag or configuration change."""

    kind: Literal["commit", "deploy", "flag", "config", "other"]
    id: str
    title: str = ""
    at: str | None = None
    url: str | None = None


class ProposedAction(Part):
    """An action the conclusion asks for; whether it happens is for autonomy and approval to say."""

    kind: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    why: str = ""
    ask: bool = Field(default=False, description="A person decides even where the playbook lets it act")


class Answered(Part):
    """A question the playbook asks, and the answer."""

    question: str
    answer: str


class Conclusion(Record):
    """The outcome of an investigation. `change` None means: none of the changes."""

    verdict: Verdict
    summary: str = Field(description="What broke, since when, how bad: for a tired person")
    hypothesis: Hypothesis
    alternatives: tuple[Hypothesis, ...] = ()
    category: str = "unknown"
    component: str | None = Field(default=None, description="What failed first")
    blast_radius: tuple[str, ...] = ()
    change: Change | None = None
    remediation: str | None = None
    evidence: tuple[Evidence, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    next_steps: tuple[str, ...] = ()
    actions: tuple[ProposedAction, ...] = ()
    answers: tuple[Answered, ...] = Field(default=(), description="To what the playbook wants answered")
    lowered_from: Verdict | None = Field(
        default=None,
        description="The verdict without what only its own words or a model say for a milder one; its actions wait for a person",
    )
    unmet: tuple[str, ...] = Field(default=(), description="Checks of the playbook that it does not pass")
    analyst: str = Field(default="none", description="The model that reasoned, or `none` for the model-free analyst")
