"""Each effect class keeps its own promise, whatever is answered, lost or killed."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from connectors.ports.journal import LeaseLost
from tests.support.action_port import Killed, ScriptedPort

HOUR_S = 3600


def lived(make, port, proposed=None, **settings):
    """Propose, work to the end; the world after it."""

    async def run():
        world = make.world(port, **settings)
        async with world.acting():
            await world.propose(proposed or make.action())
        await world.work()
        return world, await world.kinds(), await world.row(), await world.outcomes()

    return asyncio.run(run())


@pytest.mark.parametrize("effect", ["keyed", "look_first", "at_least_once"])
def test_what_is_let_act_happens_once_and_triage_learns_of_it(make, effect):
    port = ScriptedPort(effect=effect)
    _, kinds, row, outcomes = lived(make, port)
    assert kinds == ["approved", "attempted", "succeeded"] and port.effects == ["key_1"]
    assert (row.state, row.attempts, row.effect, row.decided_by) == ("succeeded", 1, effect, "system")
    assert row.rendered == "A note: {'text': 'hello', 'on': 'inc_1'}"
    assert [command.data["external"]["id"] for command in outcomes] == ["note_key_1"]
    assert outcomes[0].incident_id == "inc_1" and outcomes[0].data["state"] == "succeeded"


@pytest.mark.parametrize("effect", ["keyed", "look_first", "at_least_once"])
def test_later_is_tried_again_without_doubt_about_it(make, effect):
    port = ScriptedPort(effect=effect, script=["later", "later", "done"])
    _, kinds, row, _ = lived(make, port)
    assert kinds == ["approved", "attempted", "attempted", "attempted", "succeeded"]
    assert port.effects == ["key_1"] and port.looks == 0 and row.attempts == 3


def test_a_no_is_final(make):
    port = ScriptedPort(script=["rejected"])
    _, kinds, row, outcomes = lived(make, port)
    assert kinds == ["approved", "attempted", "failed"] and row.error == "400: no such page"
    assert port.effects == [] and outcomes == []


def test_what_failed_is_tried_once_more_each_time_a_person_asks_for_it(make):
    port = ScriptedPort(script=["rejected", "rejected", "done"])

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
            await world.work()
            for number in (1, 2, 3):
                await world.say("approve", number=number)
                await world.work()
            await world.say("deny", number=4)
        once_more = ["approved", "attempted"]
        assert await world.kinds() == [
            *once_more,
            "failed",
            *once_more,
            "failed",
            *once_more,
            "succeeded",
            *2 * ["command.refused"],
        ]
        assert port.effects == ["key_1"] and len(await world.outcomes()) == 1
        approved = [each for each in await world.decided() if each.kind == "action.approved"]
        assert "once more, after it failed" in approved[1].because and len({each.id for each in approved}) == 3
        assert (await world.row()).decided_by == "human:ada"

    asyncio.run(run())


@pytest.mark.parametrize("answer", ["lost_answer", "killed_after", "lost_request", "killed_before", "slow", "fault"])
def test_a_keyed_effect_is_asked_for_again_and_happens_once(make, answer):
    port = ScriptedPort(effect="keyed", script=[answer])
    _, kinds, _, outcomes = lived(make, port)
    assert kinds == ["approved", "attempted", "unknown", "attempted", "succeeded"]
    assert port.effects == ["key_1"] and port.calls == ["key_1", "key_1"] and len(outcomes) == 1


@pytest.mark.parametrize("answer", ["lost_answer", "killed_after"])
def test_a_look_first_effect_that_stands_there_is_found_and_not_repeated(make, answer):
    port = ScriptedPort(effect="look_first", script=[answer])
    _, kinds, row, outcomes = lived(make, port)
    assert kinds == ["approved", "attempted", "unknown", "reconciled", "succeeded"]
    assert port.effects == ["key_1"] and port.calls == ["key_1"]
    assert row.result["repeated"] is True and len(outcomes) == 1


@pytest.mark.parametrize("answer", ["lost_request", "killed_before", "slow", "fault"])
def test_a_look_first_effect_that_is_not_there_is_asked_for_again(make, answer):
    port = ScriptedPort(effect="look_first", script=[answer, "later", "done"])
    _, kinds, _, _ = lived(make, port)
    assert kinds == ["approved", "attempted", "unknown", "attempted", "succeeded"]
    assert port.effects == ["key_1"] and port.looks == 2


@pytest.mark.parametrize("answer", ["lost_answer", "killed_after"])
def test_an_at_least_once_effect_happens_twice_rather_than_never(make, answer):
    port = ScriptedPort(effect="at_least_once", script=[answer])
    _, kinds, _, _ = lived(make, port)
    assert kinds == ["approved", "attempted", "unknown", "attempted", "succeeded"] and port.effects == [
        "key_1",
        "key_1",
    ]


@pytest.mark.parametrize("answer", ["lost_answer", "lost_request", "killed_after"])
def test_an_ask_effect_of_unknown_outcome_waits_for_a_person(make, answer):
    port = ScriptedPort(effect="ask", script=[answer])

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
            assert (await world.row()).state == "proposed" and port.calls == []
            await world.say("approve")
            await world.work(for_s=3 * HOUR_S)
            assert (await world.row()).state == "unknown" and len(port.calls) == 1
            await world.say("approve", number=2)
            await world.work()
        assert await world.kinds() == [
            "proposed",
            "approved",
            "attempted",
            "unknown",
            "approved",
            "attempted",
            "succeeded",
        ]

    asyncio.run(run())


def test_an_action_is_given_up_a_day_after_its_approval(make):
    port = ScriptedPort(script=["later"] * 100)
    world, kinds, row, _ = lived(make, port)
    assert kinds[-1] == "failed" and set(kinds[1:-1]) == {"attempted"} and port.effects == []
    assert 25 < len(port.calls) < 32 and row.error == "503 from the wiki"
    last = asyncio.run(world.decided())[-1]
    assert 24 * HOUR_S <= (last.at - make.START) / 1e6 < 25.5 * HOUR_S


def test_a_remote_that_asks_for_more_time_gets_it(make):
    port = ScriptedPort(script=["much_later", "done"])
    world, *_ = lived(make, port)
    first, second = (decision.at for decision in asyncio.run(world.decided()) if decision.kind == "action.attempted")
    assert 1000 <= (second - first) / 1e6 < 1100


def test_another_action_with_the_same_key_is_the_same_effect(make):
    port = ScriptedPort(effect="look_first")

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
            await world.work()
            await world.propose(make.action(id="act_2"))
            await world.work()
        assert (await world.row("act_2")).state == "succeeded" and port.calls == ["key_1"]

    asyncio.run(run())


class Killing:
    """The journal of a process that is killed at its `nth` write: before it is durable, or right after."""

    def __init__(self, journal, nth, after):
        self._journal, self.left, self._after = journal, nth, after

    def __getattr__(self, name):
        return getattr(self._journal, name)

    def unit(self, *, lease=None):
        return self._unit(lease)

    @asynccontextmanager
    async def _unit(self, lease):
        self.left -= 1
        if self.left == 0 and not self._after:
            raise Killed
        async with self._journal.unit(lease=lease) as unit:
            yield unit
        if self.left == 0:
            raise Killed

    async def claim(self, *args, **settings):
        job = await self._journal.claim(*args, **settings)
        self.left -= 1
        if self.left == 0:
            raise Killed
        return job

    async def renew_job(self, *args, **settings):
        self.left -= 1
        if self.left == 0 and not self._after:
            raise Killed
        job = await self._journal.renew_job(*args, **settings)
        if self.left == 0:
            raise Killed
        return job


@pytest.mark.parametrize("effect", ["keyed", "look_first"])
@pytest.mark.parametrize("script", [[], ["lost_answer"], ["later"], ["killed_after"]])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_there_is_one_effect_and_one_end(make, effect, script, after):
    async def run(nth):
        port = ScriptedPort(effect=effect, script=script)
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
        world.journal = killing = Killing(world.real, nth, after)
        await world.work()
        kinds = await world.kinds()
        assert port.effects == ["key_1"], (nth, kinds)
        assert kinds.count("succeeded") == 1 and kinds[-1] == "succeeded" and len(await world.outcomes()) == 1
        ids = [decision.id for decision in await world.decided()]
        assert len(ids) == len(set(ids))
        return killing.left <= 0

    nth = 1
    while asyncio.run(run(nth)):
        nth += 1
    assert nth > 4


def test_a_worker_whose_lease_passed_on_causes_no_effect(make):
    port = ScriptedPort()

    class Slept:
        """The journal of a worker that sleeps past its lease just before it writes that it is going to act."""

        def __init__(self, world):
            self._world, self._slept = world, False

        def __getattr__(self, name):
            return getattr(self._world.real, name)

        async def renew_job(self, job, **settings):
            if not self._slept:
                self._slept = True
                self._world.advance(3600)
                assert await self._world.other.work_one(timeout_s=0)
            return await self._world.real.renew_job(job, **settings)

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
        world.other = world.worker()
        world.journal = Slept(world)
        with pytest.raises(LeaseLost):
            await world.worker().work_one(timeout_s=0)
        assert port.calls == ["key_1"] and await world.kinds() == ["approved", "attempted", "succeeded"]

    asyncio.run(run())


def test_a_call_in_flight_when_the_program_stops_gets_its_answer_written_down(make):
    port, called, answer = ScriptedPort(effect="ask"), asyncio.Event(), asyncio.Event()
    execute = port.execute

    async def slowly(arguments, key):
        called.set()
        await answer.wait()
        return await execute(arguments, key)

    async def run():
        port.execute = slowly
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
            await world.say("approve")
        working = asyncio.create_task(world.worker().run())
        await called.wait()
        working.cancel()
        asyncio.get_running_loop().call_soon(answer.set)
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await world.kinds() == ["proposed", "approved", "attempted", "succeeded"]

    asyncio.run(run())
