"""A stock Prometheus and a stock Alertmanager: an alert that fires opens an issue, and its end is told there."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.linear_server import LinearServer
from tests.support.program import Here, program, to_linear
from tests.support.servers import alertmanager, needed, prometheus

ALERT: dict[str, Any] = {
    "alert": "CheckoutDown",
    "expr": "vector(1)",
    "labels": {"severity": "critical", "service": "checkout", "env": "production"},
    "annotations": {"summary": "Checkout answers nothing", "description": "No request succeeded for a minute."},
}


async def fires_and_ends(here: Here, linear: LinearServer, folder: Path, alertmanager_url: str) -> None:
    """A rule that fires until it is changed; what Tocsin hears of it comes from `alertmanager_url`."""
    targets = [{"static_configs": [{"targets": [alertmanager_url.removeprefix("http://")]}]}]
    with prometheus(folder / "prometheus", alertmanagers=targets, rules=[ALERT]) as stock:
        (opened,) = await here.until("incident.opened")
        await here.until("action.succeeded")
        stock.rules({**ALERT, "expr": "vector(1) == 2"})
        (resolved,) = await here.until("incident.resolved")
        await here.until("action.succeeded", where=lambda each: each.data["action"]["kind"] == "linear.comment")
    assert opened.incident_id == resolved.incident_id and opened.actor == "rule:alerts"
    (incident,) = await here.incidents()
    assert (incident.status, incident.service, incident.severity) == ("resolved", "checkout", "critical")
    (issue,) = linear.issues
    assert "Checkout answers nothing" in issue["title"] and issue["priority"] == 1
    attached = {each["url"] for each in linear.attachments if each["issue"] == issue["identifier"]}
    assert any("vector%281%29" in url for url in attached), attached
    (comment,) = linear.comments
    assert comment["issue"] == issue["identifier"] and "resolved" in comment["body"].lower()


def test_an_alert_by_way_of_alertmanager_opens_an_issue_and_its_end_is_told(
    tmp_path: Path, linear: LinearServer
) -> None:
    needed("prometheus", "prometheus-alertmanager")

    async def main() -> None:
        async with program(tmp_path, {"connectors": {"linear": to_linear(linear)}}) as here:
            route = {"receiver": "tocsin", "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
            webhook = {"url": f"{here.url}/in/alertmanager", "send_resolved": True}
            receivers = [{"name": "tocsin", "webhook_configs": [webhook]}]
            with alertmanager(tmp_path / "alertmanager", {"route": route, "receivers": receivers}) as url:
                await fires_and_ends(here, linear, tmp_path, url)

    asyncio.run(main())


def test_a_prometheus_takes_tocsin_for_an_alertmanager(tmp_path: Path, linear: LinearServer) -> None:
    needed("prometheus")

    async def main() -> None:
        async with program(tmp_path, {"connectors": {"linear": to_linear(linear)}}) as here:
            await fires_and_ends(here, linear, tmp_path, here.url)

    asyncio.run(main())
