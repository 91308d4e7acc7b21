"""Spending: what models cost by day, playbook and storm, exact over any number of workers and processes."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from connectors.ports.journal import Busy, Conflict, Journal, Lease, Unavailable, Unit
from processors.analyst.loop.bounds import Shared
from processors.investigate.rows import SPENDING
from schemas import Usage, to_rfc3339

ATTEMPTS = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """For all investigations together; None: no limit."""

    day_usd: float | None = None
    day_tokens: int | None = None
    storm_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One that is written to. `name` is how its bound is called."""

    key: str
    name: str
    usd: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """On one account so far."""

    usd: float = 0.0
    tokens: int = 0

    def plus(self, other: "Spent") -> "Spent":
        """The sum; rounding never leaves less than nothing."""
        return Spent(max(0.0, self.usd + other.usd), max(0, self.tokens + other.tokens))


def accounts(
    playbook: str, day_cost_usd: float | None, storm: str | None, limits: Limits, now: int
) -> tuple[Account, ...]:
    """Where a call at `now` is booked. Days are UTC."""
    day = to_rfc3339(now)[:10]
    made = [
        Account(f"day/{day}", "US dollars today", limits.day_usd, limits.day_tokens),
        Account(f"playbook/{day}/{playbook}", f"US dollars today for playbook {playbook!r}", day_cost_usd),
    ]
    if storm is not None:
        made.append(Account(f"storm/{storm}", "US dollars for this storm", limits.storm_usd))
    return tuple(made)


def difference(actual: Usage, reserved: Usage | None) -> Spent:
    """What to book when a call is over: what it took, less what was set aside."""
    before = reserved or Usage()
    return Spent(actual.cost_usd - before.cost_usd, _tokens(actual) - _tokens(before))


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens + usage.cache_write_tokens + usage.cache_read_tokens


class OverLimit(Exception):
    """It would be more than is allowed; the message names the bound. Nothing was written."""


@dataclass
class Spending:
    """One per process. Its units are submitted one after the other, each resting on the amounts the one before leaves, without waiting for that
    to be durable; another process in between makes them fail and be tried again."""

    journal: Journal
    limits: Limits = field(default_factory=Limits)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _latest: dict[str, bytes | None] = field(default_factory=dict)

    async def shared(self, booked: tuple[Account, ...]) -> tuple[Shared, ...]:
        """The bounds of these accounts that have a limit, with what is spent on each."""
        made = []
        for account in booked:
            if account.usd is None and account.tokens is None:
                continue
            spent = _read(await self.journal.get(SPENDING, account.key))
            if account.usd is not None:
                made.append(Shared(account.name, spent.usd, account.usd))
            if account.tokens is not None:
                made.append(Shared(account.name.replace("US dollars", "tokens"), spent.tokens, account.tokens))
        return tuple(made)

    async def write(
        self, lease: Lease, fill: Callable[[Unit], None], booked: Mapping[str, Spent], capped: Sequence[Account] = ()
    ) -> None:
        """One unit of work: what `fill` writes, and these amounts. `capped`: accounts whose limits must hold with them, whoever else spends at
        the same time. Waits for a journal that cannot just now. Raises OverLimit, LeaseLost, Conflict."""
        if not booked:
            await self._commit(lease, fill, {}, {})
            return
        for _ in range(ATTEMPTS):
            async with self._lock:
                before = {key: await self._now(key) for key in booked}
                after = {key: _read(before[key]).plus(amount) for key, amount in booked.items()}
                for account in capped:
                    _hold(account, after[account.key])
                rows = {key: orjson.dumps(spent) for key, spent in after.items()}
                self._latest |= rows
                work = asyncio.ensure_future(self._commit(lease, fill, before, rows))
                # It is submitted before the next one is.
                await asyncio.sleep(0)
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                work.cancel()
                self._forget(booked)
                raise
            except Conflict:
                self._forget(booked)
                if before == {key: await self.journal.get(SPENDING, key) for key in booked}:
                    raise
            except BaseException:
                self._forget(booked)
                raise
            else:
                return
        raise Conflict(f"{sorted(booked)} were written by others {ATTEMPTS} times in a row")

    async def _now(self, key: str) -> bytes | None:
        if key not in self._latest:
            self._latest[key] = await self.journal.get(SPENDING, key)
        return self._latest[key]

    def _forget(self, keys: Iterable[str]) -> None:
        """What was rested on may not have come to be: read again."""
        for key in keys:
            self._latest.pop(key, None)

    async def _commit(
        self,
        lease: Lease,
        fill: Callable[[Unit], None],
        before: Mapping[str, bytes | None],
        after: Mapping[str, bytes],
    ) -> None:
        while True:
            try:
                async with self.journal.unit(lease=lease) as unit:
                    fill(unit)
                    for key, new in after.items():
                        old = before[key]
                        if old is None:
                            unit.create(SPENDING, key, new)
                        else:
                            unit.replace(SPENDING, key, old, new)
            except (Busy, Unavailable) as error:
                _log.warning("an investigation waits for the journal: %s", error)
                await asyncio.sleep(error.retry_after_s)
            else:
                return


def _hold(account: Account, spent: Spent) -> None:
    if account.usd is not None and spent.usd > account.usd:
        raise OverLimit(f"{account.name}: {spent.usd:.4f} of {account.usd:.4f}")
    if account.tokens is not None and spent.tokens > account.tokens:
        raise OverLimit(f"{account.name.replace('US dollars', 'tokens')}: {spent.tokens:,} of {account.tokens:,}")


def _read(row: bytes | None) -> Spent:
    if row is None:
        return Spent()
    said = orjson.loads(row)
    return Spent(float(said["usd"]), int(said["tokens"]))
