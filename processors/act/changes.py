"""What a step of an action's life is: the action after it, and the decision that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.ports.action import Effect
from schemas import Action, Command, Decision, DecisionKind, ExternalRef, decide, digest
from schemas.payload import ActionChanged, CommandTaken

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Change:
    """An action after a step, and the decisions of that step in order."""

    action: Action
    decisions: tuple[Decision, ...]


def proposed(action: Action, because: str, *, proposal: str, now: int) -> Change:
    """It stays proposed, complete now, so that the story shows it in full. `proposal`: the decision that proposed it."""
    return _changed("action.proposed", action, because, now, cause=(proposal,), attempt=1)


def approved(action: Action, because: str, *, by: str, cause: tuple[str, ...], now: int) -> Change:
    """It may happen."""
    after = action.model_copy(update={"state": "approved", "decided_by": by, "withheld": None, "error": None})
    return _changed("action.approved", after, because, now, cause=cause, actor=by, attempt=action.attempts)


def denied(action: Action, because: str, *, by: str, cause: tuple[str, ...], now: int) -> Change:
    """A person stopped it."""
    after = action.model_copy(update={"state": "denied", "decided_by": by})
    return _changed("action.denied", after, because, now, cause=cause, actor=by)


def expired(action: Action, *, now: int) -> Change:
    """Nobody decided in time."""
    after = action.model_copy(update={"state": "expired"})
    return _changed("action.expired", after, f"nobody approved {action.kind} in time", now)


def attempted(action: Action, *, now: int) -> Change:
    """The next thing that happens is the call."""
    attempts = action.attempts + 1
    after = action.model_copy(update={"state": "executing", "attempts": attempts})
    again = f", after: {action.error}" if action.error else ""
    because = f"attempt {attempts} of {action.kind} with key {action.idempotency_key!r}{again}"
    return _changed("action.attempted", after, because, now, attempt=attempts)


def put_off(action: Action, error: str) -> Action:
    """It certainly did not happen, and is tried again: no decision, the next attempt tells why."""
    return action.model_copy(update={"state": "approved", "error": error})


def unknown(action: Action, error: str, *, now: int) -> Change:
    """It may have happened."""
    after = action.model_copy(update={"state": "unknown", "error": error})
    because = f"whether {action.kind} happened is not known: {error}"
    return _changed("action.unknown", after, because, now, attempt=action.attempts)


def failed(action: Action, error: str, *, now: int) -> Change:
    """It did not happen and is not tried again."""
    after = action.model_copy(update={"state": "failed", "error": error})
    return _changed("action.failed", after, f"{action.kind} failed: {error}", now, attempt=action.attempts)


def succeeded(action: Action, effect: Effect, *, now: int, looked_up: bool = False) -> Change:
    """It happened; `looked_up` when that was found out by looking instead of by an answer."""
    after = action.model_copy(update={"state": "succeeded", "result": result_of(effect), "error": None})
    where = effect.external.url if effect.external is not None and effect.external.url else ""
    at = f" at {where}" if where else ""
    known = " (it stood there already)" if effect.repeated and not looked_up else ""
    done = _changed("action.succeeded", after, f"{action.kind} happened{at}{known}", now, attempt=action.attempts)
    if not looked_up:
        return done
    because = f"{action.kind} was found{at} after an unknown outcome"
    found = _changed("action.reconciled", after, because, now, attempt=action.attempts)
    return Change(after, (*found.decisions, *done.decisions))


def result_of(effect: Effect) -> dict[str, Any]:
    """An effect as the action keeps it."""
    result: dict[str, Any] = dict(effect.result)
    if effect.external is not None:
        result["external"] = effect.external.model_dump(mode="json", exclude_none=True)
    if effect.repeated:
        result["repeated"] = True
    return result


def effect_from(result: Mapping[str, Any], *, repeated: bool = False) -> Effect:
    """The effect a result was kept of."""
    rest = {name: value for name, value in result.items() if name not in ("external", "repeated")}
    external = result.get("external")
    return Effect(rest, None if external is None else ExternalRef.model_validate(external), repeated=repeated)


def outcome_of(action: Action, *, now: int) -> Command:
    """What triage has to know: the action succeeded, and what stands outside now."""
    result: Mapping[str, Any] = action.result or {}
    data: dict[str, Any] = {"action_id": action.id, "kind": action.kind, "state": action.state, "result": dict(result)}
    if "external" in result:
        data["external"] = result["external"]
    return Command(
        id=digest("cmd", "outcome", action.id, action.state),
        kind="outcome",
        author="act",
        origin="system",
        at=now,
        incident_id=action.incident_id,
        rehearsal=action.rehearsal,
        data=data,
    )


def refused(command: Command, because: str, action: Action | None, *, now: int) -> Decision:
    """The command changed nothing."""
    return decide(
        "command.refused",
        at=now,
        actor=SYSTEM,
        because=because,
        cause=(command.id,),
        data=CommandTaken(command_id=command.id, kind=command.kind, data=command.data),
        incident_id=action.incident_id if action is not None else command.incident_id,
        investigation_id=action.investigation_id if action is not None else None,
        action_id=action.id if action is not None else None,
    )


def _changed(
    kind: DecisionKind,
    action: Action,
    because: str,
    now: int,
    *,
    cause: tuple[str, ...] | None = None,
    actor: str = SYSTEM,
    attempt: int = 0,
) -> Change:
    decision = decide(
        kind,
        at=now,
        actor=actor,
        because=because,
        cause=cause if cause is not None else (action.id,),
        data=ActionChanged(action=action),
        attempt=attempt,
        incident_id=action.incident_id,
        investigation_id=action.investigation_id,
        action_id=action.id,
        rehearsal=action.rehearsal,
        trace=action.trace,
    )
    return Change(action, (decision,))
