"""A playbook that proposes: nothing is sent until a person approves, and nothing at all when a person denies."""

import asyncio
from pathlib import Path

from schemas import Action, Decision
from tests.support.linear_server import LinearServer
from tests.support.program import Here, lines_of, program, to_linear

RULE = """
rules:
  - name: billing
    when: source == "generic" && service == "billing"
    group_by: [group_key]
    playbook: billing
"""
PLAYBOOK = """---
name: billing
description: Anything about billing.
gather: [signals.around]
verdicts: {noise: [linear.create_issue], duplicate: [], known: [], actionable: [linear.create_issue], urgent: [linear.create_issue]}
autonomy: {linear.create_issue: propose}
---
Look at {{ incident.title | quote }}.
"""


def laid_out(folder: Path) -> Path:
    """A folder with one rule and one playbook of our own."""
    for name, content in {"rules/billing.yaml": RULE, "playbooks/billing.md": PLAYBOOK}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def complete(decision: Decision) -> bool:
    """Whether a proposal can be read by a person: written out, waiting."""
    action = Action.model_validate(decision.data["action"])
    return bool(action.rendered) and action.expires_at is not None


async def proposed(here: Here, number: int) -> Action:
    """One more incident, and what is proposed for it."""
    error = {"title": f"Invoice {number} is wrong", "severity": "error", "type": "error", "service": "billing"}
    answer = await here.http.post("/in/generic", json={**error, "id": f"evt-{number}", "group_key": f"inv-{number}"})
    assert answer.is_success, answer.text
    found = await here.until("action.proposed", count=number, where=complete)
    return Action.model_validate(found[-1].data["action"])


def test_an_approved_action_happens_once_and_a_denied_one_never(tmp_path: Path, linear: LinearServer) -> None:
    async def main() -> None:
        async with program(
            laid_out(tmp_path), {"shipped_rules": False, "connectors": {"linear": to_linear(linear)}}
        ) as here:
            first, second = await proposed(here, 1), await proposed(here, 2)
            await here.settle()
            assert first.state == second.state == "proposed" and "Invoice 1 is wrong" in (first.rendered or "")
            assert linear.requests == []

            ran = await here.command("approve", first.id, "--reason", "seen by billing", "--json")
            assert ran.exit_code == 0, ran.output
            (command,) = lines_of(ran)
            assert (command["kind"], command["data"]["action_id"]) == ("approve", first.id)
            (approved,) = await here.until("action.approved")
            assert approved.actor.startswith("human:") and "seen by billing" in approved.because
            await here.until("action.succeeded")

            assert (await here.command("deny", second.id, "--reason", "known")).exit_code == 0
            (denied,) = await here.until("action.denied")
            assert denied.action_id == second.id

            for action, why in ((second.id, "denied already"), (first.id, "succeeded already"), ("act_none", "known")):
                refusals = len(await here.decisions("command.refused"))
                ran = await here.command("approve", action)
                assert ran.exit_code == 1, ran.output
                assert why in ran.output
                refused = (await here.until("command.refused", count=refusals + 1))[-1]
                assert why in refused.because
            await here.settle()
            assert [issue["title"] for issue in linear.issues] == ["billing: Invoice 1 is wrong"]
            assert len(await here.decisions("action.attempted")) == 1

    asyncio.run(main())
