"""What people tell an investigation: steering joins it, stopping ends it, a question goes on with a concluded one."""

import asyncio
import logging

from pydantic import ValidationError

from connectors.ports.journal import DECISIONS, INPUTS, Busy, Conflict, Entry, Journal, Unavailable, Unit, recorded
from processors.analyst.loop.case import Waiting
from processors.analyst.loop.names import CANCEL, STEER
from processors.investigate import inbox
from processors.investigate.means import Interrupts
from processors.investigate.rows import CONSUMER, QUEUE, Question, Task, load
from schemas import Command, Investigation, decide, severity_rank
from schemas.payload import CommandTaken

BATCH = 500
KEEP_EVERY = 5000
"""Entries passed over before the position is written down; reading them again does no harm."""
QUIET_S = 1.0
"""So long nothing new: write it down anyway."""
LONGEST = 8000
"""Characters of what somebody says."""
_WANTED = (b'"steer"', b'"ask"')
_log = logging.getLogger(__name__)


class Commands:
    """Follows the inputs. Any number of copies may run: each command moves the position with it, by compare-and-swap."""

    def __init__(self, journal: Journal, interrupts: Interrupts | None = None) -> None:
        self._journal, self._interrupts = journal, interrupts or Interrupts()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            kept = seen = await self._journal.position(CONSUMER, INPUTS)
            try:
                while True:
                    kept, seen, fresh = await self._read(kept, seen)
                    fresh = fresh or await self._journal.wait(
                        INPUTS, after=seen, timeout_s=QUIET_S if kept < seen else None
                    )
                    if kept < seen and (not fresh or seen - kept >= KEEP_EVERY):
                        await self._keep(kept, seen)
                        kept = seen
            except Conflict:
                await asyncio.sleep(0)
            except (Busy, Unavailable) as error:
                _log.warning("commands wait to be taken in: %s", error)
                await asyncio.sleep(error.retry_after_s)

    async def step(self) -> int:
        """Take in what is there; returns how many entries. Raises Conflict, Busy and Unavailable."""
        position = await self._journal.position(CONSUMER, INPUTS)
        kept, seen, _ = await self._read(position, position)
        if kept < seen:
            await self._keep(kept, seen)
        return seen - position

    async def _read(self, kept: int, seen: int) -> tuple[int, int, bool]:
        entries = await self._journal.read(INPUTS, after=seen, limit=BATCH)
        for entry in entries:
            if await self._take(entry, kept):
                kept = entry.offset
            seen = entry.offset
        return kept, seen, bool(entries)

    async def _keep(self, old: int, new: int) -> None:
        async with self._journal.unit() as unit:
            unit.move(CONSUMER, INPUTS, old=old, new=new)

    async def _take(self, entry: Entry, kept: int) -> bool:
        if entry.kind != "command" or not any(word in entry.payload for word in _WANTED):
            return False
        try:
            command = Command.from_json(entry.payload)
        except ValidationError as error:
            _log.error("a command cannot be read, left out: offset %d: %s", entry.offset, error)
            return False
        if command.kind not in ("steer", "ask"):
            return False
        investigation = await load(self._journal, str(command.data.get("investigation_id", "")))
        refusal = _refusal(command, investigation)
        async with self._journal.unit() as unit:
            unit.move(CONSUMER, INPUTS, old=kept, new=entry.offset)
            if refusal is not None or investigation is None:
                self._refuse(unit, command, refusal or "", investigation)
            elif command.kind == "ask":
                _ask(unit, command, investigation)
            else:
                inbox.put(unit, investigation.id, _said(command, entry.accepted_at))
                inbox.wake(unit, investigation, command.id)
        if refusal is None and command.kind == "steer" and investigation is not None:
            await inbox.woken(self._journal, investigation.id, f"again-{command.id}")
            self._interrupts.stop(investigation.id)
        return True

    def _refuse(self, unit: Unit, command: Command, because: str, investigation: Investigation | None) -> None:
        data = CommandTaken(command_id=command.id, kind=command.kind, data={**command.data, "reason": because})
        decision = decide(
            "command.refused",
            at=self._journal.now(),
            actor=command.author,
            because=f"{command.kind} by {command.author} refused: {because}"[:500],
            cause=(command.id,),
            data=data,
            incident_id=investigation.incident_id if investigation is not None else command.incident_id,
            rehearsal=command.rehearsal,
        )
        unit.append(DECISIONS, recorded(decision))


def _refusal(command: Command, investigation: Investigation | None) -> str | None:
    if investigation is None:
        return f"there is no investigation {command.data.get('investigation_id')!r}"
    over = investigation.status in ("concluded", "failed")
    stop = command.kind == "steer" and command.data.get("cancel") is True
    text = command.data.get("text")
    if not stop and (not isinstance(text, str) or not text.strip() or len(text) > LONGEST):
        return f"'text' is a text of at most {LONGEST} characters, found {text!r:.80}"
    if command.kind == "steer" and over:
        return f"the investigation is {investigation.status}; ask it instead"
    if command.kind == "ask" and not over:
        return f"the investigation is {investigation.status}; steer it instead"
    return None


def _said(command: Command, at: int) -> Waiting:
    text = str(command.data.get("text") or command.reason)
    if command.data.get("cancel") is True:
        return Waiting(f"{CANCEL}/{command.id}", CANCEL, text or "stopped", command.author, at)
    return Waiting(f"{STEER}/{command.id}", STEER, text, command.author, at)


def _ask(unit: Unit, command: Command, investigation: Investigation) -> None:
    question = Question(command_id=command.id, text=str(command.data["text"]), author=command.author)
    cause, signals = investigation.cause or command.id, investigation.signal_ids or investigation.incident.signal_ids
    task = Task(investigation.id, cause, signals, question=question)
    priority = severity_rank(investigation.incident.severity)
    unit.enqueue(QUEUE, f"{investigation.id}/ask/{command.id}", task.to_json(), priority=priority)
