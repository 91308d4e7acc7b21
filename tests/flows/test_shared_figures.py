"""What one watches over Kafka and PostgreSQL is among the figures of every process: lag, outbox, leases, takeovers."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors.ports.journal import INPUTS, NewRecord
from tests.support.program import program
from tocsin import store

ERROR = {"title": "db-1 is down", "type": "alert", "severity": "critical", "service": "db-1"}
WITHIN_S = 60.0


@pytest.mark.ground("shared")
def test_lag_outbox_lease_age_and_takeovers_are_exposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FIGURES_S", 0.05)

    async def main() -> None:
        # Nobody reads for triage here: what is accepted waits.
        async with program(tmp_path, processors=("ingest", "investigate", "act", "record")) as here:
            journal = here.running.program.journal
            lease = await journal.acquire("triage", owner="another", ttl_s=60)
            assert lease is not None
            async with journal.unit(lease=lease) as unit:
                unit.move("triage", INPUTS, old=0, new=0)
            assert (await here.http.post("/in/generic", json=ERROR)).status_code == 200
            await journal.append(INPUTS, [NewRecord("tick", b'{"due": "2026-11-21T10:00:00Z"}')])
            async with asyncio.timeout(WITHIN_S):
                while await here.metric("tocsin_journal_consumer_lag", consumer="triage", stream="inputs") != 2:
                    await asyncio.sleep(0.05)
                await journal.release(lease)
                lease = await journal.acquire("triage", owner="a third", ttl_s=60)
                while await here.metric("tocsin_journal_lease_takeovers", lease="triage") != 1:
                    await asyncio.sleep(0.05)
            assert 0 < await here.metric("tocsin_journal_lease_left_s", lease="triage") <= 60
            assert 0 <= await here.metric("tocsin_journal_lease_age_s", lease="triage") < 60
            text = (await here.http.get("/metrics")).text
            names = {family.name for family in text_string_to_metric_families(text)}
            assert {"tocsin_journal_outbox_depth", "tocsin_journal_takeovers"} <= names

    asyncio.run(main())
