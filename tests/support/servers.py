"""A stock Prometheus and a stock Alertmanager on loopback, as `.ci/servers` installs them."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.program import until


def needed(*programs: str) -> None:
    """Skip the test when one is not installed; with TOCSIN_REQUIRE_SERVERS=1 (CI) that is a failure."""
    missing = [name for name in programs if shutil.which(name) is None]
    if not missing:
        return
    reason = f"{' and '.join(missing)} not installed; `.ci/servers` installs them"
    if os.environ.get("TOCSIN_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def alertmanager(folder: Path, config: Mapping[str, Any]) -> Iterator[str]:
    """A stock Alertmanager with this configuration; yields its URL once it is ready."""
    needed("prometheus-alertmanager")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "alertmanager.yml"
    file.write_text(json.dumps(config))
    port = free_port()
    command = [
        "prometheus-alertmanager",
        f"--config.file={file}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _serving(folder, command, f"http://127.0.0.1:{port}") as (url, _):
        yield url


class Prometheus:
    """A stock Prometheus. `url` is where; `rules(...)` replaces its rules and has it read them."""

    def __init__(self, url: str, rules: Path, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._rules = rules
        self._process = process

    def rules(self, *alerts: Mapping[str, Any]) -> None:
        """The alerting rules from now on."""
        self._rules.write_text(_groups(alerts))
        self._process.send_signal(signal.SIGHUP)


@contextmanager
def prometheus(
    folder: Path, *, alertmanagers: Sequence[Mapping[str, Any]], rules: Sequence[Mapping[str, Any]]
) -> Iterator[Prometheus]:
    """A stock Prometheus that scrapes nothing, evaluates `rules` every second and sends alerts again every second."""
    needed("prometheus")
    folder.mkdir(parents=True, exist_ok=True)
    file, rule_file = folder / "prometheus.yml", folder / "rules.yml"
    rule_file.write_text(_groups(rules))
    intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    alerting = {"alertmanagers": alertmanagers}
    file.write_text(json.dumps({"global": intervals, "rule_files": [str(rule_file)], "alerting": alerting}))
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=1s",
    ]
    with _serving(folder, command, f"http://127.0.0.1:{port}") as (url, process):
        yield Prometheus(url, rule_file, process)


def _groups(alerts: Any) -> str:
    return json.dumps({"groups": [{"name": "test", "interval": "1s", "rules": list(alerts)}]})


@contextmanager
def _serving(folder: Path, command: list[str], url: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    said = folder / "log.txt"
    with said.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)

    def ready() -> bool:
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}: {said.read_text()[-2000:]}"
        try:
            return httpx.get(f"{url}/-/ready", trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(ready, f"{command[0]} at {url}")
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=20)
