"""Kafka and PostgreSQL in trouble, seen from outside: what is said, and that the line goes on by itself."""

import asyncio
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from connectors.journal.kafka.wire import headers_of
from connectors.ports.journal import DECISIONS, INPUTS
from tests.support.crash import entries, settings_of, start
from tests.support.kafka_server import kafka_server
from tests.support.linear_server import LinearServer
from tests.support.postgres_server import postgres_server
from tests.support.program import Child, cli, program, to_linear, until
from tests.support.server import Server

pytestmark = pytest.mark.ground("shared")
WITHIN_S = 60.0


@contextmanager
def begun(folder: Path, config: dict[str, Any]) -> Iterator[Child]:
    """A `tocsin up` that is not waited for."""
    life = start(folder, config, wait=False)
    try:
        yield life
    finally:
        life.kill()


def says(life: Child, *words: str) -> None:
    """Wait until it has logged all of these words in one line."""
    until(
        lambda: any(all(word in line for word in words) for line in life.stderr.read_text().splitlines()),
        f"{words}; it said {life.stderr.read_text()[-2000:]}",
        within_s=WITHIN_S,
    )


def alert(name: str) -> dict[str, Any]:
    return {"id": name, "title": f"{name} is down", "type": "alert", "severity": "critical", "service": name}


@pytest.mark.timeout(300)
def test_servers_that_are_away_at_the_start_are_waited_for_and_named(tmp_path: Path, linear: LinearServer) -> None:
    with kafka_server() as kafka, postgres_server() as postgres:
        where = {"kafka": kafka.address, "postgres": postgres.url(), "tenant": f"t{secrets.token_hex(6)}"}
        config = {"journal": where, "connectors": {"linear": to_linear(linear)}}
        kafka.control.stop()
        postgres.control.stop()
        with begun(tmp_path / "told", config) as told:
            says(told, "the journal is waited for", "PostgreSQL cannot be used")
            told.process.send_signal(signal.SIGTERM)
            assert told.process.wait(WITHIN_S) == 0, told.stderr.read_text()[-2000:]
        with begun(tmp_path / "waits", config) as life:
            says(life, "the journal is waited for", "PostgreSQL cannot be used", "Connection refused")
            postgres.control.start()
            says(life, "the journal is waited for", f"Kafka at '{kafka.address}' cannot be used")
            kafka.control.start()
            says(life, " up ")
            url = until(lambda: life.folder.published() or "", "the door", within_s=WITHIN_S)
            assert httpx.post(f"{url}/in/generic", json=alert("db-1"), trust_env=False).status_code == 200
            until(lambda: len(linear.issues) == 1, "the issue", within_s=WITHIN_S)
            assert life.terminate() == 0


@pytest.mark.timeout(300)
def test_a_broker_that_is_gone_mid_way_is_named_and_the_line_goes_on_when_it_is_back(
    tmp_path: Path, linear: LinearServer
) -> None:
    with kafka_server() as kafka, postgres_server() as postgres:
        where = {"kafka": kafka.address, "postgres": postgres.url(), "tenant": f"t{secrets.token_hex(6)}"}
        config = {"journal": where, "connectors": {"linear": to_linear(linear)}}
        with begun(tmp_path, config) as life:
            url = until(lambda: life.folder.published() or "", "the door", within_s=WITHIN_S)
            with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
                assert http.post("/in/generic", json=alert("db-1")).status_code == 200
                for control, word in ((kafka.control, "Kafka"), (postgres.control, "PostgreSQL")):
                    known = len(linear.issues)
                    control.kill()
                    # Told honestly: taken, or not now. With the database away the door itself can still take it.
                    answers = [http.post("/in/generic", json=alert(f"{word}-away")).status_code]
                    assert answers[0] in (200, 503)
                    until(lambda word=word: word in _fault(http), f"the fault of {word}", within_s=WITHIN_S)  # type: ignore[misc]
                    control.start()
                    until(lambda: not _fault(http), "readiness", within_s=WITHIN_S)
                    while answers[-1] != 200:
                        answers.append(http.post("/in/generic", json=alert(f"{word}-away")).status_code)
                    until(lambda known=known: len(linear.issues) > known, "the next issue", within_s=WITHIN_S)  # type: ignore[misc]
            until(lambda: len(linear.issues) == 3, "all issues", within_s=WITHIN_S)
            assert life.terminate() == 0
        assert "part failed" not in _unforeseen(life)


def _fault(http: httpx.Client) -> str:
    found = http.get("/readyz").json()["faults"]
    return str(found) if found else ""


def _unforeseen(life: Child) -> str:
    said = life.stderr.read_text().splitlines()
    return "\n".join(line for line in said if "part failed" in line and "Unavailable: " not in line)


@pytest.mark.timeout(120)
def test_what_strangers_write_into_the_topics_is_passed_over_and_told_of(
    tmp_path: Path, linear: LinearServer, kafka: Server
) -> None:
    """No headers, headers of ours over no JSON, JSON of no shape, no value at all; in both topics."""

    async def poison(tenant: str) -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka.address) as stranger:
            for stream in (INPUTS, DECISIONS):
                topic = f"tocsin.{tenant}.{stream}"
                await stranger.send_and_wait(topic, b"\xff\x00 no record", partition=0)
                await stranger.send_and_wait(topic, None, key=b"k", partition=0)
                for kind in ("signal", "batch", "command", "tick", "decision", "unheard-of"):
                    for value in (b"{", b"[]", b'{"id": "sig_1"}', b"null"):
                        headers = headers_of(kind, b"1")
                        await stranger.send_and_wait(topic, value, partition=0, headers=headers)
                await stranger.send_and_wait(
                    topic, b"{}", partition=0, headers=[("kind", b"\xff"), ("at", b"no number")]
                )

    async def main() -> None:
        async with program(tmp_path, {"connectors": {"linear": to_linear(linear)}}) as here:
            assert (await here.http.post("/in/generic", json=alert("before"))).status_code == 200
            await here.until("action.succeeded")
            await poison(settings_of(tmp_path).tenant)
            assert (await here.http.post("/in/generic", json=alert("after"))).status_code == 200
            await _succeeded(here, 2)
            await here.settle()
            ready = (await here.http.get("/readyz")).json()
            assert ready["faults"] == {}, ready

    asyncio.run(main())
    assert len(linear.issues) == 2
    assert cli("ledger", "verify", config=tmp_path / "tocsin.yaml").exit_code == 0
    assert sum(entry.kind == "unreadable" for entry in entries(tmp_path)) == 6


async def _succeeded(here: Any, count: int) -> None:
    async with asyncio.timeout(WITHIN_S):
        while (
            sum(entry.kind == "decision" and b'"action.succeeded"' in entry.payload for entry in await _decided(here))
            < count
        ):
            await asyncio.sleep(0.1)


async def _decided(here: Any) -> Any:
    return await here.running.program.journal.read(DECISIONS, after=0, limit=10_000)
