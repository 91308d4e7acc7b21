"""What Tocsin wrote into Linear comes back as a webhook, and starts nothing."""

import asyncio
import json
from pathlib import Path
from typing import Any

from connectors.ports.signature import sign_hex
from schemas import Signal
from tests.support.linear_server import LinearServer
from tests.support.program import Here, program, to_linear

SECRET = "lin_wh_test"
PAYLOAD = json.loads(
    (Path(__file__).parents[1] / "connectors" / "linear" / "payloads" / "issue_create_2026.json").read_text()
)
ERROR = {"title": "Checkout fails", "severity": "error", "type": "error", "service": "checkout", "id": "evt-1"}
WATCH = """
rules:
  - name: every-linear-issue
    when: source == "linear" && type == "issue"
    group_by: [group_key]
    playbook: default
"""


def webhook(here: Here, **data: Any) -> tuple[bytes, dict[str, str]]:
    """Linear's webhook about an issue, as recorded, of now and signed."""
    sent = {**PAYLOAD, "data": {**PAYLOAD["data"], **data}}
    sent["webhookTimestamp"] = here.running.program.clock.now() // 1000
    body = json.dumps(sent).encode()
    return body, {"linear-signature": sign_hex(SECRET, body), "linear-delivery": "234d1a4e-b617-4388-90fe-adc3633d6b72"}


def test_the_webhook_of_our_own_issue_opens_nothing_and_a_persons_does(tmp_path: Path, linear: LinearServer) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "watch.yaml").write_text(WATCH)
    config = {"connectors": {"linear": to_linear(linear, webhook_secrets=[SECRET])}}

    async def main() -> None:
        async with program(tmp_path, config) as here:
            assert (await here.http.post("/in/generic", json=ERROR)).is_success
            await here.until("action.succeeded")
            (issue,) = linear.issues
            ours = {"id": issue["id"], "identifier": issue["identifier"], "title": issue["title"]}
            body, headers = webhook(here, **ours, description=issue["description"])
            assert (await here.http.post("/in/linear", content=body, headers=headers)).status_code == 200
            body, headers = webhook(here)
            assert (await here.http.post("/in/linear", content=body, headers=headers)).status_code == 200
            await here.until("incident.opened", where=lambda each: each.actor == "rule:every-linear-issue")
            await here.settle()
            heard = [each for each in await here.inputs() if isinstance(each, Signal) and each.source == "linear"]
            assert [(signal.own, signal.title) for signal in heard] == [
                (True, issue["title"]),
                (False, PAYLOAD["data"]["title"]),
            ]
            opened = await here.decisions("incident.opened")
            assert [each.data["incident"]["title"] for each in opened] == ["Checkout fails", PAYLOAD["data"]["title"]]
            assert len(linear.issues) == 1

    asyncio.run(main())


def test_a_webhook_with_one_byte_changed_is_refused(tmp_path: Path, linear: LinearServer) -> None:
    config = {"connectors": {"linear": to_linear(linear, webhook_secrets=[SECRET])}}

    async def main() -> None:
        async with program(tmp_path, config) as here:
            body, headers = webhook(here)
            answer = await here.http.post("/in/linear", content=body.replace(b"504", b"505"), headers=headers)
            assert answer.status_code == 401
            assert [each for each in await here.inputs() if isinstance(each, Signal)] == []
            assert await here.metric("tocsin_ingest_refused_total", source="linear", reason="bad_signature") == 1

    asyncio.run(main())
