"""A process that is told to end finishes what it has in hand and gives back what it holds, so that another goes on at once."""

import secrets
import signal
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from tests.support.crash import entries, settle, start
from tests.support.ground import standing
from tests.support.linear_server import LinearServer
from tests.support.postgres_server import Postgres
from tests.support.program import to_linear, until
from tests.support.senders import Sender, alerts
from tests.support.server import Server
from tests.support.webhook_receiver import receiving

WITHIN_S = 90.0


@pytest.mark.ground("shared")
@pytest.mark.timeout(240)
def test_what_is_in_hand_at_sigterm_is_finished_and_everything_else_is_free_for_another(
    tmp_path: Path, kafka: Server, postgres: Postgres, linear: LinearServer
) -> None:
    tenant = f"t{secrets.token_hex(6)}"
    where = {"kafka": kafka.address, "postgres": postgres.fresh_database(), "tenant": tenant}
    with receiving() as receiver:
        pager = {"targets": {"oncall": {"url": receiver.url, "pager": True, "deadline_s": 20}}}
        config: dict[str, Any] = {
            "journal": where,
            "connectors": {"linear": to_linear(linear, deadline_s=2), "webhook": pager},
        }
        # As shipped: a lease that was not given back would keep the second waiting.
        door = start(tmp_path / "door", config, "ingest", "record", haste_s=None)
        first = start(tmp_path / "first", config, "triage", "investigate", "act", haste_s=None, wait=False)
        second = None
        try:
            sender = Sender(lambda: door.url)
            receiver.open.clear()
            assert sender.deliver(alerts("held", ("held",)))
            until(lambda: receiver.got, "a page that has no answer yet", within_s=WITHIN_S)
            first.process.send_signal(signal.SIGTERM)
            until(lambda: "stopping" in first.stderr.read_text(), "that it has heard", within_s=WITHIN_S)
            assert first.process.poll() is None, "it waits for the answer"
            receiver.open.set()
            assert first.process.wait(WITHIN_S) == 0, first.stderr.read_text()[-3000:]
            with psycopg.connect(where["postgres"]) as connection:
                held = connection.execute(
                    f"SELECT name, owner FROM tocsin_{tenant}.leases WHERE name = 'triage' AND owner <> ''"  # type: ignore[arg-type]
                ).fetchall()
            assert held == []
            assert [job for job in standing(door.config.parent).jobs if job.owner] == []
            second = start(tmp_path / "second", config, "triage", "investigate", "act", haste_s=None, wait=False)
            assert sender.deliver(alerts("next", ("next",)))
            until(lambda: len(linear.issues) == 2, "both issues", within_s=WITHIN_S)
            settle(door.config.parent, within_s=WITHIN_S)
        finally:
            for life in (door, first, second):
                if life is not None:
                    life.kill()
        assert len(receiver.got) == 2, "each page once"
    decided = [orjson.loads(each.payload) for each in entries(door.config.parent) if each.kind == "decision"]
    kinds = [each["kind"] for each in decided]
    assert "action.unknown" not in kinds and kinds.count("action.succeeded") == 4
