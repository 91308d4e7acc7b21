"""The records an investigation ends with: its conclusion, the actions it proposes, and what triage is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from playbooks.model import Playbook
from processors.analyst.fallback import unlooked
from schemas import (
    Action,
    Command,
    Conclusion,
    Cost,
    Decision,
    Incident,
    Investigation,
    ProposedAction,
    Versions,
    decide,
    digest,
    to_rfc3339,
)
from schemas.payload import ActionChanged, Concluded, InvestigationChanged
from schemas.time import SECOND

PROPOSAL_LIFE_S = 24 * 3600
"""How long a proposal waits for a person before it expires."""
PAGING = ("page",)
"""Kinds of action, beside every `SYSTEM.trigger`, that wake somebody: at most once for each time the incident opens or opens again,
whatever number of investigations there are. What creates something (`SYSTEM.create_*`) does so at most once for each incident."""


@dataclass(frozen=True, slots=True)
class Ending:
    """All that is appended when an investigation concludes."""

    investigation: Investigation
    decisions: tuple[Decision, ...]
    command: Command


def ending(
    investigation: Investigation,
    conclusion: Conclusion,
    playbook: Playbook,
    *,
    at: int,
    as_of: int,
    error: str | None = None,
) -> Ending:
    """Pure: concluding the same again gives records of the same ids. `as_of`: when the incident was looked at last."""
    incident = investigation.incident
    started = investigation.started_at if investigation.started_at is not None else at
    usage = investigation.usage.model_copy(update={"wall_s": max(0, at - started) / SECOND})
    done = investigation.model_copy(
        update={"status": "concluded", "conclusion": conclusion, "finished_at": at, "usage": usage, "error": error}
    )
    concluded = decide(
        "investigation.concluded",
        at=at,
        actor="analyst",
        because=f"{conclusion.verdict}: {conclusion.hypothesis.text}"[:500],
        cause=(investigation.id,),
        data=Concluded(playbook=playbook.name, conclusion=conclusion, usage=usage, steps=investigation.steps),
        incident_id=incident.id,
        investigation_id=investigation.id,
        versions=Versions(playbook=investigation.playbook_version),
        cost=Cost(usd=usage.cost_usd, tokens=usage.input_tokens + usage.output_tokens, seconds=usage.wall_s),
        rehearsal=incident.rehearsal,
        trace=investigation.trace,
    )
    actions = proposals(
        conclusion.actions, incident, playbook, at=at, cause=concluded.id, scope=investigation.id,
        investigation_id=investigation.id, trace=investigation.trace,
    )  # fmt: skip
    reason = f"The investigation concluded: {conclusion.verdict}"
    found = {"verdict": conclusion.verdict, "summary": conclusion.summary, "as_of": to_rfc3339(as_of)}
    command = ended(investigation, reason, at=at, **found)
    return Ending(done, (concluded, *actions), command)


def failing(investigation: Investigation, playbook: Playbook | None, *, at: int, cause: str, attempt: int) -> Ending:
    """The end of one that could not be concluded at all: its failure, and the actions of the gravest verdict its playbook has, with plain texts,
    so that a person looks at the incident instead. Pure."""
    incident, reason = investigation.incident, f"it broke {attempt - 1} times; see the log"
    failed = investigation.model_copy(update={"status": "failed", "error": reason, "finished_at": at})
    decision = decide(
        "investigation.failed",
        at=at,
        actor="system",
        because=reason,
        cause=(cause, investigation.id),
        data=InvestigationChanged(playbook=investigation.playbook, reason=reason, attempt=attempt),
        incident_id=incident.id,
        investigation_id=investigation.id,
        versions=Versions(playbook=investigation.playbook_version),
        rehearsal=incident.rehearsal,
        trace=investigation.trace,
    )
    actions: list[Decision] = []
    if playbook is not None and investigation.parent_id is None:
        actions = proposals(
            unlooked(incident, playbook, reason), incident, playbook, at=at, cause=decision.id, scope=investigation.id,
            investigation_id=investigation.id, trace=investigation.trace,
        )  # fmt: skip
    return Ending(failed, (decision, *actions), ended(investigation, reason, at=at))


def ended(investigation: Investigation, reason: str, *, at: int, **found: str) -> Command:
    """What triage is told at every end, a failure too: nobody looks any more. `found` is what the conclusion says."""
    return Command(
        id=digest("cmd", investigation.id, "outcome"),
        kind="outcome",
        author="investigate",
        reason=reason,
        origin="system",
        at=at,
        incident_id=investigation.incident_id,
        rehearsal=investigation.incident.rehearsal,
        data={"investigation_id": investigation.id, **found},
    )


def proposals(
    proposed: Sequence[ProposedAction],
    incident: Incident,
    playbook: Playbook,
    *,
    at: int,
    cause: str,
    scope: str,
    investigation_id: str | None = None,
    trace: str | None = None,
    ask: bool = False,
) -> list[Decision]:
    """One `action.proposed` per action; with `ask` a person decides, whatever the playbook's autonomy. Its id is of (`scope`, kind, index among its kind); its idempotency key of the incident for
    what creates something (one issue per incident), of the incident and how often it reopened for what wakes somebody, and of the scope for
    what may be said more than once (comments)."""
    made: list[Decision] = []
    counts: dict[str, int] = {}
    for number, each in enumerate(proposed):
        index = counts.get(each.kind, 0)
        counts[each.kind] = index + 1
        autonomy = playbook.autonomy_of(each.kind)
        if ask or (each.ask and autonomy == "act"):
            autonomy = "propose"
        action = Action(
            id=digest("act", scope, each.kind, index),
            kind=each.kind,
            arguments=each.arguments,
            idempotency_key=idempotency_key(incident, each.kind, index, scope),
            autonomy=autonomy,
            incident_id=incident.id,
            investigation_id=investigation_id,
            proposed_at=at,
            expires_at=at + PROPOSAL_LIFE_S * SECOND if autonomy == "propose" else None,
            rehearsal=incident.rehearsal,
            trace=trace,
        )
        made.append(
            decide(
                "action.proposed",
                at=at,
                actor="analyst" if investigation_id is not None else "system",
                because=f"{each.kind} ({autonomy}): {each.why}"[:500],
                cause=(cause,),
                data=ActionChanged(action=action),
                index=number,
                incident_id=incident.id,
                investigation_id=investigation_id,
                action_id=action.id,
                versions=Versions(playbook=playbook.version),
                rehearsal=incident.rehearsal,
                trace=trace,
            )
        )
    return made


def idempotency_key(incident: Incident, kind: str, index: int, scope: str) -> str:
    """The same over every attempt; see `proposals`."""
    verb = kind.rpartition(".")[2]
    if verb.startswith("create"):
        return digest("key", incident.id, kind, index)
    if kind in PAGING or verb == "trigger":
        # Who was told that it is over has gone back to sleep: when it is not, that is another page.
        again = (f"reopened {incident.reopened}",) if incident.reopened else ()
        return digest("key", incident.id, kind, index, *again)
    return digest("key", incident.id, kind, index, scope)
