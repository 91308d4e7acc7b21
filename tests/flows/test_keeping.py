"""What served an incident does not stay for ever: it goes when the incident has been over for long, and nothing misses it."""

import asyncio
from pathlib import Path

from processors.act.rows import ACTIONS, EFFECTS
from processors.investigate.rows import FOLLOWED, INVESTIGATIONS, SPENDING, STEPS, STORMS
from schemas.quarantine import Quarantine
from tests.support.linear_server import LinearServer
from tests.support.program import Here, program, to_linear
from tocsin.config import Retention
from tocsin.retention import Housekeeping

ERROR = {"title": "Checkout fails", "severity": "error", "type": "error", "service": "checkout", "id": "evt-1"}
LONG_AGO = Retention(decisions_days=1e-9)
"""Everything that is over, is over for so long."""
SERVED = (ACTIONS, EFFECTS, INVESTIGATIONS, STEPS)


async def kept(here: Here) -> dict[str, int]:
    """How many rows there are, by space."""
    journal = here.running.program.journal
    return {space: len(await journal.scan(space)) for space in SERVED}


def test_what_served_an_incident_goes_once_it_is_over_for_long_and_the_story_stays(
    tmp_path: Path, linear: LinearServer
) -> None:
    async def main() -> None:
        async with program(tmp_path, {"connectors": {"linear": to_linear(linear)}}) as here:
            keeping = Housekeeping(here.running.program.journal, LONG_AGO)
            assert (await here.http.post("/in/generic", json=ERROR)).is_success
            await here.until("incident.updated", where=lambda each: bool(each.data["incident"].get("external")))
            await here.settle()
            before = await kept(here)
            assert all(before.values())
            assert await keeping.let_go() == 0 and await kept(here) == before, "the incident is open"

            (incident,) = await here.incidents()
            assert (await here.command("resolve", incident.id)).exit_code == 0
            await here.until("action.succeeded", where=lambda each: each.data["action"]["kind"] == "linear.comment")
            await here.settle()
            recent = Housekeeping(here.running.program.journal, Retention())
            assert await recent.let_go() == 0 and all((await kept(here)).values()), "it is over, but not for long"
            assert await keeping.let_go() == before[ACTIONS] + 1 + before[INVESTIGATIONS]
            assert not any((await kept(here)).values())
            assert await here.running.program.journal.scan(FOLLOWED) == []

            told = await here.command("why", incident.id)
            assert told.exit_code == 0 and "investigation.concluded" in told.stdout and "OPS-1" in told.stdout
            # The same again: another look, and still the one issue.
            assert (await here.http.post("/in/generic", json={**ERROR, "id": "evt-2"})).is_success
            await here.until("investigation.concluded", count=2)
            await here.settle()
            opened = {each.id: each.external for each in await here.incidents()}
            assert len(linear.issues) == len(opened) and all(opened.values())

    asyncio.run(main())


def test_sums_of_days_and_storms_that_are_over_and_old_poison_go_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with program(tmp_path) as here:
            journal = here.running.program.journal
            now = journal.now()
            poison = Quarantine(id="qua_1", source="generic", reason="r", received_at=now - 5, content=b"{oops")
            fresh = poison.model_copy(update={"id": "qua_2", "received_at": now + 60_000_000})
            async with journal.unit() as unit:
                for key in (
                    "day/2020-01-01",
                    "playbook/2020-01-01/default",
                    "storm/abc@5",
                    f"storm/abc@{2 * now}",
                    "day/2999-01-01",
                ):
                    unit.put(SPENDING, key, b"{}")
                unit.put(STORMS, "old", b'{"leader":"inv_1","count":1,"since":5}')
                unit.put(STORMS, "new", b'{"leader":"inv_1","count":1,"since":%d}' % (2 * now))
                for each in (poison, fresh):
                    unit.put("quarantine", each.id, each.to_json())
            assert await Housekeeping(journal, LONG_AGO).let_go() == 1
            left = [key for space in (SPENDING, STORMS, "quarantine") for key, _ in await journal.scan(space)]
            assert left == ["day/2999-01-01", f"storm/abc@{2 * now}", "new", "qua_2"]

    asyncio.run(main())
