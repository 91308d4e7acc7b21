"""Where actions stand in the journal: a row each, an index of the open ones, and the jobs that move them."""

from dataclasses import dataclass, replace
from typing import Literal, Self

import orjson

from connectors.ports.action import Effect
from connectors.ports.journal import DECISIONS, INPUTS, Journal, Unit, recorded
from processors.act import changes
from processors.act.changes import Change, outcome_of
from schemas import Action, Command

ACTIONS = "actions"
"""Action JSON by action id."""
OPEN = "actions.open"
"""`INCIDENT/ACTION` for every action from which something is still to come."""
EFFECTS = "actions.effects"
"""By idempotency key, the result of what happened: another action with that key is the same effect, and needs no call."""
QUEUE = "act"
_ENDED = frozenset({"denied", "expired", "succeeded", "failed"})

Step = Literal["prepare", "execute", "expire"]


@dataclass(frozen=True, slots=True)
class Task:
    """A job of the queue `act`. `since`: when it began to count, journal time. `tries`: how often it was put off. `alone_since`: from
    when on nothing else of the incident was still to come."""

    action_id: str
    step: Step
    since: int
    proposal: str = ""
    tries: int = 0
    alone_since: int | None = None

    def to_json(self) -> bytes:
        """As the job's payload."""
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Raises TypeError, ValueError for what is no task."""
        return cls(**orjson.loads(content))

    def again(self) -> "Task":
        """Put off once more."""
        return replace(self, tries=self.tries + 1)


@dataclass(frozen=True, slots=True)
class Row:
    """An action with the bytes it was read from, so that a change of it can be refused when somebody else changed it."""

    action: Action
    raw: bytes


async def load(journal: Journal, action_id: str) -> Row | None:
    """The action's row."""
    raw = await journal.get(ACTIONS, action_id)
    return None if raw is None else Row(Action.from_json(raw), raw)


async def effect_of(journal: Journal, key: str) -> Effect | None:
    """What happened under this idempotency key."""
    raw = await journal.get(EFFECTS, key)
    return None if raw is None else changes.effect_from(orjson.loads(raw), repeated=True)


async def open_of(journal: Journal, incident_id: str) -> list[str]:
    """Ids of an incident's open actions; with an empty id, of all incidents'."""
    rows = await journal.scan(OPEN, f"{incident_id}/" if incident_id else "")
    return [key.rpartition("/")[2] for key, _ in rows]


def write(unit: Unit, old: Row | None, change: Change) -> Row:
    """Put the action as it is after the change, its decisions, and for triage its outcome. `old` None: it has no row yet."""
    action = change.action
    raw = action.to_json()
    if old is None:
        unit.create(ACTIONS, action.id, raw)
    else:
        unit.replace(ACTIONS, action.id, old.raw, raw)
    key = f"{action.incident_id}/{action.id}"
    if has_ended(action):
        unit.delete(OPEN, key)
    else:
        unit.put(OPEN, key, b"")
    for decision in change.decisions:
        unit.append(DECISIONS, recorded(decision))
    if action.state == "succeeded":
        unit.put(EFFECTS, action.idempotency_key, orjson.dumps(action.result))
        tell(unit, outcome_of(action, now=change.decisions[-1].at))
    return Row(action, raw)


def has_ended(action: Action) -> bool:
    """Nothing is going to happen unless a person makes it: it keeps nobody waiting."""
    rests = action.state == "proposed" and (action.withheld is not None or action.autonomy == "observe")
    return rests or action.state in _ENDED


def tell(unit: Unit, command: Command) -> None:
    """Append a command for triage."""
    unit.append(INPUTS, recorded(command))


def enqueue(unit: Unit, task: Task, *, due: int = 0, priority: int = 0, again: str = "") -> None:
    """A job for the task; the same one again is left as it is. `again` tells approvals of one action apart."""
    suffix = f"/{again}" if again else ""
    unit.enqueue(QUEUE, f"{task.action_id}/{task.step}{suffix}", task.to_json(), due=due, priority=priority)
