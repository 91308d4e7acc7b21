"""While many inputs come, rows are stored less often than decisions, and whoever takes over decides the same from there on."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.journal.sqlite import SqliteJournal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import INPUTS
from processors.triage.fold import replay
from processors.triage.loop import BUSY, STORE_EVERY, Triage
from processors.triage.standing import CONSUMER, STORED, progress, standing
from rules.engine import Engine
from schemas.signal import Signal
from tests.support.rule_world import at, command, rules, signal
from tests.support.triaging import Trap, all_inputs, decided, drain, give, holding, on_journal

RULES = """rules:
  - {name: alerts, when: type == 'alert', group_by: [service], playbook: p, group_wait: 5s, group_interval: 20s, repeat_interval: 1h}
  - {name: burst, when: type == 'alert', group_by: [labels.pod], match: {count: 3, within: 5m}, playbook: p, resolve_after: 30s}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at(0))


def many(first: int, number: int = BUSY, t: float = 0) -> Sequence[Signal]:
    return [
        signal(f"s{n}", t, service=f"service {n % 7}", labels={"pod": f"pod-{n % 31}"})
        for n in range(first, first + number)
    ]


async def rows_of(journal: SqliteJournal) -> dict[str, bytes]:
    return dict(await journal.scan("triage"))


async def same_as_a_replay(journal: SqliteJournal, engine: Engine) -> None:
    again = replay(await all_inputs(journal), engine)
    assert [each.to_json() for each in await decided(journal)] == [each.to_json() for each in again]


def test_while_many_inputs_come_decisions_are_stored_and_rows_are_not_yet(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(RULES)))
        await drain(loop)
        before = await rows_of(journal)
        await give(journal, *many(0))
        assert await loop.step() == BUSY
        assert await rows_of(journal) == before
        assert await progress(journal) == (1, 1 + BUSY)
        assert {each.kind for each in await decided(journal)} >= {"incident.opened", "playbook.held"}
        opened = {each.incident_id for each in await decided(journal) if each.kind == "incident.opened"}
        assert {name for name, _ in await journal.scan("incidents")} == opened
        await give(journal, *many(BUSY, 1))
        await loop.step()
        assert await progress(journal) == (2 + BUSY, 2 + BUSY)
        assert len(await rows_of(journal)) > BUSY

    on_journal(tmp_path, clock, flow)


def test_rows_are_stored_once_no_input_comes(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(RULES)))
        await drain(loop)
        await give(journal, *many(0))
        await loop.step()
        assert await loop.step() == 0
        assert await progress(journal) == (1 + BUSY, 1 + BUSY)
        incidents = [orjson.loads(row) for _, row in await journal.scan("incidents")]
        assert sum(each["signals"] for each in incidents if each["rule"] == "alerts") == BUSY

    on_journal(tmp_path, clock, flow)


def test_rows_are_stored_after_many_inputs_however_many_more_come(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules("rules: []")))
        await drain(loop)
        await give(journal, *many(0, STORE_EVERY + 500))
        while await journal.head(INPUTS) > loop.position:
            await loop.step()
            stored, position = await progress(journal)
            assert position - stored < STORE_EVERY
        assert stored > 1

    on_journal(tmp_path, clock, flow)


def test_what_a_command_changed_stands_in_the_rows_at_once(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(RULES)))
        await drain(loop)
        silence = command("silence", matcher='labels.pod == "pod-1"', until="2026-11-21T11:00:00Z", reason="because")
        await give(journal, *many(0), silence)
        await loop.step()
        assert any(key.startswith("silence/") for key in await rows_of(journal))

    on_journal(tmp_path, clock, flow)


def test_whoever_lets_go_leaves_nothing_to_decide_again(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Engine(rules(RULES)))
        await drain(loop)
        await give(journal, *many(0))
        await loop.step()
        await loop.release()
        assert await progress(journal) == (1 + BUSY, 1 + BUSY)
        assert len(await rows_of(journal)) > BUSY

    on_journal(tmp_path, clock, flow)


class Dying(Triage):
    """A loop that is cancelled when it stores rows, once its changes are taken."""

    async def _write(self, done) -> None:  # type: ignore[no-untyped-def]
        if done.stores:
            raise asyncio.CancelledError
        await super()._write(done)


