"""The recorder: follows both streams into the ledger, from where the ledger itself says it is."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import orjson

from connectors.ports.journal import DECISIONS, INPUTS, Busy, Conflict, Entry, Journal, Lease, LeaseLost, Unavailable
from connectors.ports.ledger import Head, Ledger, LedgerDamaged
from connectors.ports.meters import Meters, NullMeters
from processors.record.once import Contradictions
from processors.record.order import gap_before, merge
from schemas.time import SECOND

CONSUMER = "record"
LEDGER_SPACE = "ledger"
HEAD_KEY = "head"
"""The row with the chain's last record: `{"seq":..., "hash":...}`. Verification against it shows a cut tail."""
BATCH = 1000
MAX_PAUSE_S = 60.0
_log = logging.getLogger(__name__)

OpenLedger = Callable[[int, Head | None], Ledger]
"""Opens the ledger for writing under an epoch, given the head the journal knows. May block (it is called in a thread). Raises
LedgerHeld, LedgerDamaged, OSError."""


class Record:
    """One recorder of possibly many: the one that holds the lease `record` works, the others stand by."""

    def __init__(
        self,
        journal: Journal,
        open_ledger: OpenLedger,
        *,
        owner: str,
        meters: Meters | None = None,
        ttl_s: float = 30.0,
        first_pause_s: float = 0.5,
        settle_s: float = 1.0,
    ) -> None:
        self._journal, self._open_ledger, self._owner, self._ttl_s = journal, open_ledger, owner, ttl_s
        self._meters = meters or NullMeters()
        self._first_pause_s, self._settle_s = first_pause_s, settle_s
        self._settled_at = 0
        self._contradictions = Contradictions()
        self._said = ""

    async def run(self) -> None:
        """Until cancelled. Raises LedgerDamaged, LedgerHeld and OSError from opening; a disk that refuses an append is waited for."""
        while True:
            try:
                lease = await self._journal.acquire(CONSUMER, owner=self._owner, ttl_s=self._ttl_s)
                if lease is None:
                    self._say("the recorder stands by: another has the lease")
                    await asyncio.sleep(self._ttl_s / 3)
                    continue
                await self._hold(lease)
            except LeaseLost as error:
                _log.warning("another recorder has taken over: %s", error, extra={"owner": self._owner})
            except (Unavailable, Busy) as error:
                _log.warning("the recorder waits for the journal: %s", error)
                await asyncio.sleep(min(error.retry_after_s, self._ttl_s / 3))

    def _say(self, what: str) -> None:
        """Once, until there is something else to say."""
        if what != self._said:
            _log.info(what)
        self._said = what

    async def _hold(self, lease: Lease) -> None:
        ledger = await asyncio.to_thread(self._open_ledger, lease.token, await self.known_head())
        try:
            await self._must_fit(ledger)
            self._say(f"the recorder has the lease, and goes on behind record {ledger.head().seq}")
            await self._follow(ledger, lease)
        finally:
            await ledger.close()
            with suppress(LeaseLost, Unavailable, Busy):
                await self._settle(ledger, lease)
                await self._journal.release(lease)

    async def known_head(self) -> Head | None:
        """The chain's last record as the journal knows it; it may lag behind."""
        row = await self._journal.get(LEDGER_SPACE, HEAD_KEY)
        return None if row is None else Head(**orjson.loads(row))

    async def _must_fit(self, ledger: Ledger) -> None:
        for stream in (INPUTS, DECISIONS):
            head, position = await self._journal.head(stream), ledger.position(stream)
            if position > head:
                raise LedgerDamaged(
                    f"the ledger holds {stream!r} up to {position}, the journal only reaches {head}: they do not belong together; "
                    f"give this journal a ledger folder of its own, or bring the right journal back"
                )

    async def _follow(self, ledger: Ledger, lease: Lease) -> None:
        pause_s = self._first_pause_s
        while True:
            lease = await self._keep(lease)
            batch = await self._next(ledger)
            if not batch:
                await self._settle(ledger, lease)
                await self._wait(ledger)
                continue
            try:
                await ledger.append(batch)
            except OSError as error:
                _log.error("the ledger cannot be written, trying again in %.1f s: %s", pause_s, error)
                self._meters.count("tocsin.record.failures")
                await asyncio.sleep(min(pause_s, self._ttl_s / 3))
                pause_s = min(pause_s * 2, MAX_PAUSE_S)
                continue
            pause_s = self._first_pause_s
            self._meters.count("tocsin.record.entries", len(batch))
            if odd := self._contradictions.among(batch):
                _log.critical("decisions of one id that say different things, a fault: %s", ", ".join(odd[:10]))
                self._meters.count("tocsin.record.contradictions", len(odd))
            if self._journal.now() - self._settled_at > self._settle_s * SECOND:
                await self._settle(ledger, lease)

    async def _keep(self, lease: Lease) -> Lease:
        if lease.expires_at - self._journal.now() > self._ttl_s * SECOND / 2:
            return lease
        try:
            return await self._journal.renew(lease, ttl_s=self._ttl_s)
        except (Unavailable, Busy) as error:
            # The ledger has a lock of its own: going on until the lease is somebody else's harms nothing.
            _log.warning("the recorder's lease could not be renewed: %s", error)
            return lease

    async def _next(self, ledger: Ledger) -> list[Entry]:
        found: list[list[Entry]] = []
        for stream in (INPUTS, DECISIONS):
            position = ledger.position(stream)
            entries = list(await self._journal.read(stream, after=position, limit=BATCH))
            gap = gap_before(entries, position)
            if gap is not None:
                _log.critical("entries were gone before they were recorded: %s of %r", gap.payload.decode(), stream)
                self._meters.count("tocsin.record.gaps", stream=stream)
                entries.insert(0, gap)
            found.append(entries)
        return merge(found[0], found[1], most=BATCH)

    async def _wait(self, ledger: Ledger) -> None:
        waits = {
            asyncio.ensure_future(self._journal.wait(stream, after=ledger.position(stream), timeout_s=self._ttl_s / 3))
            for stream in (INPUTS, DECISIONS)
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _settle(self, ledger: Ledger, lease: Lease) -> None:
        """Tell the journal how far the ledger is, so that retention knows and a cut tail shows. May lag: the ledger knows better."""
        try:
            try:
                await self._keep_position(ledger, lease)
            except Conflict:
                # One that was cancelled may yet have been on its way: by now it is there, or nowhere.
                await self._keep_position(ledger, lease)
        except (Unavailable, Busy, Conflict) as error:
            _log.warning("the recorder's position could not be kept: %s", error)

    async def _keep_position(self, ledger: Ledger, lease: Lease) -> None:
        head = ledger.head()
        moves = []
        for stream in (INPUTS, DECISIONS):
            old, new = await self._journal.position(CONSUMER, stream), ledger.position(stream)
            if old < new:
                moves.append((stream, old, new))
        self._settled_at = self._journal.now()
        if not moves:
            return
        async with self._journal.unit(lease=lease) as unit:
            for stream, old, new in moves:
                unit.move(CONSUMER, stream, old=old, new=new)
            unit.put(LEDGER_SPACE, HEAD_KEY, orjson.dumps({"seq": head.seq, "hash": head.hash}))
