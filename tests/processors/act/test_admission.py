"""What becomes of a proposal, and what people can do about it."""

import asyncio

import pytest

from processors.act.rows import OPEN
from tests.support.action_port import ScriptedPort

HOUR_S = 3600


def test_without_credentials_the_action_is_rendered_in_full_and_stays_proposed(make):
    port = ScriptedPort()
    port.lacks = "no credential: set api_key for wiki"

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
        decision = (await world.decided())[-1]
        assert (decision.kind, decision.actor, decision.because) == (
            "action.proposed",
            "system",
            "not sent: no credential: set api_key for wiki",
        )
        assert decision.data["action"]["rendered"] == "A note: {'text': 'hello', 'on': 'inc_1'}"
        assert decision.data["action"]["withheld"] == port.lacks
        assert await world.real.pending("act") == 0 and await world.real.scan(OPEN) == []
        await world.work()
        assert port.calls == []

    asyncio.run(run())


@pytest.mark.parametrize("autonomy", ["act", "propose", "observe"])
def test_nothing_of_a_rehearsal_is_ever_sent_even_if_approved(make, autonomy):
    port = ScriptedPort()

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action(rehearsal=True, autonomy=autonomy))
            await world.say("approve")
            await world.work()
        assert await world.kinds() == ["proposed", "command.refused"] and port.calls == []
        assert (await world.decided())[1].rehearsal and (await world.row()).rendered

    asyncio.run(run())


def test_an_observed_action_is_recorded_and_nothing_else(make):
    port = ScriptedPort()

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action(autonomy="observe"))
            await world.say("approve")
            await world.work()
        assert await world.kinds() == ["proposed", "command.refused"] and port.calls == []

    asyncio.run(run())


def test_a_proposed_action_waits_for_approval_and_says_who_gave_it(make):
    port = ScriptedPort()

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action(autonomy="propose"))
            await world.work(for_s=2 * HOUR_S)
            assert port.calls == [] and (await world.row()).expires_at is not None
            await world.say("approve")
            await world.say("approve", number=2)
            await world.say("deny")
            await world.work()
        assert await world.kinds() == [
            "proposed", "approved", "command.refused", "command.refused", "attempted", "succeeded",
        ]  # fmt: skip
        approval = (await world.decided())[2]
        assert approval.actor == "human:ada" and approval.because == "human:ada approved wiki.note: because"
        assert approval.cause == ("act_1", "cmd_approve_1") and port.effects == ["key_1"]

    asyncio.run(run())


def test_a_denied_action_is_never_executed(make):
    port = ScriptedPort()

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action(autonomy="propose"))
            await world.say("deny")
            await world.say("approve")
            await world.work()
        assert await world.kinds() == ["proposed", "denied", "command.refused"] and port.calls == []
        assert "denied already by human:ada" in (await world.decided())[-1].because

    asyncio.run(run())


def test_a_proposal_expires_at_its_time_and_cannot_be_approved_afterwards(make):
    port = ScriptedPort()

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action(autonomy="propose"))
            due = (await world.row()).expires_at
            assert due == world.clock.now() + 24 * HOUR_S * 1_000_000
            world.advance(24 * HOUR_S + 7)
            await world.say("approve")
            await world.work()
            await world.say("approve", number=2)
        assert await world.kinds() == ["proposed", "command.refused", "expired", "command.refused"]
        expired = (await world.decided())[3]
        assert expired.at == due and port.calls == [] and await world.real.scan(OPEN) == []

    asyncio.run(run())


def test_a_command_about_an_unknown_action_is_refused(make):
    async def run():
        world = make.world(ScriptedPort())
        async with world.acting():
            await world.say("approve", "act_9")
        decision = (await world.decided())[0]
        assert decision.kind == "command.refused" and "no action 'act_9' is known" in decision.because

    asyncio.run(run())


