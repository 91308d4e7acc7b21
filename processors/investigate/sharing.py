"""Sharing: in a storm, incidents alike are looked into once; the others take that conclusion."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from connectors.ports.journal import Journal, Unit
from playbooks.model import Playbook
from processors.analyst.conclude import with_actions
from processors.analyst.words import tick
from processors.investigate import inbox
from processors.investigate.means import Means
from processors.investigate.rows import SHARING, STORMS, load
from schemas import Conclusion, Evidence, Incident, Investigation, Signal, digest
from schemas.time import SECOND

_VARIABLE = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(?:[.:-]\d+)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Storms:
    """When sharing begins: after `after` incidents alike within `within_s`. `after` 0: never."""

    after: int = 3
    within_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Storm:
    """Incidents alike: who leads, how many there were, since when."""

    leader: str
    count: int
    since: int


def storm_key(incident: Incident, playbook: Playbook) -> str:
    """The same for incidents that are alike but for numbers and ids: rule, title, service, environment, severity, and playbook version."""
    title = _VARIABLE.sub("#", incident.title.lower())
    return digest(
        "storm", playbook.version, incident.rule, title, incident.service or "", incident.environment or "", incident.severity,
        "rehearsal" if incident.rehearsal else "",
    )  # fmt: skip


async def storm_of(
    journal: Journal, key: str, newcomer: str, storms: Storms, now: int, *, known: Storm | None = None
) -> Storm:
    """The storm with the newcomer counted in; he leads a new one when the last is over. `known`: as it stands, if somebody just counted."""
    if known is None and (row := await journal.get(STORMS, key)) is not None:
        known = Storm(**orjson.loads(row))
    if known is not None and now - known.since <= storms.within_s * SECOND:
        return Storm(known.leader, known.count + 1, known.since)
    return Storm(newcomer, 1, now)


def keep(unit: Unit, key: str, storm: Storm) -> None:
    """Write it down."""
    unit.put(STORMS, key, orjson.dumps(storm))


def follow(unit: Unit, investigation: Investigation, leader: Investigation, *, patience_s: float, now: int) -> None:
    """The investigation waits on disk for its leader, who wakes it at his end; should he not, it looks for itself."""
    unit.put(SHARING, f"{leader.id}/{investigation.id}", investigation.id.encode())
    inbox.wake(unit, investigation, "timer", due=now + round(patience_s * SECOND))


async def conclusion(
    means: Means, investigation: Investigation, playbook: Playbook, signals: Sequence[Signal], now: int
) -> Conclusion | None:
    """What the leader concluded, for this incident; None when he did not. Somebody looks into the leader's: this one wakes nobody."""
    leader = await load(means.journal, investigation.shares or "")
    if leader is None or leader.conclusion is None:
        return None
    found = leader.conclusion
    verdict = "noise" if found.verdict == "noise" else "duplicate"
    quoted = next((signal for signal in signals if signal.title.strip()), None)
    mine = (
        (Evidence(cites=quoted.id, quote=quoted.title, says="What was reported here."),) if quoted is not None else ()
    )
    incident = investigation.incident
    made = found.model_copy(
        update={
            "verdict": verdict,
            "summary": f"{tick(incident.title)}: one of several incidents alike, looked into once as {leader.incident_id} ({found.verdict}). {found.summary}",
            "evidence": (*mine, *found.evidence),
            "actions": (),
        }
    )
    lead = await means.archive.incident(leader.incident_id)
    issue = lead.opened("linear", "issue") if lead is not None else None
    acted = with_actions(
        made,
        incident,
        signals,
        (),
        playbook,
        now,
        investigation_id=investigation.id,
        issue=issue.id if issue is not None else None,
    )
    if issue is None:
        # There is nothing to comment on yet.
        acted = acted.model_copy(
            update={"actions": tuple(each for each in acted.actions if each.kind != "linear.comment")}
        )
    return acted


async def leads(journal: Journal, identity: str) -> Investigation | None:
    """The leader, if his conclusion is there or may still come."""
    leader = await load(journal, identity)
    return leader if leader is not None and leader.status != "failed" and leader.shares is None else None
