"""Tools that are configured are gathered and recorded by the running program."""

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any

from connectors.ports.clock import SystemClock
from schemas import to_rfc3339
from schemas.payload import StepTaken
from schemas.time import SECOND
from tests.support.api import Asked, Replied, serving
from tests.support.program import program

PLAYBOOK = """---
name: look-everywhere
description: Asks everything that is configured.
gather: [prometheus.range, runbooks.search, sql.query, custom.depth, oncall.now, signals.rate, logs.templates, incidents.similar, mcp.shop.queue_depth]
tools: [prometheus.*]
verdicts: {noise: [], duplicate: [], known: [], actionable: [], urgent: []}
---
Look.
"""
RULE = """rules:
  - name: everything
    when: source == "alertmanager"
    group_by: [labels.alertname]
    playbook: look-everywhere
"""
ALERT = {
    "version": "4", "status": "firing", "receiver": "tocsin", "groupKey": "g", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
    "externalURL": "http://alertmanager.example",
    "alerts": [{
        "status": "firing", "labels": {"alertname": "PoolExhausted", "service": "checkout", "severity": "critical"},
        "annotations": {"summary": "connection pool exhausted"}, "startsAt": to_rfc3339(SystemClock().now() - 600 * SECOND), "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph?g0.expr=pool_in_use+%3E+90", "fingerprint": "f1",
    }],
}  # fmt: skip

ROOT = Path(__file__).parents[2]


def metrics(asked: Asked) -> Replied:
    """Answers the alert's own expression with a step."""
    start = float(asked.one("start"))
    values = [[start + 15 * number, "10" if number < 200 else "99"] for number in range(280)]
    result = (
        [{"metric": {"__name__": "pool_in_use"}, "values": values}] if asked.one("query") == "pool_in_use > 90" else []
    )
    return Replied({"status": "success", "data": {"resultType": "matrix", "result": result}})


def test_configured_tools_are_gathered_and_what_they_say_is_recorded(tmp_path: Path) -> None:
    for name, text in (
        ("rules/r.yaml", RULE),
        ("playbooks/p.md", PLAYBOOK),
        ("books/pool.md", "# Pool exhausted\n\nRestart the pooler.\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with sqlite3.connect(tmp_path / "shop.db") as made:
        made.executescript("create table jobs (service text, n integer); insert into jobs values ('checkout', 41);")
    made.close()
    query = {
        "sql": "select n from jobs where service = :s",
        "parameters": {"s": {"default": "%{service}"}},
        "gather": True,
    }
    depth = {
        "description": "Depth of the queue of a service.",
        "parameters": {"queue": {"default": "%{service}"}},
        "command": {
            "run": [sys.executable, "-c", "import sys, json; print(json.dumps({'queue': sys.argv[1]}))", "{queue}"]
        },
    }

    server = [sys.executable, "-m", "tests.support.mcp_server", str(tmp_path)]

    async def main(url: str) -> dict[str, Any]:
        config = {
            "rules": ["rules"],
            "shipped_rules": False,
            "playbooks": "playbooks",
            "connectors": {
                "prometheus": {"url": url},
                "runbooks": {"folders": [str(tmp_path / "books")]},
                "sql": {"databases": {"shop": {"file": str(tmp_path / "shop.db"), "queries": {"jobs": query}}}},
                "custom": {"tools": {"depth": depth}},
                "mcp": {"servers": {"shop": {"command": server, "folder": str(ROOT), "allow": ["queue_*"]}}},
                "oncall": {"people": {"ann": {}}, "schedules": {"s": {"levels": [{"people": ["ann"]}]}}},
            },
        }
        async with program(tmp_path, config) as here:
            tools = here.running.program.tools
            async with asyncio.timeout(30):
                while "mcp.shop.queue_depth" not in tools:
                    await asyncio.sleep(0.05)
            assert (await here.http.post("/in/alertmanager", json=ALERT)).status_code == 200
            await here.until("investigation.concluded")
            steps = [StepTaken.model_validate(each.data).step for each in await here.decisions("investigation.step")]
            return {step.name: step for step in steps}

    with serving(metrics) as api:
        steps = asyncio.run(main(api.url))
    assert {name: step.error for name, step in steps.items() if not step.success} == {}
    assert steps["mcp.shop.queue_depth"].result["structured"]["depth"] == 41
    assert steps["prometheus.range"].result["series"][0]["reading"]["shape"] == "shift"
    assert steps["runbooks.search"].result["sections"][0]["text"] == "Restart the pooler."
    assert steps["sql.query"].result["results"][0]["rows"] == [[41]]
    assert steps["custom.depth"].result["data"] == {"queue": "checkout"}
    assert steps["oncall.now"].result["people"][0]["who"] == "ann"
    assert steps["signals.rate"].result["total"] == 1
