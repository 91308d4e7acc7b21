"""A key that stopped working costs no issue: what is wrong is said, and once the key works the issue is opened after all."""

import asyncio
import logging
from pathlib import Path

import pytest

from tests.support.linear_server import LinearServer
from tests.support.program import program, to_linear

ERROR = {"title": "Checkout fails", "severity": "error", "type": "error", "service": "checkout", "id": "evt-1"}


def test_an_issue_that_a_wrong_key_kept_away_comes_when_the_key_is_mended(
    tmp_path: Path, linear: LinearServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        config = {"connectors": {"linear": to_linear(linear)}}
        async with program(tmp_path, config) as here:
            linear.api_key, right = "lin_api_another", linear.api_key
            assert (await here.http.post("/in/generic", json=ERROR)).is_success
            (attempted,) = await here.until("action.attempted")
            incident = str(attempted.incident_id)
            async with asyncio.timeout(30):
                while "tried again soon, after attempt 1" not in (shown := await here.command("show", incident)).stdout:
                    await asyncio.sleep(0.1)
            assert "check api_key" in shown.stdout and "authentication error" in shown.stdout
            (said,) = [each for each in caplog.records if each.name == "processors.act.call"]
            assert (
                "did not happen and is tried again" in said.getMessage() and "linear.create_issue" in said.getMessage()
            )
            doctor = await here.command("doctor", "--json")
            assert doctor.exit_code == 1 and "authentication error" in doctor.stdout
            linear.api_key = right
            await here.until("action.succeeded")
            assert len(linear.issues) == 1
            attempts = [each.because for each in await here.decisions("action.attempted")]
            assert len(attempts) == 2 and "authentication error" in attempts[1]

    with caplog.at_level(logging.WARNING, logger="processors.act"):
        asyncio.run(main())
