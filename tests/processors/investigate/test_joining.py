"""What joins an investigation while it runs: people, news of the incident, helpers, proposals; and what happens after it has concluded."""

import asyncio
import re
from typing import Any

import pytest

from connectors.ports.journal import INPUTS, recorded
from processors.investigate import Investigate, Storms
from processors.investigate.rows import INVESTIGATIONS, QUEUE, RUNNING, load
from schemas import Action, Command, Decision, decide
from schemas.payload import ActionChanged
from tests.support.echo_tool import Echo
from tests.support.model_server import Asked, Hangs, Says
from tests.support.probe_tool import Probe
from tests.support.talk import (
    APIS,
    GOOD,
    INCIDENT,
    SIGNALS,
    Talk,
    asks,
    by_turn,
    concludes,
    over,
    playbook,
    prepare,
    run,
    talk,
)


def command(kind: Any, investigation: str, text: str = "", **data: Any) -> Command:
    return Command(
        id=f"cmd_{kind}_{abs(hash(text))}",
        kind=kind,
        author="human:ada",
        origin="cli",
        at=0,
        data={"investigation_id": investigation, "text": text, **data},
    )


async def say(t: Talk, kind: Any, text: str = "", **data: Any) -> None:
    rows = await t.world.journal.scan(INVESTIGATIONS)
    await t.world.journal.append(INPUTS, [recorded(command(kind, rows[0][0], text, **data))])
    await t.investigate.commands.step()


def meanwhile(t_of: Any, act: Any) -> Probe:
    """A tool during whose call something happens."""

    async def done() -> str:
        await act(t_of())
        return "meanwhile"

    return Probe("look.more", done)


