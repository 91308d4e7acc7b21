"""Where investigations stand in the journal: a row each, a row per step, the version of the playbook, and the jobs that move them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import orjson

from connectors.ports.journal import Journal
from connectors.ports.spaces import INCIDENTS
from schemas import Incident, Investigation, Step, digest
from schemas.record import Record

CONSUMER = "investigate"
QUEUE = "investigate"
INVESTIGATIONS = "investigations"
"""Investigation JSON by id."""
STEPS = "steps"
"""Step JSON by `INVESTIGATION/INDEX`, written once."""
RUNNING = "investigating"
"""Investigation id by incident id, while one is queued or running."""
PLAYBOOKS = "playbooks"
"""Frozen playbooks by `NAME@VERSION`: an investigation keeps the version it began with."""
FOLLOWED = "followed"
"""What was last told about an incident, by incident id."""


INBOX = "inbox"
"""What waits to join an investigation, JSON by `INVESTIGATION/KEY`."""
SPENDING = "spending"
"""What models cost, JSON by `day/DATE`, `playbook/DATE/NAME`, `storm/KEY`; what is set aside for calls under way is in it."""
STORMS = "storms"
"""The latest of incidents alike, JSON by storm key; members that wait for a leader by `LEADER/MEMBER` in `sharing`."""
SHARING = "sharing"
PLACES = "places"
"""Who does something of which only so many may be done at once, JSON by `model/PROVIDER/MODEL`, `playbook/NAME`: holder to until when."""


class Question(Record):
    """What a person asks of a concluded investigation."""

    command_id: str
    text: str
    author: str


@dataclass(frozen=True, slots=True)
class Task:
    """A job of the queue `investigate`. `cause` is the decision that selected the playbook. `generation`: of which pause it is; `polite`: how
    often it was claimed and given back because others came first."""

    investigation_id: str
    cause: str
    signal_ids: tuple[str, ...] = ()
    generation: int = 0
    polite: int = 0
    question: Question | None = None

    def to_json(self) -> bytes:
        """As the job's payload."""
        said: dict[str, object] = {
            "investigation_id": self.investigation_id,
            "cause": self.cause,
            "signal_ids": self.signal_ids,
        }
        said |= {"generation": self.generation, "polite": self.polite}
        if self.question is not None:
            said["question"] = self.question.model_dump(mode="json")
        return orjson.dumps(said)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Raises TypeError, ValueError, KeyError for what is no task."""
        said = orjson.loads(content)
        question = Question.model_validate(said["question"]) if said.get("question") else None
        return cls(
            said["investigation_id"], said["cause"], tuple(said["signal_ids"]), int(said.get("generation", 0)),
            int(said.get("polite", 0)), question,
        )  # fmt: skip


def investigation_id(decision_id: str) -> str:
    """The investigation a `playbook.selected` decision begins."""
    return digest("inv", decision_id)


def version_key(name: str, version: str) -> str:
    """Where a playbook's version is kept."""
    return f"{name}@{version}"


async def load(journal: Journal, identity: str) -> Investigation | None:
    """The investigation's row."""
    raw = await journal.get(INVESTIGATIONS, identity)
    return None if raw is None else Investigation.from_json(raw)


async def incidents(journal: Journal, names: Iterable[str]) -> list[Incident]:
    """Those of the incidents that are there, as they are now."""
    rows = [await journal.get(INCIDENTS, name) for name in names]
    return [Incident.from_json(row) for row in rows if row is not None]


async def load_steps(journal: Journal, identity: str) -> list[Step]:
    """The recorded steps, in order."""
    rows = await journal.scan(STEPS, f"{identity}/")
    return sorted((Step.from_json(raw) for _, raw in rows), key=lambda step: step.index)


async def under_way(journal: Journal) -> bool:
    """Whether any investigation is queued or at work; one that waits for a person is not."""
    for _, identity in await journal.scan(RUNNING):
        found = await load(journal, identity.decode())
        if found is not None and (found.status in ("queued", "running") or found.helpers or found.shares):
            return True
    return False
