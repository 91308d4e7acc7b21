"""The triage loop: one owner reads the inputs in their order, and commits decisions, position and state together.

While many inputs come, the rows of the state are stored with some of the commits alone; see `standing`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connectors.ports.journal import (
    INPUTS,
    Busy,
    Entry,
    Journal,
    Lease,
    LeaseLost,
    NewRecord,
    Unavailable,
)
from connectors.ports.meters import Meters, NullMeters
from processors.triage import rulesets
from processors.triage.fold import Broken, Folded, fold
from processors.triage.made import Made, made
from processors.triage.standing import BATCH, CONSUMER, STORED, standing
from rules.engine import Engine
from rules.state import State
from schemas.tick import Tick
from schemas.time import SECOND

LEASE = "triage"
BEHIND = 2_000
"""Of a backlog so many are decided and made durable together, each BATCH of them in a turn of the event loop."""
BUSY, GATHER_S = 64, 0.03
"""After a batch of so many inputs more are coming: the next one is given so long to grow, and rows that change again and again are not yet
stored. A thousand inputs a second make no such batch: they wait for nothing, and rows are stored with every decision."""
STORE_EVERY, STORE_ROWS = 10_000, 8_000
"""After so many inputs, or with so many rows to write, they are stored even so: what whoever takes over has to decide again at most, and how
long the writer is held up for."""
_log = logging.getLogger(__name__)


async def run(
    journal: Journal,
    engine: Engine,
    *,
    owner: str,
    ttl_s: float = 15.0,
    meters: Meters | None = None,
    seat: Callable[["Triage"], None] | None = None,
) -> None:
    """Until cancelled, or until the lease is another's: then LeaseLost is raised, and nothing of the last batch has happened.

    Waits for the lease while another holds it. The engine's own rule set is activated by a command when it is not in force;
    what was accepted before is decided by the rules before. `seat` is given the loop once it knows its state. Raises Conflict when
    somebody else moved the position.
    """
    loop = Triage(journal, engine, await _acquired(journal, owner, ttl_s), ttl_s=ttl_s, meters=meters or NullMeters())
    try:
        await loop.restore()
        if seat is not None:
            seat(loop)
        while True:
            await loop.step()
    finally:
        await loop.release()


@dataclass(slots=True)
class Triage:
    """A loop that holds the lease. `step` decides about one batch, or waits for one."""

    journal: Journal
    engine: Engine
    lease: Lease
    ttl_s: float
    meters: Meters
    state: State = field(init=False)
    position: int = field(init=False, default=0)
    _poison: dict[int, str] = field(init=False, default_factory=dict)
    _ticked: int = field(init=False, default=-1)
    _calm: bool = field(init=False, default=True)
    """No time was told just now: of many things that are due one after the other, those within GATHER_S are decided about together."""
    _latest: int = field(init=False, default=0)
    """How many inputs the last batch had."""
    _stored: int = field(init=False, default=0)
    """The input after which the rows were stored, `position` or earlier."""
    _shown: dict[str, bytes] = field(init=False, default_factory=dict)
    """The incidents that were stored since the rows were."""
    _torn: bool = field(init=False, default=False)
    """The state has gone on, and it is not known whether that was made durable."""

    def __post_init__(self) -> None:
        self.state = self.engine.state()

    async def restore(self) -> None:
        """Take over from what is stored, and see to it that the engine's rules come into force."""
        await self._reload()
        if self._stored and not await self.journal.position(STORED, INPUTS):
            async with self.journal.unit(lease=self.lease) as unit:
                unit.move(STORED, INPUTS, old=0, new=self._stored)
        before = rulesets.in_force(self.state)
        if before is not None and not await rulesets.fetch(self.journal, self.engine, before):
            _log.warning("the rules %s are gone; what waits is decided by the present ones", before)
        configured = self.engine.ruleset
        if before != configured.version:
            async with self.journal.unit(lease=self.lease) as unit:
                reason = "the configured rules" if before is None else "the configured rules have changed"
                rulesets.activate(
                    unit, configured, author="system", reason=reason, origin="system", at=self.journal.now()
                )

    async def step(self) -> int:
        """Decide about the next batch and return its size; without one, wait a while, or have time recorded as passed."""
        await self._hold_on()
        limit = BEHIND if self._latest >= BATCH else BATCH
        entries = await self.journal.read(INPUTS, after=self.position, limit=limit)
        if self._latest >= BUSY and 0 < len(entries) < BATCH:
            await asyncio.sleep(GATHER_S)
            entries = await self.journal.read(INPUTS, after=self.position, limit=limit)
        self._latest = len(entries)
        if not entries:
            await self._wait()
            return 0
        began, self._torn = self.journal.now(), True
        await rulesets.fetch_asked_for(self.journal, self.engine, entries)
        try:
            folded = await self._folded(entries)
        except Broken as broken:
            _log.exception("input %d is set aside", broken.offset)
            self._poison[broken.offset] = str(broken)
            await self._reload()
            return 0
        await self._commit(entries, folded)
        self._note(entries, folded, began)
        return len(entries)

    async def _folded(self, entries: Sequence[Entry]) -> Folded:
        """Raises Broken."""
        folded = fold(self.engine, self.state, entries[:BATCH], self._poison)
        for first in range(BATCH, len(entries), BATCH):
            await asyncio.sleep(0)
            more = fold(self.engine, self.state, entries[first : first + BATCH], self._poison)
            folded.decisions += more.decisions
            folded.quarantine += more.quarantine
        return folded

    async def release(self) -> None:
        """Let the next one take over at once, and where that can be said without anything to decide again."""
        try:
            if not self._torn and self._stored < self.position:
                await self._write(self._made((), Folded()))
            await self.journal.release(self.lease)
        except (Busy, Unavailable, LeaseLost) as error:
            _log.info("the lease is left to expire: %s", error)

    async def _reload(self) -> None:
        """The state and the position as they are stored."""
        found = await standing(self.journal, self.engine, poison=self._poison, turn=self._hold_on)
        self.state, self.position, self._stored, self._torn = found.state, found.position, found.stored, False
        self._shown.clear()

    async def _commit(self, entries: Sequence[Entry], folded: Folded) -> None:
        """Make it durable together, trying until the journal can write again: deciding anew would say the same."""
        self._torn = True
        done = self._made(entries, folded)
        while True:
            try:
                await self._write(done)
            except (Busy, Unavailable) as error:
                await self._back_off(error)
                continue
            self.position, self._torn = done.upto, False
            self._shown.update(done.incidents)
            if done.stores:
                self._stored = done.upto
                self._shown.clear()
            return

    def _made(self, entries: Sequence[Entry], folded: Folded) -> Made:
        upto = entries[-1].offset if entries else self.position
        return made(folded, upto, self.state if self._stores(entries, upto) else None, self._shown)

    def _stores(self, entries: Sequence[Entry], new: int) -> bool:
        """Whether rows are stored with these: not while so many inputs come that the next will change the same ones again. What a command
        changes is looked up in the rows by others."""
        many = len(entries) >= BUSY and self._stored > 0 and new - self._stored < STORE_EVERY
        return not many or len(self.state.changed) >= STORE_ROWS or any(entry.kind == "command" for entry in entries)

    async def _write(self, done: Made) -> None:
        async with self.journal.unit(lease=self.lease) as unit:
            done.put(unit)
            unit.move(CONSUMER, INPUTS, old=self.position, new=done.upto)
            if done.stores:
                unit.move(STORED, INPUTS, old=self._stored, new=done.upto)

    async def _wait(self) -> None:
        """Until an input comes, a deadline passes or the lease wants renewing. A deadline that passes becomes an input itself."""
        now, due = self.journal.now(), self.engine.next_due(self.state)
        timeout_s = self.ttl_s / 3
        if due is not None:
            if due != self._ticked and not self._calm and due < now + GATHER_S * SECOND:
                self._calm = True
                await self.journal.wait(INPUTS, after=self.position, timeout_s=GATHER_S)
                return
            if due != self._ticked and due <= now:
                await self._tick(due)
                return
            timeout_s = min(timeout_s, max(0.001, (due - now) / SECOND))
        self._calm, behind = True, self._stored < self.position
        if behind:
            timeout_s = min(timeout_s, GATHER_S)
        if not await self.journal.wait(INPUTS, after=self.position, timeout_s=timeout_s) and behind:
            await self._commit((), Folded())

    async def _tick(self, due: int) -> None:
        try:
            await self.journal.append(INPUTS, [NewRecord("tick", Tick(due=due).to_json())])
        except (Busy, Unavailable) as error:
            await self._back_off(error)
            return
        self._ticked, self._calm = due, False

    async def _hold_on(self) -> None:
        self.lease = await self._renewed()

    async def _renewed(self) -> Lease:
        """The lease, renewed when a third of it has passed."""
        if self.lease.expires_at - self.journal.now() > self.ttl_s * SECOND * 2 / 3:
            return self.lease
        while True:
            try:
                return await self.journal.renew(self.lease, ttl_s=self.ttl_s)
            except (Busy, Unavailable) as error:
                await self._back_off(error)

    async def _back_off(self, error: Busy | Unavailable) -> None:
        reason = "busy" if isinstance(error, Busy) else "unavailable"
        self.meters.count("tocsin.triage.retries", reason=reason)
        _log.warning(
            "the journal cannot take the decisions yet, trying again in %.1f s: %s", error.retry_after_s, error
        )
        await asyncio.sleep(min(error.retry_after_s, self.ttl_s / 3))

    def _note(self, entries: Sequence[Entry], folded: Folded, began: int) -> None:
        if self._poison:
            self._poison = {offset: reason for offset, reason in self._poison.items() if offset > self._stored}
        for kind, number in Counter([entry.kind for entry in entries]).items():
            self.meters.count("tocsin.triage.inputs", number, kind=kind)
        for kind, number in Counter([decision.kind for decision in folded.decisions]).items():
            self.meters.count("tocsin.triage.decisions", number, kind=kind)
        for rule, number in self.state.erring.items():
            self.meters.count("tocsin.triage.condition_errors", number, rule=rule)
        self.state.erring.clear()
        self.meters.observe("tocsin.triage.duration", (self.journal.now() - began) / SECOND)


async def _acquired(journal: Journal, owner: str, ttl_s: float) -> Lease:
    while True:
        try:
            lease = await journal.acquire(LEASE, owner=owner, ttl_s=ttl_s)
        except (Busy, Unavailable) as error:
            _log.warning("the journal cannot give the lease yet: %s", error)
            await asyncio.sleep(min(error.retry_after_s, ttl_s / 3))
            continue
        if lease is not None:
            return lease
        await asyncio.sleep(ttl_s / 3)
