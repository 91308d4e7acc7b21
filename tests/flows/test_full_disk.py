"""A full disk: nothing is promised, the page goes out once, and work goes on by itself when there is room again."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from schemas import Incident
from tests.support.program import Child, child, metric
from tests.support.webhook_receiver import receiving

ALERT = {
    "labels": {"alertname": "CheckoutDown", "severity": "critical", "service": "checkout", "env": "production"},
    "annotations": {"summary": "Checkout answers nothing"},
    "generatorURL": "http://prometheus.example/graph?g0.expr=up",
}
BEFORE = {"title": "Disk is getting full", "severity": "info", "type": "log", "id": "before"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tocsin-test", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"needs to mount a tmpfs ({made.stderr.strip()}); run as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write until there is no room at all."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                continue
    return ballast


def send(there: Child, alert: Mapping[str, object]) -> httpx.Response:
    """As a Prometheus does."""
    return there.http.post("/api/v2/alerts", json=[alert])


def incidents(there: Child) -> list[Incident]:
    """As the programming interface tells them."""
    answer = there.http.get("/api/v1/incidents", headers=there.api())
    return [Incident.model_validate(each) for each in answer.json()]


def kinds(there: Child, incident: Incident) -> list[tuple[str, str]]:
    """What was decided about it: kind of decision, kind of action."""
    decided = there.http.get(f"/api/v1/incidents/{incident.id}/decisions", headers=there.api()).json()
    return [(each["kind"], each["data"].get("action", {}).get("kind", "")) for each in decided]


@pytest.mark.ground("embedded")
def test_acks_stop_one_page_goes_out_and_the_retry_is_accepted_once_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    with receiving() as pager:
        config = {"connectors": {"webhook": {"targets": {"pager": {"url": pager.url, "pager": True}}}}}
        with child(tmp_path, config, data=small_disk / "data") as there:
            assert there.http.post("/in/generic", json=BEFORE).status_code == 200
            assert there.http.get("/readyz").status_code == 200
            ballast = fill(small_disk)

            (answer,) = there.until(lambda: _refused(there), "a refusal")
            assert int(answer.headers["retry-after"]) >= 1 and "overloaded" in answer.json()
            there.until(lambda: pager.got, "the page")
            state = there.http.get("/readyz")
            assert state.status_code == 503 and "journal" in state.json()["faults"]
            assert there.http.get("/healthz").status_code == 200
            for _ in range(3):
                assert send(there, ALERT).status_code == 503
            assert len(pager.got) == 1

            os.truncate(ballast, 0)
            ballast.unlink()
            there.until(lambda: there.http.get("/readyz").status_code == 200, "readiness")
            there.until(lambda: send(there, ALERT).status_code == 200, "the accepted retry")
            (incident,) = there.until(lambda: incidents(there), "the incident")
            there.until(lambda: ("action.succeeded", "page") in kinds(there, incident), "the page's record")
            assert len(pager.got) == 1 and len(incidents(there)) == 1
            assert metric(there.http.get("/metrics").text, "tocsin_act_pages_rung_total", outcome="sent") == 1
            assert there.terminate() == 0


def _refused(there: Child) -> list[httpx.Response]:
    answer = send(there, ALERT)
    return [answer] if answer.status_code == 503 else []
