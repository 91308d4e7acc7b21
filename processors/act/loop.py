"""Takes in what is proposed and what people say about it; the calls themselves are the worker's."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from connectors.ports.journal import DECISIONS, INPUTS, Busy, Conflict, Entry, Journal, Unavailable, recorded
from connectors.ports.meters import Meters, NullMeters
from processors.act import changes
from processors.act.policy import PAGES, Approve, Deny, Execute, Refuse, judge
from processors.act.prepare import NotYet, Preparation, Prepared, take_in
from processors.act.ring import Ringer
from processors.act.rows import Row, Task, enqueue, load, write
from processors.act.rung import record_pages
from processors.act.schedule import next_try
from schemas import Action, Command, Decision

CONSUMER = "act"
_KEEP_EVERY = 5000
"""Entries passed over before the position is written down; reading them again does no harm."""
_QUIET_S = 1.0
"""So long nothing new: write it down anyway."""
_LOOK_S = 60.0
_log = logging.getLogger(__name__)

Handle = Callable[[Entry, int], Awaitable[bool]]
"""Deals with one entry in a unit that moves the position from the given offset; False when the entry is none of ours."""


class Act:
    """Follows both streams. Several may run: the position moves with the work in one unit, so each record is dealt with once."""

    def __init__(
        self, journal: Journal, preparation: Preparation, *, ringer: Ringer | None = None, meters: Meters | None = None
    ) -> None:
        self._journal, self._preparation, self._ringer = journal, preparation, ringer
        self._meters = meters or NullMeters()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(DECISIONS, self._take_decision))
            group.create_task(self._follow(INPUTS, self._take_input))
            if self._ringer is not None:
                group.create_task(self._record_pages(self._ringer))

    async def _record_pages(self, ringer: Ringer) -> None:
        while True:
            try:
                await record_pages(self._journal, ringer)
            except (Unavailable, Busy, Conflict) as error:
                _log.warning("pages that the bell sent cannot be recorded yet: %s", error)
            await asyncio.sleep(_LOOK_S)

    async def _follow(self, stream: str, handle: Handle) -> None:
        while True:
            try:
                kept = seen = await self._journal.position(CONSUMER, stream)
                while True:
                    entries = await self._journal.read(stream, after=seen, limit=500)
                    for entry in entries:
                        if await handle(entry, kept):
                            kept = entry.offset
                        seen = entry.offset
                    fresh = bool(entries)
                    if not fresh:
                        fresh = await self._journal.wait(
                            stream, after=seen, timeout_s=_QUIET_S if kept < seen else None
                        )
                    if kept < seen and (not fresh or seen - kept >= _KEEP_EVERY):
                        async with self._journal.unit() as unit:
                            unit.move(CONSUMER, stream, old=kept, new=seen)
                        kept = seen
            except Conflict:
                # Another one was faster with this record, or somebody changed its action meanwhile: look again.
                await asyncio.sleep(0)
            except (Unavailable, Busy) as error:
                _log.warning("the journal cannot be written, waiting %.1f s: %s", error.retry_after_s, error)
                await asyncio.sleep(error.retry_after_s)

    async def _take_decision(self, entry: Entry, kept: int) -> bool:
        if entry.kind != "decision" or b'"action.proposed"' not in entry.payload:
            return False
        try:
            decision = Decision.from_json(entry.payload)
            if decision.kind != "action.proposed":
                return False
            action = Action.model_validate(decision.data["action"])
        except (ValidationError, KeyError) as error:
            _log.error("a proposal cannot be read, left out: offset %d: %s", entry.offset, error)
            return False
        if await load(self._journal, action.id) is not None:
            return False
        await self._admit(action, decision, entry, kept)
        return True

    async def _admit(self, action: Action, decision: Decision, entry: Entry, kept: int) -> None:
        now = self._journal.now()
        ready = await self._preparation.prepare(action, now=now)
        admission = "not_yet" if isinstance(ready, NotYet) else type(ready.admission).__name__.lower()
        try:
            async with self._journal.unit() as unit:
                unit.move(CONSUMER, entry.stream, old=kept, new=entry.offset)
                if isinstance(ready, NotYet):
                    waiting = action.model_copy(update={"error": ready.error})
                    write(unit, None, changes.Change(waiting, ()))
                    task = Task(action.id, "prepare", now, proposal=decision.id)
                    enqueue(unit, task, due=next_try(action.id, tries=1, now=now))
                else:
                    take_in(unit, None, ready, proposal=decision.id, now=now)
        except (Unavailable, Busy):
            if isinstance(ready, Prepared) and isinstance(ready.admission, Execute):
                await self._ring(ready.action, now)
            raise
        self._meters.count("tocsin.act.admitted", kind=action.kind, admission=admission)

    async def _ring(self, action: Action, now: int) -> None:
        if self._ringer is not None and action.kind in PAGES:
            await self._ringer.ring(action, now=now)

    async def _take_input(self, entry: Entry, kept: int) -> bool:
        if entry.kind != "command" or (b'"approve"' not in entry.payload and b'"deny"' not in entry.payload):
            return False
        try:
            command = Command.from_json(entry.payload)
        except ValidationError as error:
            _log.error("a command cannot be read, left out: offset %d: %s", entry.offset, error)
            return False
        if command.kind not in ("approve", "deny"):
            return False
        await self._obey(command, entry, kept)
        return True

    async def _obey(self, command: Command, entry: Entry, kept: int) -> None:
        row = await load(self._journal, str(command.data.get("action_id", "")))
        missing = None if row is None else self._preparation.missing(row.action)
        judgement = judge(command, None if row is None else row.action, missing=missing, at=entry.accepted_at)
        now = self._journal.now()
        async with self._journal.unit() as unit:
            unit.move(CONSUMER, entry.stream, old=kept, new=entry.offset)
            if row is None or isinstance(judgement, Refuse):
                refusal = changes.refused(command, judgement.because, None if row is None else row.action, now=now)
                unit.append(DECISIONS, recorded(refusal))
                return
            cause = (row.action.id, command.id)
            match judgement:
                case Deny(because):
                    write(unit, row, changes.denied(row.action, because, by=command.author, cause=cause, now=now))
                case Approve(because):
                    write(unit, row, changes.approved(row.action, because, by=command.author, cause=cause, now=now))
                    first = row.action.state == "proposed"
                    enqueue(unit, _execution(row, now), again="" if first else command.id)


def _execution(row: Row, now: int) -> Task:
    return Task(row.action.id, "execute", now)
