"""Where investigations stand in the journal: a row each, a row per step, the version of the playbook, and the jobs that move them."""

from dataclasses import dataclass
from typing import Self

import orjson

from connectors.ports.journal import Journal
from schemas import Investigation, Step, digest

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


@dataclass(frozen=True, slots=True)
class Task:
    """A job of the queue `investigate`. `cause` is the decision that selected the playbook."""

    investigation_id: str
    cause: str
    signal_ids: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """As the job's payload."""
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Raises TypeError, ValueError, KeyError for what is no task."""
        said = orjson.loads(content)
        return cls(said["investigation_id"], said["cause"], tuple(said["signal_ids"]))


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


async def load_steps(journal: Journal, identity: str) -> list[Step]:
    """The recorded steps, in order."""
    rows = await journal.scan(STEPS, f"{identity}/")
    return sorted((Step.from_json(raw) for _, raw in rows), key=lambda step: step.index)
