"""The stream side of investigations: a selected playbook becomes a queued job, a changed incident a comment, in milliseconds."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from connectors.ports.journal import DECISIONS, Busy, Conflict, Entry, Journal, Unavailable, Unit, recorded
from connectors.ports.meters import Meters, NullMeters
from playbooks.library import Library
from playbooks.model import Playbook
from processors.investigate.followup import KINDS, Followed, followup
from processors.investigate.outcome import proposals
from processors.investigate.rows import (
    CONSUMER,
    FOLLOWED,
    INVESTIGATIONS,
    PLAYBOOKS,
    QUEUE,
    RUNNING,
    Task,
    investigation_id,
    load,
    version_key,
)
from schemas import Decision, Investigation, Versions, decide, severity_rank
from schemas.payload import IncidentChanged, PlaybookSelected, PlaybookSkipped

BATCH = 200
_log = logging.getLogger(__name__)


@dataclass
class _Batch:
    """What one unit of work shall do, and the rows it knows."""

    running: dict[str, str] = field(default_factory=dict)
    followed: dict[str, Followed] = field(default_factory=dict)
    queued: list[tuple[Investigation, Playbook, Task]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


class Intake:
    """Follows the decisions. Any number of copies may run: the position is moved by compare-and-swap."""

    def __init__(self, journal: Journal, library: Library, *, meters: Meters | None = None) -> None:
        self._journal, self._library = journal, library
        self._meters = meters or NullMeters()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if not await self.step():
                    position = await self._journal.position(CONSUMER, DECISIONS)
                    await self._journal.wait(DECISIONS, after=position, timeout_s=30.0)
            except Conflict:
                continue
            except (Busy, Unavailable) as error:
                _log.warning("decisions wait to be taken in: %s", error)
                await asyncio.sleep(error.retry_after_s)

    async def step(self) -> int:
        """Take in one batch of decisions in one unit of work; returns how many, 0 at the end of the stream. Raises Conflict when
        another copy was faster (read again), Busy and Unavailable."""
        position = await self._journal.position(CONSUMER, DECISIONS)
        entries = await self._journal.read(DECISIONS, after=position, limit=BATCH)
        if not entries:
            return 0
        batch = _Batch()
        for entry in entries:
            decision = self._read(entry)
            if decision is not None:
                await self._take(decision, batch)
        async with self._journal.unit() as unit:
            self._write(batch, unit)
            unit.move(CONSUMER, DECISIONS, old=position, new=entries[-1].offset)
        self._count(batch)
        return len(entries)

    def _read(self, entry: Entry) -> Decision | None:
        """The decision, if it is of a kind that concerns us."""
        wanted = (b"playbook.selected", b"incident.updated", b"incident.resolved", b"incident.reopened")
        if entry.kind != "decision" or not any(kind in entry.payload for kind in wanted):
            return None
        try:
            return Decision.from_json(entry.payload)
        except ValidationError as error:
            _log.error("decision %d cannot be read and is passed over: %s", entry.offset, error)
            self._meters.count("tocsin.investigate.unreadable")
            return None

    async def _take(self, decision: Decision, batch: _Batch) -> None:
        try:
            if decision.kind == "playbook.selected":
                await self._select(decision, PlaybookSelected.model_validate(decision.data), batch)
            elif decision.kind in KINDS:
                await self._follow(decision, IncidentChanged.model_validate(decision.data), batch)
        except ValidationError as error:
            _log.error("decision %r of kind %r has unreadable data: %s", decision.id, decision.kind, error)
            self._meters.count("tocsin.investigate.unreadable")

    async def _select(self, decision: Decision, selected: PlaybookSelected, batch: _Batch) -> None:
        playbook = self._library.get(selected.playbook)
        if playbook is None:
            batch.decisions.append(_skipped(decision, selected, "unknown_playbook"))
            return
        incident = selected.incident
        if await self._is_running(incident.id, batch):
            batch.decisions.append(_skipped(decision, selected, "running"))
            return
        identity = investigation_id(decision.id)
        if await load(self._journal, identity) is not None:
            _log.error("decision %r was taken in before and is passed over: there is one of each", decision.id)
            return
        batch.running[incident.id] = identity
        investigation = Investigation(
            id=identity,
            incident_id=incident.id,
            playbook=playbook.name,
            playbook_version=playbook.version,
            incident=incident.model_copy(update={"rehearsal": incident.rehearsal or decision.rehearsal}),
            queued_at=self._journal.now(),
            trace=decision.trace or incident.trace,
        )
        signal_ids = tuple(dict.fromkeys((*selected.signal_ids, *incident.signal_ids)))
        batch.queued.append((investigation, playbook, Task(identity, decision.id, signal_ids)))

    async def _is_running(self, incident_id: str, batch: _Batch) -> bool:
        if incident_id in batch.running:
            return True
        row = await self._journal.get(RUNNING, incident_id)
        if row is None:
            return False
        found = await load(self._journal, row.decode())
        return found is not None and found.status in ("queued", "running", "paused")

    async def _follow(self, decision: Decision, changed: IncidentChanged, batch: _Batch) -> None:
        incident = changed.incident
        playbook = self._library.get(incident.playbook)
        if playbook is None or not incident.external:
            return
        last = batch.followed.get(incident.id)
        if last is None and (row := await self._journal.get(FOLLOWED, incident.id)) is not None:
            last = Followed.from_json(row)
        found = followup(incident, decision, last, playbook)
        if found is None:
            return
        batch.followed[incident.id] = found.followed
        batch.decisions += proposals(
            found.actions,
            incident,
            playbook,
            at=decision.at,
            cause=decision.id,
            scope=decision.id,
            trace=decision.trace,
        )

    def _write(self, batch: _Batch, unit: Unit) -> None:
        for investigation, playbook, task in batch.queued:
            unit.create(INVESTIGATIONS, investigation.id, investigation.to_json())
            unit.put(RUNNING, investigation.incident_id, investigation.id.encode())
            unit.put(PLAYBOOKS, version_key(playbook.name, playbook.version), playbook.freeze())
            priority = severity_rank(investigation.incident.severity)
            unit.enqueue(QUEUE, investigation.id, task.to_json(), priority=priority)
        for incident_id, followed in batch.followed.items():
            unit.put(FOLLOWED, incident_id, followed.to_json())
        for decision in batch.decisions:
            unit.append(DECISIONS, recorded(decision))

    def _count(self, batch: _Batch) -> None:
        for _, playbook, _ in batch.queued:
            self._meters.count("tocsin.investigate.queued", playbook=playbook.name)
        for decision in _of_kind(batch.decisions, "playbook.skipped"):
            self._meters.count("tocsin.investigate.skipped", reason=str(decision.data.get("reason")))


def _of_kind(decisions: Sequence[Decision], kind: str) -> list[Decision]:
    return [decision for decision in decisions if decision.kind == kind]


def _skipped(decision: Decision, selected: PlaybookSelected, reason: str) -> Decision:
    because = {
        "running": "an investigation of this incident is under way already",
        "unknown_playbook": f"there is no playbook {selected.playbook!r}, and no 'default'",
    }[reason]
    return decide(
        "playbook.skipped",
        at=decision.at,
        actor="system",
        because=because,
        cause=(decision.id,),
        data=PlaybookSkipped(playbook=selected.playbook, reason=reason),
        incident_id=selected.incident.id,
        versions=Versions(),
        rehearsal=decision.rehearsal,
        trace=decision.trace,
    )
