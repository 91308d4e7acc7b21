"""A disk that fails to sync: nothing is promised meanwhile, and afterwards everything that was promised is there, once."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.ledger import verify
from tests.support.program import Child, child, until
from tests.support.server import absent

SYNCS = "fsync,fdatasync,sync_file_range"


def alert(name: str) -> dict[str, str]:
    return {"id": name, "title": f"{name} is down", "type": "alert", "severity": "critical", "service": name}


@contextmanager
def failing_syncs(there: Child, folder: Path) -> Iterator[None]:
    """While the block runs, every sync of the program answers EIO, as a disk does that could not write."""
    if shutil.which("strace") is None:
        absent("strace")
    told = folder / "strace.txt"
    with told.open("wb") as out:
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(there.process.pid), "-e", f"trace={SYNCS}", "-e", f"inject={SYNCS}:error=EIO"],
            stdin=subprocess.DEVNULL,
            stderr=out,
        )
    try:
        until(lambda: "attached" in told.read_text() or tracer.poll() is not None, "strace")
        if tracer.poll() is not None:
            pytest.skip(f"needs the right to trace a process: {told.read_text().strip()}")
        yield
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(20)
    assert "INJECTED" in told.read_text(), "no sync was ever tried"


def send(there: Child, name: str) -> int:
    return there.http.post("/in/generic", json=alert(name)).status_code


def opened(there: Child) -> list[str]:
    """Services of the incidents there are."""
    answer = there.http.get("/api/v1/incidents", headers=there.api())
    return sorted(each["service"] for each in answer.json())


@pytest.mark.ground("embedded")
def test_what_was_promised_before_and_after_is_decided_once_and_what_was_refused_is_not_lost_by_us(
    tmp_path: Path,
) -> None:
    with child(tmp_path) as there:
        assert send(there, "before") == 200
        there.until(lambda: opened(there) == ["before"], "the incident")
        with failing_syncs(there, tmp_path):
            assert {send(there, "meanwhile") for _ in range(5)} == {503}
            assert there.http.get("/readyz").status_code == 503
            assert there.http.get("/healthz").status_code == 200
        there.until(lambda: send(there, "meanwhile") == 200, "the accepted retry")
        there.until(lambda: there.http.get("/readyz").status_code == 200, "readiness")
        assert send(there, "after") == 200
        there.until(lambda: opened(there) == ["after", "before", "meanwhile"], "the incidents")
        os.kill(there.process.pid, signal.SIGKILL)
        there.process.wait(20)
    with child(tmp_path) as again:
        again.until(lambda: again.http.get("/readyz").status_code == 200, "readiness")
        assert opened(again) == ["after", "before", "meanwhile"]
        assert again.terminate() == 0
    found = verify(tmp_path / "data" / "ledger")
    assert found.holds and found.records > 0
