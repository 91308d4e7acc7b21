"""The health port: alive, ready and figures for a process that has no door, and nothing else."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from connectors.ports.clock import SystemClock
from schemas.document import DocumentInvalid
from tests.support.program import configure
from tocsin.compose import PROCESSORS, opened
from tocsin.config import load
from tocsin.up import running


def answers(folder: Path, health: str | None, processors: tuple[str, ...], *paths: str) -> list[httpx.Response]:
    """What the health port of a program of these processors answers."""

    async def main() -> list[httpx.Response]:
        loaded = load(configure(folder, {"health": health}), folder=folder, environment={})
        async with opened(loaded, clock=SystemClock()) as program, running(program, processors) as now_running:
            assert (now_running.address is None) is ("ingest" not in processors)
            if now_running.health is None:
                return []
            async with httpx.AsyncClient(base_url=now_running.health.url, trust_env=False) as http:
                return [await http.get(path) for path in paths]

    return asyncio.run(main())


def test_a_process_without_a_door_says_that_it_lives_is_ready_and_its_figures(tmp_path: Path) -> None:
    alive, ready, metrics = answers(tmp_path, "127.0.0.1:0", ("triage", "record"), "/healthz", "/readyz", "/metrics")
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert ready.status_code == 200
    assert ready.json()["faults"] == {}
    assert set(ready.json()["parts"]) >= {"triage", "record", "journal"}
    assert metrics.status_code == 200
    assert "tocsin_journal_queue_depth" in metrics.text


def test_beside_the_door_it_answers_too_and_lets_nothing_else_in(tmp_path: Path) -> None:
    ready, inside, door = answers(tmp_path, "127.0.0.1:0", PROCESSORS, "/readyz", "/api/v1/incidents", "/in/generic")
    assert ready.status_code == 200
    assert [inside.status_code, door.status_code] == [404, 404]


def test_without_the_setting_there_is_none(tmp_path: Path) -> None:
    assert answers(tmp_path, None, ("record",), "/healthz") == []


def test_a_port_that_is_taken_is_said_at_the_start(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            answers(tmp_path, f"127.0.0.1:{port}", ("record",), "/healthz")


@pytest.mark.parametrize("health", ["8711", ":8711", "127.0.0.1:65536"])
def test_what_is_no_address_is_a_fault_of_the_configuration(tmp_path: Path, health: str) -> None:
    with pytest.raises(DocumentInvalid, match="HOST:PORT"):
        load(configure(tmp_path, {"health": health}), folder=tmp_path, environment={})
