"""The triage loop on the real journal: one unit of work, ticks, quarantine, leases, crashes and replays."""

import asyncio
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from connectors.journal.sqlite import SqliteJournal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import DECISIONS, INPUTS, Busy, Conflict, Entry, LeaseLost, NewRecord, Unavailable
from processors.triage import rulesets
from processors.triage.fold import replay
from processors.triage.loop import BATCH, BEHIND, Triage, run
from rules.engine import Engine
from schemas.incident import Incident
from tests.support.rule_world import at, batch, command, rules, signal
from tests.support.triaging import Trap, all_inputs, decided, drain, give, holding, on_journal

ALERTS = "rules:\n  - {name: alerts, when: type == 'alert', group_by: [service], playbook: p, resolve_after: 10m}\n"
BURST = """rules:
  - {name: burst, when: type == 'log' && severity == 'error', group_by: [service], match: {count: 3, within: 5m}, playbook: p}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at(0))


def test_state_position_incident_and_decisions_come_together(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(ALERTS)))
        await give(journal, signal("a"))
        await drain(loop)
        out = await decided(journal)
        assert [decision.kind for decision in out] == ["rules.activated", "incident.opened", "playbook.selected"]
        name = out[1].incident_id
        assert name is not None
        stored = Incident.from_json(await journal.get("incidents", name) or b"")
        assert stored == Incident.model_validate(out[1].data["incident"])
        assert await journal.position("triage", INPUTS) == await journal.head(INPUTS) == 2
        entries = await journal.read(DECISIONS, after=0)
        assert [entry.key for entry in entries] == ["", name, name]
        assert any(key.startswith("group/") for key, _ in await journal.scan("triage"))

    on_journal(tmp_path, clock, flow)


def test_a_deadline_becomes_a_tick_among_the_inputs(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(ALERTS)))
        await give(journal, signal("a"))
        await drain(loop)
        clock.advance(seconds=700)
        loop.lease = await journal.renew(loop.lease, ttl_s=15)
        await loop.step()
        await drain(loop)
        ticks = [entry for entry in await all_inputs(journal) if entry.kind == "tick"]
        assert len(ticks) == 1
        assert orjson.loads(ticks[0].payload)["due"] == "2026-11-21T10:10:00.000000Z"
        resolved = (await decided(journal))[-1]
        assert (resolved.kind, resolved.at) == ("incident.resolved", at(600))
        stored = Incident.from_json(await journal.get("incidents", resolved.incident_id or "") or b"")
        assert stored.status == "resolved"

    on_journal(tmp_path, clock, flow)


def test_what_is_due_shortly_after_a_tick_is_decided_about_together_each_at_its_own_moment(
    tmp_path: Path, clock: ManualClock
) -> None:
    waits = "rules: [{name: w, when: type == 'alert', group_by: [service], playbook: p, group_wait: 5s, group_interval: 5m}]"

    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(waits)))
        for number in range(10):
            await give(journal, signal(f"s{number}", number / 500, service=f"service {number}"))
            clock.advance(seconds=0.002)
        await drain(loop)
        clock.advance(seconds=4.981)
        await loop.step()
        await drain(loop)
        # The first is decided about; the second is due in a moment, and waited for with what else comes.
        await loop.step()
        clock.advance(seconds=0.025)
        await loop.step()
        await drain(loop)
        assert [entry.kind for entry in await all_inputs(journal)].count("tick") == 2
        told = [each for each in await decided(journal) if each.kind == "playbook.notified"]
        assert [round(each.at - at(5)) for each in told] == [2_000 * number for number in range(10)]

    on_journal(tmp_path, clock, flow)


def test_poison_is_set_aside_and_the_stream_goes_on(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(ALERTS)))
        poison = [b"\xff{", b"[1]", b'{"source":"sentry","instance":"x"}', b'{"id":"c"}', b"{}"]
        kinds = ["signal", "signal", "signal", "command", "riddle"]
        await journal.append(INPUTS, [NewRecord(kind, content) for kind, content in zip(kinds, poison, strict=True)])
        await give(journal, signal("a"))
        await drain(loop)
        out = await decided(journal)
        quarantined = [decision for decision in out if decision.kind == "signal.quarantined"]
        assert len(quarantined) == len(poison)
        assert quarantined[2].data["source"] == "sentry"
        rows = dict(await journal.scan("quarantine"))
        assert set(rows) == {decision.data["quarantine_id"] for decision in quarantined}
        assert "incident.opened" in [decision.kind for decision in out]
        assert replayed(await all_inputs(journal), ALERTS) == [decision.to_json() for decision in out]

    on_journal(tmp_path, clock, flow)


def test_an_input_that_breaks_the_engine_is_set_aside_and_leaves_no_trace(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Trap(rules(ALERTS)))
        await give(journal, signal("a"), signal("b", title="trap"), signal("c", 0))
        await drain(loop)
        out = await decided(journal)
        assert [decision.kind for decision in out] == [
            "rules.activated", "incident.opened", "playbook.selected", "signal.quarantined", "incident.updated",
        ]  # fmt: skip
        assert "a fault of ours" in out[3].because
        assert out[4].data["incident"]["signals"] == 2

    on_journal(tmp_path, clock, flow)


def replayed(entries: list[Entry], text: str) -> list[bytes]:
    return [decision.to_json() for decision in replay(entries, Engine(rules(text)))]


def test_a_replay_of_the_inputs_gives_the_same_decisions(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(ALERTS + BURST.removeprefix("rules:\n"))))
        for t in range(0, 200, 10):
            clock.advance(seconds=10)
            await give(journal, signal(f"n{t % 3}", t), batch(f"b{t}", t, ("error", "x")), command("bogus", t))
            loop.lease = await journal.renew(loop.lease, ttl_s=15)
            if t % 30 == 0:
                await drain(loop)
        clock.advance(seconds=9)
        await drain(loop)
        out = [decision.to_json() for decision in await decided(journal)]
        assert len(out) > 20
        assert replayed(await all_inputs(journal), ALERTS + BURST.removeprefix("rules:\n")) == out

    on_journal(tmp_path, clock, flow)


def test_a_replay_sets_aside_what_the_engine_broke_on(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(ALERTS)))
        # A moment that can be told, and not written: it lies before the year 1 of UTC.
        odd = signal("odd").to_json().replace(b"2026-11-21T10:00:00.000000Z", b"0001-01-01T00:00:00+14:00", 1)
        await journal.append(INPUTS, [NewRecord("signal", odd)])
        await give(journal, signal("a"))
        await drain(loop)
        out = await decided(journal)
        assert [decision.kind for decision in out].count("signal.quarantined") == 1
        again = replayed(await all_inputs(journal), ALERTS)
        assert again == [decision.to_json() for decision in out] and len(out) == 4

    on_journal(tmp_path, clock, flow)


def test_a_backlog_is_decided_in_larger_batches_as_it_would_have_been_one_by_one(
    tmp_path: Path, clock: ManualClock
) -> None:
    """With an input that breaks the engine far inside such a batch, after parts of it were decided."""

    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Trap(rules(ALERTS)))
        backlog = [signal(f"s{number}", service=f"service {number % 700}") for number in range(BATCH + BEHIND + 300)]
        backlog[BATCH + BEHIND - 100] = signal("trap", title="trap")
        await give(journal, *backlog)
        sizes: list[int] = []
        while await journal.head(INPUTS) > loop.position:
            before = loop.position
            await loop.step()
            sizes.append(loop.position - before)
        assert BEHIND in sizes and sum(sizes) == len(backlog) + 1
        out = await decided(journal)
        assert sum(decision.kind == "signal.quarantined" for decision in out) == 1
        again = replay(await all_inputs(journal), Trap(rules(ALERTS)))
        assert [decision.to_json() for decision in out] == [decision.to_json() for decision in again]

    on_journal(tmp_path, clock, flow)


def test_work_abandoned_before_its_commit_is_done_once_by_the_next(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        first = await holding(journal, Engine(rules(BURST)))
        await give(journal, batch("b0", 0, ("error", "x"), ("error", "y")))
        await drain(first)
        await give(journal, batch("b1", 1, ("error", "z")))
        crashing = Crashing(journal, first.engine, first.lease, ttl_s=15.0, meters=first.meters)
        await crashing.restore()
        with pytest.raises(asyncio.CancelledError):
            await crashing.step()
        await crashing.release()
        before = await decided(journal)
        second = await holding(journal, Engine(rules(BURST)), owner="two")
        await drain(second)
        out = await decided(journal)
        assert [decision.kind for decision in out[len(before) :]] == ["incident.opened", "playbook.selected"]
        assert replayed(await all_inputs(journal), BURST) == [decision.to_json() for decision in out]

    on_journal(tmp_path, clock, flow)


class Crashing(Triage):
    """A loop that dies when it has decided and is about to commit."""

    async def _write(self, *_: object) -> None:  # type: ignore[override]
        raise asyncio.CancelledError


class Reluctant:
    """The journal, but for its first units: they are refused, without a trace."""

    def __init__(self, journal: SqliteJournal, refusals: list[Exception]) -> None:
        self._journal, self.refusals = journal, refusals

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        return getattr(self._journal, name)

    def unit(self, *, lease=None):  # type: ignore[no-untyped-def]
        if self.refusals:
            raise self.refusals.pop()
        return self._journal.unit(lease=lease)


def test_a_journal_that_cannot_write_is_waited_for_and_the_same_is_decided(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        reluctant = Reluctant(journal, [])
        loop = await holding(reluctant, Engine(rules(ALERTS)))  # type: ignore[arg-type]
        await give(journal, signal("a"))
        reluctant.refusals += [Busy("full", 0.001), Unavailable("no space", 0.001)]
        await drain(loop)
        assert reluctant.refusals == []
        assert replayed(await all_inputs(journal), ALERTS) == [d.to_json() for d in await decided(journal)]

    on_journal(tmp_path, clock, flow)


def test_an_evicted_owner_stops_and_has_written_nothing(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        first = await holding(journal, Engine(rules(ALERTS)))
        await drain(first)
        clock.advance(seconds=60)
        second = await holding(journal, Engine(rules(ALERTS)), owner="two")
        await give(journal, signal("a", 60))
        with pytest.raises(LeaseLost):
            await first.step()
        first.lease = second.lease.__class__("triage", "one", first.lease.token, second.lease.expires_at)
        with pytest.raises(LeaseLost):
            await first.step()
        await drain(second)
        assert [d.kind for d in await decided(journal)] == ["rules.activated", "incident.opened", "playbook.selected"]

    on_journal(tmp_path, clock, flow)


def test_somebody_elses_move_of_the_position_is_a_conflict(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(ALERTS)))
        async with journal.unit() as unit:
            unit.move("triage", INPUTS, old=0, new=1)
        with pytest.raises(Conflict):
            await loop.step()

    on_journal(tmp_path, clock, flow)


def test_the_standby_takes_over_when_the_owner_lets_go(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        engine = Engine(rules(ALERTS))
        owner = asyncio.create_task(run(journal, engine, owner="one", ttl_s=0.3))
        await journal.wait(DECISIONS, after=0, timeout_s=10)
        standby = asyncio.create_task(run(journal, Engine(rules(ALERTS)), owner="two", ttl_s=0.3))
        owner.cancel()
        with suppress(asyncio.CancelledError):
            await owner
        await give(journal, signal("a"))
        assert await journal.wait(DECISIONS, after=1, timeout_s=10)
        standby.cancel()
        with suppress(asyncio.CancelledError):
            await standby
        assert [d.kind for d in await decided(journal)][:2] == ["rules.activated", "incident.opened"]

    on_journal(tmp_path, clock, flow)


def test_rules_that_changed_while_it_was_down_apply_from_their_activation_on(
    tmp_path: Path, clock: ManualClock
) -> None:
    async def flow(journal: SqliteJournal) -> None:
        first = await holding(journal, Engine(rules(ALERTS)))
        await drain(first)
        await first.release()
        await give(journal, signal("a"))
        second = await holding(journal, Engine(rules(BURST)), owner="two")
        await give(journal, signal("b", service="search"))
        await drain(second)
        out = await decided(journal)
        assert [d.kind for d in out] == ["rules.activated", "incident.opened", "playbook.selected", "rules.activated"]
        assert out[3].data["data"]["added"] == ["burst"]
        await second.release()
        third = await holding(journal, Engine(rules(BURST)), owner="three")
        await drain(third)
        assert len(await decided(journal)) == len(out)

    on_journal(tmp_path, clock, flow)


def test_rules_are_reloaded_by_a_command_from_anywhere(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(BURST)))
        await drain(loop)
        async with journal.unit() as unit:
            rulesets.activate(unit, rules(ALERTS), author="human:ann", reason="edited", origin="cli", at=clock.now())
        await give(journal, signal("a"))
        await drain(loop)
        activated, opened = (await decided(journal))[1:3]
        assert activated.because == "1 rules in force by human:ann: edited: 1 new, 0 changed, 1 gone"
        assert opened.kind == "incident.opened"

    on_journal(tmp_path, clock, flow)