def test_an_action_withheld_for_its_credentials_can_be_approved_once_they_are_there(make):
    port = ScriptedPort()
    port.lacks = "no credential"

    async def run():
        world = make.world(port)
        async with world.acting():
            await world.propose(make.action())
            await world.say("approve")
            port.lacks = None
            await world.say("approve", number=2)
            await world.work()
        assert await world.kinds() == ["proposed", "command.refused", "approved", "attempted", "succeeded"]
        assert (await world.row()).withheld is None

    asyncio.run(run())


def test_a_kind_that_nothing_offers_is_kept_as_it_stands(make):
    async def run():
        world = make.world()
        async with world.acting():
            await world.propose(make.action(kind="wiki.nite"))
        row = await world.row()
        assert row.withheld == "no configured connector offers 'wiki.nite'" and '"text": "hello"' in row.rendered

    asyncio.run(run())


def test_a_comment_waits_until_the_issue_is_there(make):
    create, comment = ScriptedPort("wiki.create", script=["later"]), ScriptedPort("wiki.comment", needs_issue=True)

    async def run():
        world = make.world(create, comment)
        async with world.acting():
            await world.propose(make.action(id="act_c", kind="wiki.comment", idempotency_key="key_c"))
            await world.propose(make.action(id="act_i", kind="wiki.create", autonomy="propose"))
            await world.work(for_s=5 * HOUR_S)
            assert comment.calls == [] and (await world.row("act_c")).state == "proposed"
            await world.say("approve", "act_i")
            await world.work(for_s=600)
            assert comment.calls == []
            outcome = (await world.outcomes())[0]
            world.incidents.known["inc_1"] = make.incident(external=(outcome.data["external"],))
            await world.work(for_s=180)
        assert comment.effects == ["key_c"] and (await world.row("act_c")).arguments["on"] == "note_key_1"

    asyncio.run(run())


def test_what_cannot_be_completed_while_nothing_more_is_to_come_fails_soon_and_says_why(make):
    async def run():
        world = make.world(ScriptedPort("wiki.comment", needs_issue=True))
        async with world.acting():
            await world.propose(make.action(kind="wiki.comment"))
            await world.say("approve")
            await world.work()
        assert await world.kinds() == ["command.refused", "failed"]
        refused, failed = (await world.decided())[1:]
        assert "not complete yet" in refused.because and "text: Input should be a valid string" in failed.because
        assert 900 < (failed.at - make.START) / 1e6 < 3000

    asyncio.run(run())


def test_what_act_itself_wrote_is_not_taken_for_a_new_proposal(make):
    async def run():
        world = make.world(ScriptedPort())
        async with world.acting():
            await world.propose(make.action(autonomy="propose"))
            await world.say("approve", "act_0")
        assert await world.kinds() == ["proposed", "command.refused"]
        world.act = type(world.act)(world.journal, world.preparation)
        async with world.acting():
            await world.say("approve", "act_0", number=2)
        assert await world.kinds() == ["proposed", "command.refused", "command.refused"]

    asyncio.run(run())


def test_two_loops_take_each_proposal_once(make):
    port = ScriptedPort(effect="at_least_once")

    async def run():
        world = make.world(port)
        async with world.acting(), world.acting():
            for number in range(20):
                await world.propose(make.action(id=f"act_{number}", idempotency_key=f"key_{number}"))
            await world.work()
        assert sorted(port.effects) == sorted(f"key_{number}" for number in range(20))
        assert (await world.kinds()).count("approved") == 20

    asyncio.run(run())


def test_a_proposal_that_cannot_be_read_holds_up_nobody(make, caplog):
    from connectors.ports.journal import DECISIONS, NewRecord

    async def run():
        world = make.world(ScriptedPort())
        await world.real.append(DECISIONS, [NewRecord("decision", b'{"kind":"action.proposed"}')])
        async with world.acting():
            await world.propose(make.action())
        assert (await world.row()).state == "approved"

    asyncio.run(run())
    assert "a proposal cannot be read" in caplog.text
