"""Kafka and PostgreSQL instead of the embedded journal: the same line in separate processes, and a standby that takes over."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS
from schemas import Decision
from tests.support.linear_server import LinearServer
from tests.support.postgres_server import Postgres
from tests.support.program import configure, to_linear, until
from tests.support.server import Server
from tocsin.config import JournalSettings
from tocsin.folder import DataFolder
from tocsin.store import viewed


@contextmanager
def role(folder: Path, config: dict[str, Any], *names: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`tocsin run NAMES` with a data folder of its own; killed on leaving."""
    file = configure(folder, config)
    with (folder / "stderr.txt").open("wb") as stderr:
        command = [sys.executable, "-m", "tocsin", "run", *names, "--config", str(file)]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stderr=stderr, env={**os.environ})
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def alert(name: str) -> dict[str, Any]:
    return {"id": name, "title": f"{name} is down", "type": "alert", "severity": "critical", "service": name}


def decided(journal: JournalSettings, folder: Path) -> list[Decision]:
    async def look() -> list[Decision]:
        async with viewed(journal, DataFolder(folder), clock=SystemClock()) as (reader, _):
            return [Decision.from_json(entry.payload) for entry in await reader.read(DECISIONS, after=0, limit=10_000)]

    return asyncio.run(look())


def titles(linear: LinearServer) -> list[str]:
    return sorted(str(issue["title"]) for issue in linear.issues)


@pytest.mark.ground("shared")
@pytest.mark.timeout(240)
def test_a_standby_takes_over_from_a_killed_owner_and_repeats_nothing(
    tmp_path: Path, kafka: Server, postgres: Postgres, linear: LinearServer
) -> None:
    settings = {
        "kafka": kafka.address,
        "postgres": postgres.fresh_database(),
        "tenant": f"t{secrets.token_hex(6)}",
    }
    config = {"journal": settings, "connectors": {"linear": to_linear(linear, deadline_s=2)}}
    roles: Sequence[tuple[str, ...]] = (("ingest",), ("triage",), ("investigate",), ("act",), ("record",))
    with ExitStack() as stack:
        started = {names[0]: stack.enter_context(role(tmp_path / names[0], config, *names)) for names in roles}
        door = DataFolder(tmp_path / "ingest" / "data")
        url = until(
            lambda: door.address.is_file() and json.loads(door.address.read_text())["url"], "the door", within_s=60
        )
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as http:
            assert http.post("/in/generic", json=alert("db-1")).status_code == 200
            until(lambda: len(titles(linear)) == 1, "the first issue", within_s=60)

            stack.enter_context(role(tmp_path / "standby", config, "triage", "investigate", "act"))
            for name in ("triage", "investigate", "act"):
                started[name].kill()
                started[name].wait(20)
            assert http.post("/in/generic", json=alert("db-2")).status_code == 200
            assert http.post("/in/generic", json=alert("db-1")).status_code == 200
            until(lambda: len(titles(linear)) == 2, "the issue by the standby", within_s=60)
            until(
                lambda: [each.kind for each in decided(JournalSettings.model_validate(settings), tmp_path)].count("action.succeeded") == 2,
                "both actions recorded",
                # The call that was under way when its worker was killed is another's after four requests' time and half a minute.
                within_s=90,
            )  # fmt: skip
    found = decided(JournalSettings.model_validate(settings), tmp_path)
    kinds = [each.kind for each in found]
    assert kinds.count("incident.opened") == kinds.count("investigation.concluded") == 2
    assert len({each.id for each in found}) == len(found), "no decision stands there twice"
    assert ["db-1" in title for title in titles(linear)] == [True, False]
    said = (tmp_path / "standby" / "stderr.txt").read_text()
    assert 0 < said.index("triage stands by") < said.index("triage has the lease")
    assert "the recorder has the lease, and goes on behind record 0" in (tmp_path / "record" / "stderr.txt").read_text()
