"""Earlier incidents like this one, and how they ended."""

import math
from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.stream.ask import DEADLINE_S, MAX_BYTES, Answer, Question
from connectors.ports.texts import MASKED, clipped, words
from schemas import Incident, to_rfc3339
from schemas.time import SECOND

COMPARED = 2_000
"""Incidents looked at, the latest ones."""
_WEIGHTS = {"title": 4.0, "service": 2.0, "rule": 1.0, "labels": 1.0}
_LABELS = 12


class SimilarQuestion(Question):
    """How far back, how many, how alike."""

    days: float = Field(default=90, gt=0, le=730)
    limit: int = Field(default=5, ge=1, le=20)
    least: float = Field(default=0.35, ge=0, le=1, description="Similarity, 0 to 1")


class Outside(Answer):
    """What was opened for it."""

    system: str
    kind: str
    id: str
    url: str | None = None
    title: str | None = None


class Earlier(Answer):
    """An earlier incident. `similarity` 0 to 1; `same_problem` when rule and group are the same (an earlier episode)."""

    id: str
    title: str
    service: str | None
    severity: str
    similarity: float
    same_problem: bool
    episode: int
    opened_at: str
    ago_s: float = Field(description="Opened so many seconds before this incident's start")
    status: str
    lasted_s: float | None = None
    signals: int
    verdict: str | None = None
    resolved_by: str | None = None
    external: tuple[Outside, ...] = ()
    feedback: tuple[str, ...] = ()


class Similar(Answer):
    """Earlier incidents, the most alike first; `compared` is how many were looked at."""

    compared: int
    incidents: tuple[Earlier, ...]


class IncidentsSimilar(Tool):
    """Incidents alike by masked words of title, service, labels and rule."""

    name = "incidents.similar"
    description = (
        "Earlier incidents like this one with how they ended: verdict, how long they lasted, issues opened for them, what people "
        "said. Numbers and ids do not count as difference."
    )
    arguments: type[BaseModel] = SimilarQuestion
    result: type[BaseModel] = Similar
    deadline_s = DEADLINE_S
    max_bytes = MAX_BYTES

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Similar:
        assert isinstance(arguments, SimilarQuestion)  # noqa: S101 - the caller validated against `arguments`
        incident = context.incident
        since = max(0, incident.first_seen - round(arguments.days * 86_400) * SECOND)
        try:
            known = await context.archive.incidents(since=since, limit=COMPARED)
        except (OSError, ValueError) as error:
            raise ToolFailed(f"{self.name} since {to_rfc3339(since)}: {error}") from error
        others = [each for each in known if each.id != incident.id and each.opened_at <= incident.opened_at]
        scored = zip(others, similarities(incident, others), strict=True)
        wanted = [
            (1.0 if each.group_id == incident.group_id else score, each)
            for each, score in scored
            if score >= arguments.least or each.group_id == incident.group_id
        ]
        wanted.sort(key=lambda pair: (-pair[0], -pair[1].opened_at, pair[1].id))
        return Similar(
            compared=len(others),
            incidents=tuple(_earlier(each, score, incident) for score, each in wanted[: arguments.limit]),
        )


def similarities(incident: Incident, others: Sequence[Incident]) -> list[float]:
    """Cosine of TF-IDF vectors of the incident and each other, 0 to 1, in the order given."""
    bags = [_bag(each) for each in (incident, *others)]
    seen_in = Counter(word for bag in bags for word in bag)
    rarity = {word: math.log((1 + len(bags)) / (1 + count)) + 1.0 for word, count in seen_in.items()}
    vectors = [{word: (1 + math.log(count)) * rarity[word] for word, count in bag.items()} for bag in bags]
    lengths = [math.sqrt(sum(value * value for value in vector.values())) for vector in vectors]
    mine, length = vectors[0], lengths[0]
    out: list[float] = []
    for vector, other_length in zip(vectors[1:], lengths[1:], strict=True):
        small, large = (mine, vector) if len(mine) < len(vector) else (vector, mine)
        dot = sum(value * large[word] for word, value in small.items() if word in large)
        out.append(round(min(1.0, dot / (length * other_length)), 4) if length and other_length else 0.0)
    return out


def _bag(incident: Incident) -> dict[str, float]:
    bag: dict[str, float] = {}
    labels = " ".join(f"{name}_{value}" for name, value in sorted(incident.labels.items())[:_LABELS])
    texts = {"title": incident.title, "service": incident.service or "", "rule": incident.rule, "labels": labels}
    for name, text in texts.items():
        for word in words(text[:MASKED]):
            # A service named `checkout` and a title that says checkout are different facts.
            key = word if name == "title" else f"{name}:{word}"
            bag[key] = bag.get(key, 0.0) + _WEIGHTS[name]
    return bag


def _earlier(incident: Incident, score: float, now: Incident) -> Earlier:
    ended = incident.resolved_at
    return Earlier(
        id=incident.id,
        title=clipped(incident.title, 200),
        service=incident.service,
        severity=incident.severity,
        similarity=score,
        same_problem=incident.group_id == now.group_id,
        episode=incident.episode,
        opened_at=to_rfc3339(incident.opened_at),
        ago_s=round((now.first_seen - incident.opened_at) / SECOND, 1),
        status=incident.status,
        lasted_s=round((ended - incident.first_seen) / SECOND, 1) if ended is not None else None,
        signals=incident.signals,
        verdict=incident.verdict,
        resolved_by=incident.resolved_by,
        external=tuple(
            Outside(system=each.system, kind=each.kind, id=each.id, url=each.url, title=each.title)
            for each in incident.external[:5]
        ),
        feedback=tuple(clipped(each, 200) for each in incident.feedback[-5:]),
    )
