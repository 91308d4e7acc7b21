"""The draft: a conclusion in the words of a model, before it is checked."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas import Verdict

Line = Annotated[str, Field(max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Cited(_Part):
    """Evidence."""

    cites: str = Field(description="The `cite` of the text it stands in: step/3, or the id of a signal")
    quote: str = Field(min_length=1, max_length=600, description="Word for word as it stands there, one line, short")
    says: Line = Field(description="What follows from it, in one sentence")


class Guess(_Part):
    """Another likely cause."""

    text: Line
    confidence: float = Field(ge=0, le=1)


class Excluded(_Part):
    """What it is not."""

    text: Line
    why: Line
    cites: str | None = None


class Culprit(_Part):
    """The change that caused it."""

    kind: Literal["commit", "deploy", "flag", "config", "other"]
    id: str = Field(min_length=1, max_length=200, description="As it stands in the evidence")
    title: str = Field(default="", max_length=300)


class Reply(_Part):
    """An answer to a question of the playbook."""

    question: str = Field(max_length=500)
    answer: str = Field(min_length=1, max_length=2000)


class Wanted(_Part):
    """An action the playbook lists for the verdict."""

    kind: str = Field(max_length=100)
    why: Line = ""


class Draft(_Part):
    """Conclude the investigation. Every claim needs evidence that is quoted word for word; "none of the changes" is a real answer."""

    verdict: Verdict = Field(
        description="noise: nothing is broken. duplicate: an open incident with an issue is about the same. known: the same problem has an"
        " issue. actionable: real, and can wait for working hours. urgent: somebody must get up"
    )
    summary: str = Field(
        min_length=1, max_length=4000, description="What broke, since when, how bad: for a tired person"
    )
    hypothesis: str = Field(min_length=1, max_length=1500, description="The most likely cause")
    confidence: float = Field(ge=0, le=1, description="The probability that the hypothesis is right")
    evidence: tuple[Cited, ...] = Field(max_length=30)
    alternatives: tuple[Guess, ...] = Field(default=(), max_length=6)
    category: str = Field(
        default="unknown",
        max_length=60,
        description="resource_exhaustion, configuration_error, infrastructure, code_defect, dependency_failure, data_quality, healthy or unknown",
    )
    component: str | None = Field(
        default=None, max_length=200, description="What failed first, as it is called in the evidence"
    )
    blast_radius: tuple[Line, ...] = Field(
        default=(), max_length=30, description="Who suffers, as called in the evidence"
    )
    change: Culprit | None = Field(default=None, description="The culprit; leave out when it was none of the changes")
    remediation: str | None = Field(default=None, max_length=2000)
    ruled_out: tuple[Excluded, ...] = Field(default=(), max_length=20)
    next_steps: tuple[Line, ...] = Field(default=(), max_length=12)
    answers: tuple[Reply, ...] = Field(default=(), max_length=20, description="To the questions the playbook asks")
    actions: tuple[Wanted, ...] = Field(
        default=(),
        max_length=10,
        description="Leave out: the playbook's actions for the verdict are proposed as they are",
    )
