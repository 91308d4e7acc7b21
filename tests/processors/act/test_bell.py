"""A page goes out when nothing can be written, once, and is recorded afterwards."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from connectors.journal.emergency import EmergencyJournal
from connectors.ports.bell import Bell
from connectors.ports.journal import Unavailable
from processors.act import Ringer
from processors.act.rung import record_pages
from tests.support.action_port import Killed, ScriptedPort


class FullDisk:
    """A journal that can be read and not written while `full`."""

    def __init__(self, journal):
        self._journal, self.full = journal, False

    def __getattr__(self, name):
        return getattr(self._journal, name)

    def _refuse(self):
        if self.full:
            raise Unavailable("no space left on the device", retry_after_s=0.005)

    def unit(self, *, lease=None):
        return self._unit(lease)

    @asynccontextmanager
    async def _unit(self, lease):
        self._refuse()
        async with self._journal.unit(lease=lease) as unit:
            yield unit

    async def claim(self, *args, **settings):
        self._refuse()
        return await self._journal.claim(*args, **settings)

    async def renew_job(self, *args, **settings):
        self._refuse()
        return await self._journal.renew_job(*args, **settings)


@pytest.fixture
def bell(tmp_path):
    journal = EmergencyJournal(tmp_path / "emergency", slots=8)
    yield journal
    journal.close()


def page(make, **fields):
    return make.action(kind="page", **fields)


@pytest.fixture
def town(make, bell):
    """A world with a bell and a pager; `town.again()` is the same after a restart of everything but the files."""

    def build(*script, effect="at_least_once"):
        port = ScriptedPort("page", effect=effect, script=list(script))
        ringer = Ringer(bell, {"page": port}, pauses_s=(0.0, 0.0))
        world = make.world(port, journal_of=FullDisk, ringer=ringer)
        world.port = port
        return world

    return build


def restarted(world, bell):
    world.ringer = Ringer(bell, world.ports, pauses_s=(0.0,))
    world.act = type(world.act)(world.journal, world.preparation, ringer=world.ringer)
    return world


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def working(world):
    task = asyncio.create_task(world.worker().run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_the_emergency_journal_is_a_bell(bell):
    checked: Bell = bell
    assert checked.record("page.attempted", "k", b"{}") and not checked.record("page.attempted", "k", b"{}")


@pytest.mark.parametrize("restart", [False, True])
def test_a_page_proposed_before_the_disk_was_full_goes_out_and_is_recorded_when_it_is_not(town, make, bell, restart):
    async def run():
        world = town()
        world.journal.full = True
        task = asyncio.create_task(_propose(world, page(make)))
        async with world.acting():
            await until(lambda: world.port.effects)
            for _ in range(3):
                await asyncio.sleep(0.01)
            assert world.port.effects == ["key_1"] and await world.real.head("decisions") == 1
        if restart:
            restarted(world, bell)
        async with world.acting():
            world.journal.full = False
            await task
            await world.work()
        assert await world.kinds() == ["approved", "attempted", "succeeded"]
        assert world.port.effects == ["key_1"] and bell.pending() == [] and len(await world.outcomes()) == 1

    asyncio.run(run())


async def _propose(world, proposed):
    await world.propose(proposed)


@pytest.mark.parametrize("restart", [False, True])
def test_an_approved_page_goes_out_although_no_job_can_be_claimed(town, make, bell, restart):
    async def run():
        world = town()
        async with world.acting():
            await world.propose(page(make))
        world.journal.full = True
        async with working(world):
            await until(lambda: world.port.effects)
            await asyncio.sleep(0.02)
        if restart:
            restarted(world, bell)
        world.journal.full = False
        await world.work()
        assert await world.kinds() == ["approved", "attempted", "succeeded"]
        assert world.port.effects == ["key_1"] and bell.pending() == []

    asyncio.run(run())


@pytest.mark.parametrize("restart", [False, True])
def test_a_page_whose_answer_cannot_be_written_is_not_sent_again(town, make, bell, restart):
    async def run():
        world = town()
        async with world.acting():
            await world.propose(page(make))
        execute = world.port.execute

        async def fill_the_disk(arguments, key):
            world.journal.full = True
            return await execute(arguments, key)

        world.port.execute = fill_the_disk
        async with working(world):
            await until(lambda: any(note.kind == "page.done" for note in bell.pending()))
            if not restart:
                world.journal.full = False
                async with asyncio.timeout(20):
                    while (await world.row()).state != "succeeded":
                        await asyncio.sleep(0.005)
        if restart:
            restarted(world, bell)
            world.journal.full = False
            world.advance(3600)
            await world.work()
        assert await world.kinds() == ["approved", "attempted", "succeeded"]
        assert world.port.effects == ["key_1"] and bell.pending() == []

    asyncio.run(run())


def test_other_actions_wait_for_the_journal(town, make, bell):
    async def run():
        world = town()
        other = ScriptedPort("wiki.note")
        world.ports["wiki.note"] = other
        async with world.acting():
            await world.propose(make.action())
        world.journal.full = True
        async with working(world):
            await asyncio.sleep(0.05)
        assert other.calls == [] and bell.pending() == []

    asyncio.run(run())


def test_a_page_that_does_not_go_out_is_tried_again_by_the_bell(town, make, bell):
    async def run():
        world = town("later", "later", "later", "done")
        async with world.acting():
            await world.propose(page(make))
        world.journal.full = True
        async with working(world):
            await until(lambda: world.port.effects)
        assert len(world.port.calls) == 4

    asyncio.run(run())


def test_a_bell_that_cannot_note_rings_all_the_same_and_once_a_process(town, make, bell):
    for number in range(8):
        bell.record("other", str(number), b"{}")

    async def run():
        world = town()
        async with world.acting():
            await world.propose(page(make))
        world.journal.full = True
        async with working(world):
            await until(lambda: world.port.effects)
            await asyncio.sleep(0.03)
        world.journal.full = False
        await world.work()
        assert world.port.effects == ["key_1"] and await world.kinds() == ["approved", "attempted", "succeeded"]

    asyncio.run(run())


@pytest.mark.parametrize("answer", ["done", "killed_after"])
def test_a_page_only_the_bell_knows_of_is_recorded_after_a_while(town, make, bell, answer):
    async def run():
        world = town(answer)
        with suppress(Killed):
            await world.ringer.ring(page(make, id="act_emergency"), now=world.clock.now())
        restarted(world, bell)
        assert await record_pages(world.real, world.ringer) == 0 and bell.pending()
        world.advance(901)
        assert await record_pages(world.real, world.ringer) == 1
        ended = "succeeded" if answer == "done" else "failed"
        kinds = [decision.kind for decision in await world.decided()]
        assert (
            kinds == ["action.attempted", f"action.{ended}"]
            and bell.pending() == []
            and world.port.effects == ["key_1"]
        )
        assert await record_pages(world.real, world.ringer) == 0

    asyncio.run(run())


def test_the_usual_way_takes_over_a_page_the_bell_sent_under_the_same_key(town, make, bell):
    async def run():
        world = town()
        await world.ringer.ring(page(make, id="act_emergency"), now=world.clock.now())
        async with world.acting():
            await world.propose(page(make))
            await world.work()
        assert world.port.effects == ["key_1"] and await world.kinds() == ["approved", "attempted", "succeeded"]
        assert bell.pending() == [] and await record_pages(world.real, world.ringer) == 0

    asyncio.run(run())


@pytest.mark.parametrize("answer", ["later", "lost_request"])
def test_a_page_that_its_remote_put_off_goes_out_although_that_cannot_be_written(town, make, bell, answer):
    async def run():
        world = town(answer)
        execute = world.port.execute

        async def filling_the_disk(arguments, key):
            world.journal.full = True
            return await execute(arguments, key)

        world.port.execute = filling_the_disk
        async with world.acting():
            await world.propose(page(make))
        async with working(world):
            await until(lambda: world.port.effects)
            world.port.execute = execute
            world.journal.full = False
            async with asyncio.timeout(20):
                while (await world.row()).state == "executing":
                    await asyncio.sleep(0.002)
        await world.work()
        assert (await world.row()).state == "succeeded"
        assert world.port.effects == ["key_1"] and bell.pending() == [] and len(await world.outcomes()) == 1

    asyncio.run(run())


def test_a_page_of_unknown_outcome_goes_out_again_although_no_job_can_be_claimed(town, make, bell):
    async def run():
        world = town("lost_request")
        async with world.acting():
            await world.propose(page(make))
        assert await world.worker().work_one(timeout_s=0)
        assert (await world.row()).state == "unknown"
        world.journal.full = True
        async with working(world):
            await until(lambda: world.port.effects)
        world.journal.full = False
        await world.work()
        assert (await world.row()).state == "succeeded" and world.port.effects == ["key_1"]

    asyncio.run(run())
