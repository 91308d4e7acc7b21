"""The stream side of investigations: a selected playbook becomes a queued job, a changed incident a comment, in milliseconds."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from connectors.ports.journal import DECISIONS, Busy, Conflict, Entry, Journal, Unavailable, Unit, recorded
from connectors.ports.meters import Meters, NullMeters
from playbooks.library import Library
from playbooks.model import Playbook
from processors.analyst.loop.case import Waiting
from processors.analyst.loop.names import ACTION, SIGNALS
from processors.investigate import inbox
from processors.investigate.followup import KINDS, Followed, followup, newcomers
from processors.investigate.outcome import proposals
from processors.investigate.rows import (
    CONSUMER,
    FOLLOWED,
    INVESTIGATIONS,
    PLAYBOOKS,
    QUEUE,
    RUNNING,
    Task,
    incidents,
    investigation_id,
    load,
    version_key,
)
from processors.investigate.sharing import Storm, Storms, follow, keep, leads, storm_key, storm_of
from schemas import Decision, Incident, Investigation, Versions, decide, severity_rank
from schemas.payload import ActionChanged, IncidentChanged, PlaybookNotified, PlaybookSelected, PlaybookSkipped
from schemas.time import SECOND

BATCH = 200
FATES = ("action.approved", "action.denied", "action.expired", "action.succeeded", "action.failed")
_log = logging.getLogger(__name__)


@dataclass
class _Batch:
    """What one unit of work shall do, and the rows it knows."""

    running: dict[str, str] = field(default_factory=dict)
    followed: dict[str, Followed] = field(default_factory=dict)
    queued: list[tuple[Investigation, Playbook, Task]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    storms: dict[str, Storm] = field(default_factory=dict)
    followers: list[tuple[Investigation, Investigation]] = field(default_factory=list)
    waiting: dict[tuple[str, str], Waiting] = field(default_factory=dict)


class Intake:
    """Follows the decisions. Any number of copies may run: the position is moved by compare-and-swap."""

    def __init__(
        self,
        journal: Journal,
        library: Library,
        *,
        meters: Meters | None = None,
        talks: Callable[[Playbook], bool] = lambda _playbook: False,
        storms: Storms | None = None,
    ) -> None:
        """`talks`: whether a model looks into what this playbook is for; only such investigations hear of what happens meanwhile, and share."""
        self._journal, self._library = journal, library
        self._meters = meters or NullMeters()
        self._talks, self._storms = talks, storms or Storms()

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
        for identity, key in batch.waiting:
            await inbox.woken(self._journal, identity, f"{key}-{entries[-1].offset}")
        for follower, leader in batch.followers:
            found = await load(self._journal, leader.id)
            if found is not None and found.conclusion is not None:
                await inbox.woken(self._journal, follower.id, "shared")
        self._count(batch)
        return len(entries)

    def _read(self, entry: Entry) -> Decision | None:
        """The decision, if it is of a kind that concerns us."""
        wanted = (
            b"playbook.selected",
            b"playbook.notified",
            b"incident.updated",
            b"incident.resolved",
            b"incident.reopened",
            b'"action.',
        )
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
                changed = IncidentChanged.model_validate(decision.data)
                if not changed.waits:
                    await self._follow(decision, changed, batch)
                await self._tell(decision, changed.incident, batch)
            elif decision.kind == "playbook.notified":
                notified = PlaybookNotified.model_validate(decision.data)
                await self._follow(decision, IncidentChanged(incident=notified.incident), batch)
            elif decision.kind in FATES and decision.investigation_id is not None:
                await self._tell_fate(decision, ActionChanged.model_validate(decision.data), batch)
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
            cause=decision.id,
            signal_ids=tuple(dict.fromkeys((*selected.signal_ids, *incident.signal_ids))),
        )
        await self._queue(investigation, playbook, batch)

    async def _queue(self, investigation: Investigation, playbook: Playbook, batch: _Batch) -> None:
        if self._storms.after and self._talks(playbook):
            key, now = storm_key(investigation.incident, playbook), self._journal.now()
            storm = await storm_of(self._journal, key, investigation.id, self._storms, now, known=batch.storms.get(key))
            batch.storms[key] = storm
            name = f"{key}@{storm.since}"
            leader = await self._leader(storm, batch)
            if leader is not None:
                paused = {
                    "status": "paused",
                    "shares": leader.id,
                    "storm": name,
                    "waits_for": "an incident alike",
                    "paused_at": now,
                }
                batch.followers.append((investigation.model_copy(update=paused), leader))
                return
            investigation = investigation.model_copy(update={"storm": name})
        batch.queued.append((investigation, playbook, inbox.task_of(investigation)))

    async def _leader(self, storm: Storm, batch: _Batch) -> Investigation | None:
        if storm.count <= self._storms.after:
            return None
        queued = next((each for each, _, _ in batch.queued if each.id == storm.leader), None)
        return queued or await leads(self._journal, storm.leader)

    async def _tell(self, decision: Decision, incident: Incident, batch: _Batch) -> None:
        """Whoever looks into it hears how it is now: the latest is enough."""
        row = await self._journal.get(RUNNING, incident.id)
        found = await load(self._journal, row.decode()) if row is not None else None
        if found is not None and self._hears(found):
            data = {"incident": incident.model_dump(mode="json", exclude_none=True)}
            batch.waiting[found.id, SIGNALS] = Waiting(SIGNALS, SIGNALS, decision.because, at=decision.at, data=data)

    async def _tell_fate(self, decision: Decision, changed: ActionChanged, batch: _Batch) -> None:
        """What becomes of an action that was proposed before there was a conclusion."""
        found = await load(self._journal, decision.investigation_id or "")
        if found is None or not self._hears(found):
            return
        key = f"{ACTION}/{decision.id}"
        text = f"{decision.kind} {changed.action.id} ({changed.action.kind}): {decision.because}"
        batch.waiting[found.id, key] = Waiting(key, ACTION, text, decision.actor, decision.at)

    def _hears(self, investigation: Investigation) -> bool:
        playbook = self._library.get(investigation.playbook)
        return investigation.status in ("running", "paused") and playbook is not None and self._talks(playbook)

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
        if found.actions and (fresh := newcomers(incident, last)):
            found = followup(incident, decision, last, playbook, await incidents(self._journal, fresh)) or found
        batch.followed[incident.id] = found.followed
        at, cause = decision.at, decision.id
        batch.decisions += proposals(
            found.actions, incident, playbook, at=at, cause=cause, scope=cause, trace=decision.trace
        )

    def _write(self, batch: _Batch, unit: Unit) -> None:
        for investigation, playbook, task in batch.queued:
            unit.create(INVESTIGATIONS, investigation.id, investigation.to_json())
            unit.put(RUNNING, investigation.incident_id, investigation.id.encode())
            unit.put(PLAYBOOKS, version_key(playbook.name, playbook.version), playbook.freeze())
            priority = severity_rank(investigation.incident.severity)
            unit.enqueue(QUEUE, investigation.id, task.to_json(), priority=priority)
        for investigation, leader in batch.followers:
            playbook = self._library.playbooks[investigation.playbook]
            unit.create(INVESTIGATIONS, investigation.id, investigation.to_json())
            unit.put(RUNNING, investigation.incident_id, investigation.id.encode())
            unit.put(PLAYBOOKS, version_key(playbook.name, playbook.version), playbook.freeze())
            now, patience_s = self._journal.now(), 2 * playbook.front.analyst.timeout / SECOND + 60
            follow(unit, investigation, leader, patience_s=0 if leader.conclusion else patience_s, now=now)
        for key, storm in batch.storms.items():
            keep(unit, key, storm)
        for (identity, _), event in batch.waiting.items():
            inbox.put(unit, identity, event)
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