class Older(Triage):
    """A loop of the version that stored rows with every decision, and knew one position alone."""

    def _stores(self, *_: object) -> bool:
        return True

    async def _write(self, done) -> None:  # type: ignore[no-untyped-def]
        await super()._write(replace(done, stores=False))


def test_whoever_dies_while_rows_are_stored_has_stored_none(tmp_path: Path, clock: ManualClock) -> None:
    async def flow(journal: SqliteJournal) -> None:
        await drain(await holding(journal, Engine(rules(RULES))))
        dying = await holding(journal, Engine(rules(RULES)), kind=Dying)
        await give(journal, *many(0))
        await dying.step()
        before = await rows_of(journal)
        with pytest.raises(asyncio.CancelledError):
            await dying.step()
        await dying.release()
        assert await rows_of(journal) == before and await progress(journal) == (1, 1 + BUSY)
        await give(journal, *many(0, 2 * BUSY, t=1))
        await drain(await holding(journal, Engine(rules(RULES)), owner="two"))
        await same_as_a_replay(journal, Engine(rules(RULES)))

    on_journal(tmp_path, clock, flow)


def test_an_input_that_broke_the_engine_is_set_aside_again_by_whoever_takes_over(
    tmp_path: Path, clock: ManualClock
) -> None:
    async def flow(journal: SqliteJournal) -> None:
        loop = await holding(journal, Trap(rules(RULES)))
        await drain(loop)
        await give(journal, *many(0, BUSY // 2), signal("trap", title="trap"), *many(BUSY // 2))
        await loop.step()
        await loop.step()
        assert await progress(journal) == (1, BUSY // 2 + BUSY + 2)
        other = await holding(journal, Trap(rules(RULES)), owner="one")
        await give(journal, *many(0, 10, t=1), signal("new", 2))
        await drain(other)
        assert [each.kind for each in await decided(journal)].count("signal.quarantined") == 1
        await same_as_a_replay(journal, Trap(rules(RULES)))

    on_journal(tmp_path, clock, flow)


def test_rows_of_a_version_that_stored_them_with_every_decision_are_taken_over(
    tmp_path: Path, clock: ManualClock
) -> None:
    async def flow(journal: SqliteJournal) -> None:
        older = await holding(journal, Engine(rules(RULES)), kind=Older)
        await drain(older)
        await give(journal, *many(0))
        await drain(older)
        assert await journal.position(STORED, INPUTS) == 0 and await journal.position(CONSUMER, INPUTS) == 1 + BUSY
        loop = await holding(journal, Engine(rules(RULES)))
        assert await progress(journal) == (1 + BUSY, 1 + BUSY) == (loop.position, loop.position)
        assert await journal.position(STORED, INPUTS) == loop.position
        await give(journal, *many(0, 2 * BUSY, t=1))
        await drain(loop)
        await same_as_a_replay(journal, Engine(rules(RULES)))

    on_journal(tmp_path, clock, flow)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("many"), st.integers(0, 200), st.integers(BUSY, 3 * BUSY)),
        st.tuples(st.just("few"), st.integers(0, 200), st.integers(1, 5)),
        st.tuples(st.just("later"), st.integers(1, 15), st.just(0)),
        st.tuples(st.just("killed"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_killed_after_any_commit_the_next_one_decides_as_if_nothing_had_been(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    clock = ManualClock(at(0))

    async def flow(journal: SqliteJournal) -> None:
        loop, t = await holding(journal, Engine(rules(RULES))), 0.0
        for step, number, size in steps:
            if step == "later":
                t += number
                clock.advance(seconds=number)
                loop.lease = await journal.renew(loop.lease, ttl_s=15)
                await loop._tick(journal.now())
            elif step == "killed":
                # The owner of the same name gets its lease anew; nothing of the old loop's memory lives on.
                loop = await holding(journal, Engine(rules(RULES)))
            else:
                await give(journal, *many(number, size, t))
            while await journal.head(INPUTS) > loop.position:
                await loop.step()
        found = await standing(journal, Engine(rules(RULES)))
        assert dict(found.state.rows.looked_through()) == dict(loop.state.rows.looked_through())
        await same_as_a_replay(journal, Engine(rules(RULES)))

    on_journal(tmp_path_factory.mktemp("journal"), clock, flow)
