"""Processes of two releases at work together on Kafka and PostgreSQL, each doing what the other began: nothing is lost, refused or done twice."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from tests.support.crash import entries, settings_of, settle, start
from tests.support.linear_server import LinearServer
from tests.support.newer import LATER
from tests.support.postgres_server import Postgres
from tests.support.program import Child, cli, to_linear, until
from tests.support.senders import Sender, alerts
from tests.support.server import Server
from tocsin.folder import DataFolder
from tocsin.store import open_store

pytestmark = pytest.mark.ground("shared")
NOW, NEXT = "tests.support.hasty", "tests.support.newer"
WORK = ("triage", "investigate", "act")
WITHIN_S = 90.0


@contextmanager
def process(folder: Path, config: dict[str, Any], release: str, *roles: str) -> Iterator[Child]:
    """Up until the block ends, then told to end."""
    life = start(folder, config, *roles, module=release, wait=False)
    try:
        until(lambda: b" up " in life.stderr.read_bytes(), f"a start of {roles}; {said(life)}", within_s=WITHIN_S)
        yield life
        assert life.terminate() == 0, said(life)
    finally:
        life.kill()


def said(life: Child) -> str:
    return life.stderr.read_text()[-3000:]


async def of_the_next_release(folder: Path) -> None:
    """Records of kinds that only the next release knows, in both streams."""
    store = await open_store(settings_of(folder), DataFolder(folder / "look"), clock=SystemClock())
    common = {"schema_version": 2, "at": "2026-11-21T10:00:00.000000Z", "later": {"said": "x"}, "because": "x"}
    command = {**common, "id": "cmd_1", "kind": "teleport", "author": "human:x", "origin": "cli", "data": {"to": "y"}}
    decision = {**common, "id": "dec_1", "kind": "incident.teleported", "actor": "system", "data": {"to": "y"}}
    try:
        await store.journal.append(INPUTS, [NewRecord("command", orjson.dumps(command))])
        async with store.journal.unit() as unit:
            unit.append(DECISIONS, NewRecord("decision", orjson.dumps(decision)))
    finally:
        await store.journal.close()


@pytest.mark.timeout(300)
def test_two_releases_work_side_by_side_and_take_over_from_each_other(
    tmp_path: Path, kafka: Server, postgres: Postgres, linear: LinearServer
) -> None:
    where = {"kafka": kafka.address, "postgres": postgres.fresh_database(), "tenant": f"t{secrets.token_hex(6)}"}
    config = {"journal": where, "connectors": {"linear": to_linear(linear, deadline_s=2)}}
    door, older, newer = (tmp_path / name for name in ("door", "older", "newer"))

    def happens(*parcels: Any, issues: int, comments: int) -> None:
        for parcel in parcels:
            assert sender.deliver(parcel)
        counts = lambda: (len(linear.issues), len(linear.comments))  # noqa: E731
        until(lambda: counts() == (issues, comments), f"{issues} issues and {comments} comments", within_s=WITHIN_S)

    with process(door, config, NOW, "ingest", "record") as opened:
        until(lambda: opened.folder.published(), "the door", within_s=WITHIN_S)
        sender = Sender(lambda: opened.folder.published() or "")
        with ExitStack() as newest:
            with process(older, config, NOW, *WORK):
                happens(alerts("one", ("one",)), issues=1, comments=0)
                newest.enter_context(process(newer, config, NEXT, *WORK))
                # Both at work, and the tables are the newer one's.
                asyncio.run(of_the_next_release(door))
                happens(alerts("two", ("two",)), issues=2, comments=0)
                settle(door, within_s=WITHIN_S)
            happens(alerts("one", ("one",), status="resolved"), alerts("three", ("three",)), issues=3, comments=1)
            settle(door, within_s=WITHIN_S)
            with process(older, config, NOW, *WORK):
                newest.close()
                over = [alerts(name, (name,), status="resolved") for name in ("two", "three")]
                happens(*over, alerts("four", ("four",)), issues=4, comments=3)
                settle(door, within_s=WITHIN_S)
    told = entries(door)
    decided = [orjson.loads(each.payload) for each in told if each.kind == "decision"]
    assert set(Counter(each["id"] for each in decided).values()) == {1}
    kinds = Counter(each["kind"] for each in decided)
    assert kinds["incident.opened"] == kinds["investigation.concluded"] == 4
    assert kinds["incident.resolved"] == 3 and kinds["incident.teleported"] == 1
    by_release = Counter(LATER in each.payload for each in told if each.stream == DECISIONS)
    assert min(by_release[True], by_release[False]) > 5, by_release
    logs = "".join((folder / "stderr.txt").read_text() for folder in (door, older, newer))
    assert [line for line in logs.splitlines() if "part failed" in line and "LeaseLost" not in line] == []
    assert cli("ledger", "verify", config=door / "tocsin.yaml").exit_code == 0
