"""How an incident ended: what was concluded, what was done, what came of it, and what people said meanwhile."""

from collections.abc import Sequence

from pydantic import Field

from connectors.ports.asking import Answer
from connectors.ports.reading import mapping, text
from connectors.ports.texts import clipped
from schemas import Decision, to_rfc3339

_SAID = 5
_DONE = frozenset({"action.succeeded", "action.denied", "action.failed"})


class Ending(Answer):
    """Read off the decisions; what nobody decided is null or empty."""

    concluded: str | None = Field(default=None, description="Summary of its last conclusion")
    cause: str | None = Field(
        default=None, description="The hypothesis of that conclusion, with its confidence in `confidence`"
    )
    confidence: float | None = None
    category: str | None = None
    component: str | None = None
    change: str | None = Field(default=None, description="The commit, deploy or flag that was blamed")
    remediation: str | None = None
    done: tuple[str, ...] = Field(default=(), description="What was done outside, or denied")
    outcome: str | None = Field(default=None, description="Whether what was expected came true")
    said: tuple[str, ...] = Field(default=(), description="What people decided or said, latest last")


def ending(decisions: Sequence[Decision]) -> Ending:
    """From everything decided about one incident, in order."""
    conclusion: dict[str, object] = {}
    outcome: str | None = None
    done: list[str] = []
    said: list[str] = []
    for each in decisions:
        data = mapping(each.data)
        if each.kind == "investigation.concluded":
            conclusion = dict(mapping(data.get("conclusion")))
        elif each.kind in ("outcome.confirmed", "outcome.contradicted"):
            outcome = clipped(f"{each.kind.removeprefix('outcome.')}: {each.because}", 200)
        elif each.kind in _DONE:
            kind = text(mapping(data.get("action")).get("kind"), 60)
            done.append(clipped(f"{kind} {each.kind.removeprefix('action.')}: {each.because}", 200))
        if each.actor.startswith("human:"):
            said.append(clipped(f"{to_rfc3339(each.at)[:16]} {each.actor}: {each.because}", 200))
    hypothesis = mapping(conclusion.get("hypothesis"))
    change = mapping(conclusion.get("change"))
    confidence = hypothesis.get("confidence")
    return Ending(
        concluded=text(conclusion.get("summary"), 400) or None,
        cause=text(hypothesis.get("text"), 300) or None,
        confidence=confidence if isinstance(confidence, float) else None,
        category=text(conclusion.get("category"), 60) or None,
        component=text(conclusion.get("component"), 100) or None,
        change=" ".join(text(change.get(name), 120) for name in ("kind", "id", "title")).strip() or None,
        remediation=text(conclusion.get("remediation"), 200) or None,
        done=tuple(done[-_SAID:]),
        outcome=outcome,
        said=tuple(said[-_SAID:]),
    )
