"""Earlier incidents like this one, and how they ended."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.archive import Archive
from connectors.ports.asking import Answer, Question
from connectors.ports.clock import Clock, SystemClock
from connectors.ports.journal import JournalError
from connectors.ports.texts import clipped
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.stream.ask import MAX_BYTES
from connectors.stream.ending import Ending, ending
from schemas import Incident, to_rfc3339
from schemas.time import SECOND

if TYPE_CHECKING:
    from connectors.stream.likeness import Likeness

PAGE = 2_000
"""Incidents read and indexed at a time."""
READING_S = 5.0
"""How long one question reads on when much is not indexed yet; it then answers from what is."""


class SimilarQuestion(Question):
    """How far back, how many, how alike."""

    days: float = Field(default=90, gt=0, le=3650)
    limit: int = Field(default=5, ge=1, le=20)
    least: float = Field(default=0.35, ge=0, le=1, description="Similarity, 0 to 1")


class Outside(Answer):
    """What was opened for it."""

    system: str
    kind: str
    id: str
    url: str | None = None
    title: str | None = None


class Earlier(Ending):
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
    complete: bool = Field(
        default=True, description="False: older incidents are still being indexed; ask again in a while"
    )
    incidents: tuple[Earlier, ...]


class IncidentsSimilar(Tool):
    """Incidents alike by masked words of title, service, labels and rule."""

    name = "incidents.similar"
    description = (
        "Earlier incidents like this one with how they ended: verdict, cause found, what was done, how long they lasted, issues "
        "opened for them, what people said. Numbers and ids do not count as difference."
    )
    arguments: type[BaseModel] = SimilarQuestion
    result: type[BaseModel] = Similar
    deadline_s = 15.0
    max_bytes = MAX_BYTES

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._kept: WeakKeyDictionary[Archive, _Kept] = WeakKeyDictionary()

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Similar:
        assert isinstance(arguments, SimilarQuestion)  # noqa: S101 - the caller validated against `arguments`
        incident, archive = context.incident, context.archive
        kept = self._kept.setdefault(archive, _Kept())
        since = max(0, incident.first_seen - round(arguments.days * 86_400) * SECOND)
        try:
            async with kept.lock:
                complete = await self._catch_up(kept, archive)
                found = await asyncio.to_thread(
                    kept.index.like, incident, since=since, until=incident.opened_at, limit=3 * arguments.limit
                )
                episodes = kept.index.of_group(incident.group_id, arguments.limit + 1)
                compared = len(kept.index) - (incident.id in kept.index)
            scores = dict(found) | dict.fromkeys(episodes, 1.0)
            scores.pop(incident.id, None)
            wanted = [each for each in scores if scores[each] >= arguments.least]
            known = [each for name in wanted if (each := await archive.incident(name)) is not None]
            known = [each for each in known if since <= each.opened_at <= incident.opened_at]
            known = [each for each in known if incident.rehearsal or not each.rehearsal]
            known.sort(key=lambda each: (-scores[each.id], -each.opened_at, each.id))
            earlier = [await _earlier(each, scores[each.id], context) for each in known[: arguments.limit]]
        except (OSError, ValueError, JournalError) as error:
            raise ToolFailed(f"{self.name} since {to_rfc3339(since)}: {error}") from error
        return Similar(compared=compared, complete=complete, incidents=tuple(earlier))

    async def _catch_up(self, kept: "_Kept", archive: Archive) -> bool:
        """Index what came since; False when there is more than fits into the time."""
        until = self._clock.monotonic() + READING_S
        while page := await archive.incidents_after(kept.place, PAGE):
            await asyncio.to_thread(_add, kept.index, [incident for _, incident in page])
            kept.place = page[-1][0]
            if len(page) < PAGE:
                break
            if self._clock.monotonic() > until:
                return False
        return True


class _Kept:
    """The index of one archive, and up to where it reaches."""

    def __init__(self) -> None:
        self.index = _empty()
        self.place = 0
        self.lock = asyncio.Lock()


def _empty() -> "Likeness":
    from connectors.stream.likeness import Likeness  # NumPy, for those who ask

    return Likeness()


def _add(index: "Likeness", incidents: Sequence[Incident]) -> None:
    for each in incidents:
        index.add(each)


def similarities(incident: Incident, others: Sequence[Incident]) -> list[float]:
    """Likeness of the incident and each other, 0 to 1, in the order given."""
    index = _empty()
    _add(index, others)
    found = dict(index.like(incident, since=0, until=2**62, limit=max(1, len(others))))
    return [found.get(each.id, 0.0) for each in others]


async def _earlier(incident: Incident, score: float, context: ToolContext) -> Earlier:
    now, ended = context.incident, incident.resolved_at
    told = ending(await context.archive.decisions(incident_id=incident.id))
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
        **dict(told),
    )
