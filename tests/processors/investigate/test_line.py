"""From a selected playbook to a conclusion, proposed actions and what triage is told."""

import asyncio
from typing import Any

from connectors.ports.journal import DECISIONS
from processors.investigate.outcome import idempotency_key
from processors.investigate.rows import QUEUE, load, load_steps
from schemas import Action, Conclusion
from tests.support.checkout_story import error_signal, night

INCIDENT, SIGNALS, _ = night()


def test_a_selected_playbook_becomes_one_queued_investigation_and_the_position_moves(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS)
            intake = w.processor().intake
            assert await intake.step() == 1
            assert await intake.step() == 0
            assert await w.journal.pending(QUEUE) == 1
            assert await w.journal.position("investigate", DECISIONS) == 1
            ((key, _),) = await w.journal.scan("investigations")
            investigation = await load(w.journal, key)
            assert investigation.status == "queued" and investigation.playbook == "triage-error"

    asyncio.run(main())


def test_the_whole_story_is_recorded_in_order_and_can_be_looked_up(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS)
            await w.processor().drain()
            decisions = await w.decisions()
            assert [each.kind for each in decisions] == [
                "playbook.selected",
                "investigation.started",
                *["investigation.step"] * 7,
                "investigation.concluded",
                "action.proposed",
            ]
            assert len({each.id for each in decisions}) == len(decisions)
            concluded = Conclusion.model_validate(decisions[-2].data["conclusion"])
            assert concluded.verdict == "actionable" and concluded.category == "code_defect"
            steps = await load_steps(w.journal, decisions[1].investigation_id)
            assert [step.name for step in steps] == [
                "sentry.latest_event", "signals.around", "logs.around", "changes.before", "incidents.similar", "git.recent_changes", "incident.now"
            ]  # fmt: skip
            assert [step.success for step in steps] == [False, True, True, True, True, False, True]
            assert "no tool 'git.recent_changes' is configured" in steps[5].error
            assert {each.cites for each in concluded.evidence} <= {step.id for step in steps} | {
                each.id for each in SIGNALS
            }
            action = Action.model_validate(decisions[-1].data["action"])
            assert (action.kind, action.state, action.autonomy) == ("linear.create_issue", "proposed", "act")
            assert (
                action.arguments["title"].startswith("checkout: AttributeError")
                and "## Evidence" in action.arguments["body"]
            )
            (command,) = await w.commands()
            assert (command.kind, command.data["verdict"], command.incident_id) == (
                "outcome",
                "actionable",
                INCIDENT.id,
            )
            investigation = await load(w.journal, steps[0].investigation_id)
            assert (
                investigation.status == "concluded" and investigation.steps == 7 and investigation.usage.tool_calls == 6
            )
            assert await w.journal.pending(QUEUE) == 0
            assert await w.journal.scan("investigating") == []

    asyncio.run(main())


def test_a_second_selection_while_one_is_under_way_is_skipped_and_says_so(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS, cause="first")
            await w.select(INCIDENT, SIGNALS, cause="second")
            processor = w.processor()
            await processor.intake.step()
            await w.select(INCIDENT, SIGNALS, cause="third")
            await processor.drain()
            decisions = await w.decisions()
            skipped = [each for each in decisions if each.kind == "playbook.skipped"]
            assert [each.data["reason"] for each in skipped] == ["running", "running"]
            assert (await w.kinds()).count("investigation.concluded") == 1

    asyncio.run(main())


def test_a_decision_that_stands_in_the_stream_twice_is_taken_in_once_and_stops_nobody(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            twice = await w.select(INCIDENT, SIGNALS)
            await w.processor().drain()
            await w.append(twice)
            await w.append(twice)
            await w.processor().drain()
            assert (await w.kinds()).count("investigation.concluded") == 1
            assert await w.journal.position("investigate", "decisions") == await w.journal.head("decisions")

    asyncio.run(main())


def test_a_later_investigation_of_the_same_incident_proposes_the_same_issue_by_its_key(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            for cause in ("first", "second"):
                await w.select(INCIDENT, SIGNALS, cause=cause)
                await w.processor().drain()
            actions = [
                Action.model_validate(each.data["action"])
                for each in await w.decisions()
                if each.kind == "action.proposed"
            ]
            assert len(actions) == 2 and actions[0].id != actions[1].id
            assert actions[0].idempotency_key == actions[1].idempotency_key

    asyncio.run(main())


def test_who_was_paged_is_paged_again_when_it_opens_again_and_has_one_issue(world: Any) -> None:
    def keys(incident: Any, investigation: str) -> list[str]:
        kinds = ("page", "pagerduty.trigger", "linear.create_issue")
        return [idempotency_key(incident, kind, 0, investigation) for kind in kinds]

    page, trigger, issue = keys(INCIDENT, "inv_1")
    assert keys(INCIDENT, "inv_2") == [page, trigger, issue]
    again = keys(INCIDENT.model_copy(update={"reopened": 1}), "inv_3")
    assert again[2] == issue and not {page, trigger} & set(again)


def test_an_unknown_playbook_falls_back_to_the_default_one(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS, playbook="nowhere")
            await w.processor().drain()
            concluded = next(each for each in await w.decisions() if each.kind == "investigation.concluded")
            assert concluded.data["playbook"] == "default"

    asyncio.run(main())


def test_what_a_rehearsal_leads_to_is_a_rehearsal(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT.model_copy(update={"rehearsal": True}), SIGNALS)
            await w.processor().drain()
            later = (await w.decisions())[1:]
            assert later and all(each.rehearsal for each in later)
            assert all(each.data["action"]["rehearsal"] for each in later if each.kind == "action.proposed")
            assert (await w.commands())[0].rehearsal

    asyncio.run(main())


def test_a_signal_that_is_gone_from_the_archive_does_not_stop_it(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            lost = error_signal(77, title="Something odd", raw={})
            await w.select(INCIDENT.model_copy(update={"signal_ids": (lost.id,)}), [lost])
            await w.processor().drain()
            assert (await w.kinds()).count("investigation.concluded") == 1

    asyncio.run(main())


def test_the_intake_and_workers_run_until_cancelled_and_wake_by_themselves(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            running = asyncio.ensure_future(w.processor(concurrency=3).run())
            await w.select(INCIDENT, SIGNALS)
            seen = 0
            async with asyncio.timeout(20):
                while "investigation.concluded" not in await w.kinds():
                    seen = await w.journal.head(DECISIONS)
                    await w.journal.wait(DECISIONS, after=seen, timeout_s=5)
            running.cancel()
            await asyncio.wait({running})
            assert running.cancelled()

    asyncio.run(main())


def test_the_worst_incident_is_looked_into_first(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            investigate = w.processor()
            incident, signals, _ = night()
            for severity in ("warning", "critical", "info", "error"):
                one = incident.model_copy(update={"id": f"inc_{severity}", "severity": severity})
                await w.select(one, signals, cause=severity)
            await investigate.drain()
            begun = [each.incident_id for each in await w.decisions() if each.kind == "investigation.started"]
            assert begun == ["inc_critical", "inc_error", "inc_warning", "inc_info"]

    asyncio.run(main())
