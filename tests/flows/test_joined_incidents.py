"""Two alerts of neighbours become one incident to tell of; commands say so, say why, and undo it."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from schemas import Decision
from tests.support.program import program

RULES = """
rules:
  - name: services
    when: source == "generic" && type == "alert"
    group_by: [service]
    playbook: triage-alert
    correlate: [{by: labels.cluster, within: 2m}, {services: 1}]
"""
TOPOLOGY = "services: {shop: {depends_on: [till]}}"


def _is_of(service: str, decision: Decision) -> bool:
    return f"{service} fails" in decision.because


def test_alerts_of_neighbours_are_told_of_as_one_and_commands_say_why(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "services.yaml").write_text(RULES)
    (tmp_path / "rules" / "topology.yaml").write_text(TOPOLOGY)

    async def main() -> None:
        async with program(tmp_path, {"shipped_rules": False}) as here:
            for number, (service, cluster) in enumerate((("shop", "east"), ("till", "west"), ("fax", "south"))):
                alert: dict[str, Any] = {"title": f"{service} fails", "severity": "error", "type": "alert"}
                alert |= {"service": service, "id": f"a{number}", "labels": {"cluster": cluster}}
                assert (await here.http.post("/in/generic", json=alert)).is_success
                opened = partial(_is_of, service)
                await here.until("incident.opened", where=opened)
            merged = (await here.until("incident.merged"))[-1]
            by_service = {each.service: each for each in await here.incidents()}
            shop, till, fax = by_service["shop"], by_service["till"], by_service["fax"]
            assert (merged.incident_id, merged.data["into"], merged.data["reason"]) == (till.id, shop.id, "services")
            assert (till.parent, shop.members) == (shop.id, (till.id,))
            listed = (await here.command("incidents")).stdout
            assert f"part of {shop.id[:12]}" in listed and "with 1 more, began in till" in listed
            shown = (await here.command("show", shop.id)).stdout
            assert "1 other incident" in shown and "error     till fails of till  " + till.id[:12] in shown
            why = (await here.command("why", till.id, "--with", shop.id)).stdout
            assert "one was joined to the other" in why and "till is next to shop" in why
            why_not = " ".join((await here.command("why", fax.id, "--with", shop.id)).stdout.split())
            assert "they were not joined" in why_not
            assert "labels.cluster is 'south' here and 'east' there" in why_not
            assert "fax is not next to shop" in why_not
            assert (await here.command("separate", till.id, "--reason", "another matter")).exit_code == 0
            await here.until("playbook.selected", where=lambda each: each.incident_id == till.id)
            assert {each.service: each.parent for each in await here.incidents()}["till"] is None

    asyncio.run(main())
