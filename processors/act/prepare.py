"""From an action as it was proposed to one that a person could read and a remote could take."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from connectors.ports.action import ActionPort
from connectors.ports.archive import Archive
from connectors.ports.journal import Unit
from processors.act import changes
from processors.act.policy import EXPIRY_S, PAGES, Admission, Execute, Observe, Wait, Withhold, admit
from processors.act.rows import Row, Task, enqueue, write
from schemas import Action, Incident

_log = logging.getLogger(__name__)
PAGE_PRIORITY = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """Complete, rendered, and what becomes of it."""

    action: Action
    admission: Admission


@dataclass(frozen=True, slots=True)
class NotYet:
    """Its arguments cannot be completed now (a comment before its issue is there)."""

    error: str


@dataclass(frozen=True, slots=True)
class Preparation:
    """Completes actions by the ports that are configured. `ports` by kind."""

    ports: Mapping[str, ActionPort]
    archive: Archive
    expiry_s: float = EXPIRY_S

    def missing(self, action: Action) -> str | None:
        """Why it cannot be executed as things stand."""
        port = self.ports.get(action.kind)
        if port is None:
            return f"no configured connector offers {action.kind!r}"
        return port.missing()

    async def prepare(self, action: Action, *, now: int) -> Prepared | NotYet:
        """Fill in and render; what will never be sent needs not be complete and is shown as far as it goes."""
        port, missing = self.ports.get(action.kind), self.missing(action)
        if port is not None:
            action = action.model_copy(update={"effect": port.effect})
        admission = admit(action, missing=missing, now=now, expiry_s=self.expiry_s)
        ready = NotYet(missing or "") if port is None else self._complete(port, action, await self._incident(action))
        match ready:
            case Action():
                return Prepared(ready, admission)
            case NotYet(error):
                if isinstance(admission, Withhold | Observe):
                    return Prepared(action.model_copy(update={"rendered": _as_it_stands(action, error)}), admission)
                return ready

    async def _incident(self, action: Action) -> Incident | None:
        return await self.archive.incident(action.incident_id)

    def _complete(self, port: ActionPort, action: Action, incident: Incident | None) -> Action | NotYet:
        if incident is None:
            return NotYet(f"incident {action.incident_id!r} is not known yet")
        try:
            arguments = port.complete(action.arguments, incident)
            rendered = port.render(arguments)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            return NotYet(f"{action.kind} cannot be completed: {faults}")
        except Exception as error:  # noqa: BLE001  (a port's fault must not hold up the others: its action fails by it)
            _log.exception("an action port failed to complete", extra={"action_id": action.id, "kind": action.kind})
            return NotYet(f"{action.kind} cannot be completed: {type(error).__name__}: {error}")
        plain = arguments.model_dump(mode="json", exclude_none=True)
        return action.model_copy(update={"arguments": plain, "rendered": rendered, "error": None})


def take_in(unit: Unit, old: Row | None, prepared: Prepared, *, proposal: str, now: int) -> None:
    """What follows from the admission: the row, the decision, the job."""
    action, admission = prepared.action, prepared.admission
    match admission:
        case Execute(because):
            write(unit, old, changes.approved(action, because, by=changes.SYSTEM, cause=(proposal,), now=now))
            enqueue(unit, Task(action.id, "execute", now), priority=PAGE_PRIORITY if action.kind in PAGES else 0)
        case Wait(because, expires_at):
            waiting = action.model_copy(update={"expires_at": expires_at})
            write(unit, old, changes.proposed(waiting, because, proposal=proposal, now=now))
            enqueue(unit, Task(action.id, "expire", now), due=expires_at)
        case Withhold(because):
            withheld = action.model_copy(update={"withheld": because})
            write(unit, old, changes.proposed(withheld, f"not sent: {because}", proposal=proposal, now=now))
        case Observe(because):
            write(unit, old, changes.proposed(action, because, proposal=proposal, now=now))


def _as_it_stands(action: Action, error: str) -> str:
    arguments = orjson.dumps(action.arguments, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    return f"{action.kind}\n\n{arguments}\n\nNot complete: {error}"