@pytest.mark.parametrize("api", APIS)
def test_what_a_person_says_is_read_before_the_next_answer(world: Any, api: str) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            held: list[Talk] = []
            w.tools["look.more"] = meanwhile(lambda: held[0], lambda t: say(t, "steer", "It is the cache, look there."))

            def second(asked: Asked) -> Says:
                assert "It is the cache, look there." in asked.last and "ada" in asked.last
                return concludes(("step/4", "meanwhile"), ("step/5", "It is the cache"))

            async with talk(w, by_turn(asks(("look.more", {})), second), api=api) as t:
                held.append(t)
                await run(t)
                (step,) = await t.steps("steer")
                assert step["kind"] == "event" and step["arguments"]["author"] == "human:ada"
                assert (await t.concluded())["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


def test_a_conclusion_reached_without_knowing_the_news_goes_back_once(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            held: list[Talk] = []
            gate = asyncio.Event()

            async def speak() -> None:
                while not held or held[0].server.calls < 1:
                    await asyncio.sleep(0.01)
                await say(held[0], "steer", "We rolled back ten minutes ago.")
                gate.set()

            def first(_: Asked) -> Says:
                return Says(calls=GOOD.calls, gate=gate)

            def second(asked: Asked) -> Says:
                assert "rolled back" in asked.last and "conclude again" in asked.last
                return GOOD

            async with talk(w, by_turn(first, second)) as t:
                held.append(t)
                await asyncio.gather(run(t), speak())
                assert t.server.calls == 2 and (await t.concluded())["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"signals": 900}, "It grew from"),
        ({"severity": "critical"}, "Its severity rose"),
        ({"status": "resolved", "resolved_by": "system"}, "The incident is resolved"),
        ({"signals": INCIDENT.signals + 1}, None),
    ],
    ids=["grown", "worse", "over", "nothing new"],
)
def test_news_of_the_incident_joins_when_it_is_news(world: Any, changes: dict[str, Any], text: str | None) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            held: list[Talk] = []

            async def change(t: Talk) -> None:
                incident = INCIDENT.model_copy(update=changes)
                kind = "incident.resolved" if changes.get("status") == "resolved" else "incident.updated"
                await w.change(kind, incident, at=w.clock.now(), cause="c")
                await t.investigate.intake.step()

            w.tools["look.more"] = meanwhile(lambda: held[0], change)

            def second(asked: Asked) -> Says:
                assert (text is None) == all(word not in asked.last for word in ("grew", "rose", "resolved,"))
                assert text is None or text in asked.last
                return GOOD

            async with talk(w, by_turn(asks(("look.more", {})), second)) as t:
                held.append(t)
                await run(t)
                assert (await t.concluded())["conclusion"]["analyst"] == "p/m"
                assert await w.journal.scan("inbox") == []

    asyncio.run(main())


def test_who_is_stopped_while_a_model_is_asked_concludes_from_the_records_and_does_nothing(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(
                w,
                playbook(
                    "verdicts: {actionable: [linear.create_issue], urgent: [page], noise: [page]}\nautonomy: {page: act}"
                ),
            )
            async with talk(w, lambda _: Hangs()) as t:

                async def stop() -> None:
                    while not t.server.calls:
                        await asyncio.sleep(0.01)
                    await say(t, "steer", "not worth it", cancel=True)

                await asyncio.gather(run(t), stop())
                said = await t.concluded()
                assert said["conclusion"]["analyst"] == "none" and said["conclusion"]["actions"] == []
                assert "action.proposed" not in await w.kinds()
                (lost,) = await t.steps("model.lost")
                assert (
                    said["usage"]["cost_usd"] == pytest.approx(lost["usage"]["cost_usd"])
                    and said["usage"]["cost_usd"] > 0
                )
                assert [step["name"] for step in await t.steps()][-1] == "cancel"

    asyncio.run(main())


def test_who_is_stopped_while_tools_are_asked_does_not_wait_for_them(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            hanging = asyncio.Event()

            async def hang() -> str:
                hanging.set()
                await asyncio.Event().wait()
                return "never"

            w.tools["look.more"] = Probe("look.more", hang, deadline_s=200)
            async with talk(w, lambda _: asks(("look.deep", {}), ("look.more", {}))) as t:

                async def stop() -> None:
                    await hanging.wait()
                    await say(t, "steer", "not worth it", cancel=True)

                await asyncio.gather(run(t), stop())
                assert (await t.concluded())["conclusion"]["analyst"] == "none" and t.server.calls == 1
                names = [step["name"] for step in await t.steps()]
                assert names[-2:] == ["look.deep", "cancel"], "what had answered is recorded, the rest is left"

    asyncio.run(main())


WAITS = "analyst: {may_wait: 10m, may_propose: [linear.comment]}\nautonomy: {linear.comment: act}"


@pytest.mark.parametrize("api", APIS)
def test_an_investigation_waits_for_a_proposal_on_disk_alone(world: Any, api: str) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w, playbook(WAITS))
            proposes = asks(
                ("propose_action", {"kind": "linear.comment", "arguments": {"body": "Looking."}, "why": "to tell them"})
            )
            waits = Says(calls=(("wait", {"reason": "the comment"}),))

            def last(asked: Asked) -> Says:
                assert "action.approved" in asked.last
                return GOOD

            async with talk(w, by_turn(proposes, waits, last), api=api) as t:
                await run(t)
                assert (await w.kinds())[-1] == "investigation.paused" and t.server.calls == 2
                proposed = next(each for each in await w.decisions() if each.kind == "action.proposed")
                action = Action.model_validate(proposed.data["action"])
                # The playbook would let it act; what a model wrote waits for a person all the same.
                assert action.autonomy == "propose" and action.arguments == {"body": "Looking."}
                assert not await t.investigate.workers.one(), "nothing is due"

                # Another process, later: the approval wakes it.
                w.clock.advance(seconds=300)
                await w.append(approved(action, at=w.clock.now()))
                again = Investigate(w.journal, w.archive, w.tools, w.library, owner="other", means=t.means)
                await again.drain()
                said = await t.concluded()
                assert said["conclusion"]["analyst"] == "p/m" and t.server.calls == 3
                kinds = await w.kinds()
                assert kinds.count("investigation.paused") == kinds.count("investigation.resumed") == 1
                # Its timer finds nothing to do.
                w.clock.advance(seconds=900)
                await again.drain()
                assert await w.journal.pending(QUEUE) == 0 and (await w.kinds()).count("investigation.concluded") == 1

    asyncio.run(main())


def approved(action: Action, *, at: int) -> Decision:
    done = action.model_copy(update={"state": "approved", "decided_by": "human:ada"})
    return decide(
        "action.approved",
        at=at,
        actor="human:ada",
        because="fine",
        cause=(action.id,),
        data=ActionChanged(action=done),
        incident_id=action.incident_id,
        investigation_id=action.investigation_id,
        action_id=action.id,
    )


def test_who_waits_in_vain_goes_on_when_the_time_is_over(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w, playbook(WAITS))
            async with talk(w, by_turn(Says(calls=(("wait", {"reason": "a person"}),)), GOOD)) as t:
                await run(t)
                assert (await w.kinds())[-1] == "investigation.paused"
                w.clock.advance(seconds=601)
                await t.investigate.drain()
                said = await t.concluded()
                assert said["conclusion"]["analyst"] == "p/m" and said["usage"]["wall_s"] < 700

    asyncio.run(main())


def test_only_what_the_playbook_allows_can_be_proposed(world: Any) -> None:
    async def check(t: Talk) -> None:
        assert "cannot be proposed" in t.server.asked[1].last and "action.proposed" not in await t.world.kinds()

    script = [asks(("propose_action", {"kind": "page", "arguments": {}, "why": "x"})), GOOD]
    over(world, script, playbook(WAITS), check=check)


def test_helpers_look_beside_it_with_their_own_tools_and_bounds_and_are_cited(world: Any) -> None:
    mother = playbook("helpers: [reads-logs, reads-code]\nanalyst: {max_turns: 4}", name="mother")
    logs = playbook("analyst: {max_turns: 2}", name="reads-logs", gather="[look.logs]", tools="[look.logs]")
    code = playbook("analyst: {model: none}", name="reads-code", gather="[look.code]", tools="[look.code]")

    async def main() -> None:
        async with world() as w:
            prepare(w, mother, logs, code)
            w.tools |= {"look.logs": Echo("look.logs"), "look.code": Probe("look.code")}
            seen: list[str] = []

            def model(asked: Asked) -> Says:
                if "reads-logs" in asked.text and "Playbook: reads-logs" in asked.text:
                    assert "look.more" not in asked.tools and "wait" not in asked.tools
                    return concludes(("step/0", "heard"), summary="The logs are full of it.")
                seen.append(asked.last)
                if "The logs are full of it." not in asked.text:
                    return Says(calls=(("wait", {"reason": "helpers"}),))
                cited = next(
                    place
                    for place, text in re.findall(r"(step/\d+)\W+source=\W+helper(.*?)</outside", asked.text)
                    if "The logs are full" in text
                )
                return concludes((cited, "The logs are full of it."), ("step/0", "fine"))

            async with talk(w, model, concurrency=3) as t:
                await run(t)
                decisions = await w.decisions()
                concluded = {
                    each.data["playbook"]: each for each in decisions if each.kind == "investigation.concluded"
                }
                assert set(concluded) == {"mother", "reads-logs", "reads-code"}
                assert concluded["mother"].data["conclusion"]["analyst"] == "p/m"
                assert concluded["reads-code"].data["conclusion"]["analyst"] == "none"
                assert concluded["reads-logs"].data["conclusion"]["actions"] == []
                told = [each for each in await w.commands() if each.kind == "outcome"]
                assert len(told) == 1, "triage hears of the one alone"
                assert await w.journal.scan(RUNNING) == []

    asyncio.run(main())


def test_without_a_model_helpers_are_waited_for_and_their_findings_are_weighed(world: Any) -> None:
    mother = playbook("helpers: [reads-logs]\nanalyst: {model: none}", name="mother")
    logs = playbook("analyst: {model: none}", name="reads-logs", gather="[look.logs]")

    async def main() -> None:
        async with world() as w:
            prepare(w, mother, logs)
            w.tools["look.logs"] = Probe("look.logs")
            processor = w.processor()
            await w.select(INCIDENT, SIGNALS, playbook="mother")
            await processor.drain()
            kinds = await w.kinds()
            assert kinds.count("investigation.concluded") == 2 and kinds.count("investigation.paused") == 1
            mothers = [each for each in await w.decisions() if each.kind == "investigation.concluded"][-1]
            assert mothers.data["playbook"] == "mother"

    asyncio.run(main())


def test_incidents_alike_in_a_storm_share_one_investigation(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w, playbook("verdicts: {actionable: [linear.create_issue], duplicate: [linear.comment]}"))
            async with talk(w, lambda _: GOOD, storms=Storms(after=2, within_s=600)) as t:
                for number in range(12):
                    incident = INCIDENT.model_copy(
                        update={"id": f"inc_{number}", "title": f"Checkout fails on host-{number}"}
                    )
                    await w.select(incident, SIGNALS, playbook="looks", cause=incident.id)
                await t.investigate.drain()
                assert t.server.calls == 2, "two of their own, ten share the first one's"
                concluded = {
                    each.incident_id: each for each in await w.decisions() if each.kind == "investigation.concluded"
                }
                assert len(concluded) == 12
                assert concluded["inc_0"].data["conclusion"]["verdict"] == "actionable"
                shared = concluded["inc_7"].data["conclusion"]
                assert shared["verdict"] == "duplicate" and "inc_0" in shared["summary"]
                assert await w.journal.scan(RUNNING) == []
                proposed = [each for each in await w.decisions() if each.kind == "action.proposed"]
                assert [each.data["action"]["kind"] for each in proposed] == ["linear.create_issue"] * 2
                # Later it is another storm.
                w.clock.advance(seconds=700)
                await run(
                    t, incident=INCIDENT.model_copy(update={"id": "inc_later", "title": "Checkout fails on host-99"})
                )
                assert t.server.calls == 3

    asyncio.run(main())


def test_a_follower_whose_leader_fails_looks_for_itself(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            async with talk(w, lambda _: GOOD, storms=Storms(after=1)) as t:
                for number in range(2):
                    await w.select(
                        INCIDENT.model_copy(update={"id": f"inc_{number}"}),
                        SIGNALS,
                        playbook="looks",
                        cause=str(number),
                    )
                await t.investigate.intake.step()
                rows = await w.journal.scan(INVESTIGATIONS)
                both = [await load(w.journal, name) for name, _ in rows]
                leader = next(each for each in both if each.shares is None)
                async with w.journal.unit() as unit:
                    unit.put(INVESTIGATIONS, leader.id, leader.model_copy(update={"status": "failed"}).to_json())
                w.clock.advance(seconds=3600)
                await t.investigate.drain()
                (said,) = [each for each in await w.decisions() if each.kind == "investigation.concluded"]
                assert said.incident_id == "inc_1" and said.data["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


@pytest.mark.parametrize("api", APIS)
def test_a_concluded_investigation_goes_on_when_it_is_asked(world: Any, api: str) -> None:
    async def main() -> None:
        async with world() as w:
            probes = prepare(w)

            def asked_first(asked: Asked) -> Says:
                assert "Was it the cache?" in asked.last and "conclude" not in asked.tools
                return asks(("look.deep", {}))

            script = by_turn(
                asks(("look.more", {})), GOOD, asked_first, Says("No: [step/0] says fine."), Says("Still no.")
            )
            async with talk(w, script, api=api) as t:
                await run(t)
                await say(t, "ask", "Was it the cache?")
                await t.investigate.drain()
                (answer,) = await t.steps("answer")
                assert answer["result"]["text"] == "No: [step/0] says fine." and probes["look.deep"].calls == 1
                await say(t, "ask", "Sure?")
                await t.investigate.drain()
                assert [step["result"]["text"] for step in await t.steps("answer")][-1] == "Still no."
                found = await load(w.journal, (await w.journal.scan(INVESTIGATIONS))[0][0])
                assert found.status == "concluded" and found.usage.model_calls == 5
                kinds = await w.kinds()
                assert kinds.count("investigation.concluded") == 1 and kinds.count("investigation.resumed") == 2
                assert await w.journal.pending(QUEUE) == 0

    asyncio.run(main())


def test_without_a_model_a_question_is_answered_from_the_records(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w, playbook("analyst: {model: none}"))
            async with talk(w, []) as t:
                await run(t)
                await say(t, "ask", f"What about {SIGNALS[0].title}?")
                await t.investigate.drain()
                (answer,) = await t.steps("answer")
                assert "No model is there" in answer["result"]["text"] and SIGNALS[0].title in answer["result"]["text"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("kind", "when"), [("steer", "over"), ("ask", "running"), ("steer", "unknown"), ("ask", "empty")]
)
def test_what_cannot_be_told_is_refused_with_the_reason(world: Any, kind: Any, when: str) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            async with talk(w, lambda _: GOOD) as t:
                await w.select(INCIDENT, SIGNALS, playbook="looks")
                await t.investigate.intake.step()
                if when in ("over", "empty"):
                    await t.investigate.drain()
                if when == "unknown":
                    await w.journal.append(INPUTS, [recorded(command(kind, "inv_none", "x"))])
                    await t.investigate.commands.step()
                else:
                    await say(t, kind, "" if when == "empty" else "x")
                refused = [each for each in await w.decisions() if each.kind == "command.refused"]
                assert len(refused) == 1 and refused[0].actor == "human:ada"

    asyncio.run(main())
