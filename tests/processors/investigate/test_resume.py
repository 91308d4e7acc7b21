"""A worker may die at any write: the next one goes on at the next step, asks nothing twice that was recorded, and ends the same."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from playbooks.library import Library
from playbooks.load import read
from processors.investigate import Intake
from processors.investigate.outcome import failing
from processors.investigate.rows import QUEUE, load_steps
from processors.investigate.worker import ATTEMPTS, GATHER_ATTEMPTS, WEIGH_ATTEMPTS
from schemas import Action, Conclusion, Investigation
from tests.support.checkout_story import night
from tests.support.mortal import Killed, Mortal
from tests.support.probe_tool import Probe

INCIDENT, SIGNALS, _ = night()
UNITS = 9
"""Begin, six tools, the look at the incident, the conclusion."""


def probed(w: Any) -> dict[str, Probe]:
    probes = {name: Probe(name) for name in w.library.get("triage-error").front.gather}
    w.tools = probes
    return probes


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
@pytest.mark.parametrize("at", range(1, UNITS + 1))
def test_a_worker_killed_at_any_write_is_taken_over_at_the_next_step(world: Any, at: int, after: bool) -> None:
    async def main() -> None:
        async with world() as w:
            probes = probed(w)
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            with pytest.raises(Killed):
                await w.workers(Mortal(w.journal, at, after=after), owner="dies").one()
            assert not await w.workers(owner="early").one(), "the lease of the dead worker still stands"
            w.clock.advance(seconds=61)
            taken = await w.workers(owner="heir").one()
            assert taken == (at < UNITS or not after)
            in_flight = list(probes)[at - 2] if not after and 2 <= at <= 7 else None
            assert {name: probe.calls for name, probe in probes.items()} == {
                name: 1 + (name == in_flight) for name in probes
            }
            decisions = await w.decisions()
            counts = Counter(each.kind for each in decisions)
            assert (
                counts["investigation.step"] == 7
                and counts["investigation.concluded"] == counts["action.proposed"] == 1
            )
            assert len({each.id for each in decisions}) == len(decisions)
            assert len(await w.commands()) == 1
            steps = await load_steps(w.journal, decisions[1].investigation_id)
            assert [step.index for step in steps] == list(range(7))
            assert await w.journal.pending(QUEUE) == 0

    asyncio.run(main())


def test_a_worker_that_slept_through_its_lease_writes_nothing_more(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = probed(w)
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            entered = 0

            async def oversleep() -> str:
                nonlocal entered
                entered += 1
                if entered == 1:
                    w.clock.advance(seconds=61)
                    assert await w.workers(owner="heir").one()
                return "late"

            w.tools = {**probes, "changes.before": Probe("changes.before", oversleep)}
            await w.workers(owner="sleeper").one()
            kinds = Counter(await w.kinds())
            assert (
                kinds["investigation.step"] == 7
                and kinds["investigation.concluded"] == 1
                and kinds["action.proposed"] == 1
            )
            assert probes["incidents.similar"].calls == 1, "the sleeper asked nothing after it woke"

    asyncio.run(main())


def test_a_worker_told_to_stop_hands_its_investigation_on_at_once(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = probed(w)
            started = asyncio.Event()

            async def hang() -> str:
                started.set()
                await asyncio.Event().wait()
                return ""

            w.tools = {**probes, "logs.around": Probe("logs.around", hang, deadline_s=60)}
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            work = asyncio.ensure_future(w.workers(owner="stops").one())
            await started.wait()
            work.cancel()
            await asyncio.wait({work})
            w.tools = probes
            assert await w.workers(owner="heir").one(), "no lease has to run out first"
            assert probes["signals.around"].calls == 1
            assert (await w.kinds()).count("investigation.resumed") == 1

    asyncio.run(main())


def test_an_investigation_keeps_the_playbook_version_it_began_with(world: Any, tmp_path: Path) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            began = w.library.get("triage-error")
            changed = read(
                "x.md",
                began.text.replace("gather: [sentry.latest_event, signals.around,", "gather: [signals.search,"),
                began.templates,
            )
            w.library = Library({"triage-error": changed})
            await w.workers().one()
            concluded = next(each for each in await w.decisions() if each.kind == "investigation.concluded")
            assert concluded.versions.playbook == began.version != changed.version
            assert concluded.data["steps"] == 7

    asyncio.run(main())


def test_an_analyst_that_breaks_leaves_a_conclusion_of_what_is_certain(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Conclusion:
        raise ZeroDivisionError("the analyst is broken")

    monkeypatch.setattr("processors.investigate.run.conclude", broken)

    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS)
            await w.processor().drain()
            concluded = next(each for each in await w.decisions() if each.kind == "investigation.concluded")
            assert "the analyst is broken" in concluded.data["conclusion"]["summary"]
            assert (await w.kinds())[-1] == "action.proposed"

    asyncio.run(main())


def test_what_breaks_its_workers_again_and_again_is_concluded_without_asking_more(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = probed(w)
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            for _ in range(GATHER_ATTEMPTS):
                with pytest.raises(Killed):
                    await w.workers(Mortal(w.journal, 2, after=False)).one()
                w.clock.advance(seconds=61)
            assert await w.workers().one()
            assert probes["sentry.latest_event"].calls == GATHER_ATTEMPTS and probes["logs.around"].calls == 0
            assert (await w.kinds())[-2:] == ["investigation.concluded", "action.proposed"]

    asyncio.run(main())


@pytest.mark.parametrize("claims", [9, WEIGH_ATTEMPTS - 1])
def test_a_worker_that_dies_in_nine_claims_leaves_what_was_gathered_to_be_weighed_without_a_model(
    world: Any, claims: int
) -> None:
    async def main() -> None:
        async with world() as w:
            probes = probed(w)
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            for claim in range(claims):
                with pytest.raises(Killed):
                    await w.workers(Mortal(w.journal, 4 if claim == 0 else 1, after=True)).one()
                w.clock.advance(seconds=61)
            assert await w.workers().one()
            concluded = next(each for each in await w.decisions() if each.kind == "investigation.concluded")
            made = Conclusion.model_validate(concluded.data["conclusion"])
            assert made.analyst == "none" and "could not be weighed" not in made.summary and made.evidence
            assert concluded.data["steps"] == 3 and sum(probe.calls for probe in probes.values()) == 3
            assert (await w.kinds())[-1] == "action.proposed"

    asyncio.run(main())


def test_when_weighing_itself_kills_the_worker_what_is_certain_is_said_unweighed(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            for _ in range(WEIGH_ATTEMPTS):
                with pytest.raises(Killed):
                    await w.workers(Mortal(w.journal, 1, after=False)).one()
                w.clock.advance(seconds=61)
            assert await w.workers().one()
            concluded = next(each for each in await w.decisions() if each.kind == "investigation.concluded")
            assert "could not be weighed" in concluded.data["conclusion"]["summary"]

    asyncio.run(main())


def test_what_cannot_even_be_concluded_has_failed_and_somebody_is_told(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS)
            await Intake(w.journal, w.library).step()
            for _ in range(ATTEMPTS):
                with pytest.raises(Killed):
                    await w.workers(Mortal(w.journal, 1, after=False)).one()
                w.clock.advance(seconds=61)
            assert await w.workers().one()
            decisions = await w.decisions()
            place = next(number for number, each in enumerate(decisions) if each.kind == "investigation.failed")
            actions = [Action.model_validate(each.data["action"]) for each in decisions[place + 1 :]]
            kinds = w.library.get("triage-error").actions_for("urgent")
            assert tuple(each.kind for each in actions) == kinds and "page" in kinds
            assert all("Nobody has looked at it" in json.dumps(each.arguments) for each in actions)
            assert all("Not investigated: " in json.dumps(each.arguments) for each in actions)
            assert await w.journal.pending(QUEUE) == 0 and await w.journal.scan("investigating") == []
            # Triage hears of it, or it would take the investigation for running and start no other.
            (told,) = await w.commands()
            assert (told.kind, told.incident_id) == ("outcome", INCIDENT.id) and told.data["investigation_id"]
            assert "verdict" not in told.data

    asyncio.run(main())


def test_a_failed_investigation_pages_once_however_often_it_is_ended(world: Any) -> None:
    book = asyncio.run(_library(world)).get("triage-error")
    investigation = Investigation(
        id="inv_1", incident_id=INCIDENT.id, playbook=book.name, playbook_version=book.version, incident=INCIDENT, queued_at=1
    )  # fmt: skip
    once, again = (failing(investigation, book, at=at, cause="x", attempt=13) for at in (5, 5))
    assert once == again and once.decisions[0].kind == "investigation.failed"
    keys = {Action.model_validate(each.data["action"]).idempotency_key for each in once.decisions[1:]}
    assert len(keys) == len(once.decisions) - 1
    assert failing(investigation, None, at=5, cause="x", attempt=13).decisions[1:] == ()


async def _library(world: Any) -> Library:
    async with world() as w:
        return w.library  # type: ignore[no-any-return]
