"""A real server that tests drive: a process of this machine, or a container where a Docker engine answers."""

import gc
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import sleep
from typing import NoReturn, Protocol

import docker
import pytest
import requests
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from tests.support.program import until

START_S = 60.0
DOCKER_API = "1.44"
"""Named, so that a container can be described without an engine to ask."""


class Control(Protocol):
    """How a server is made to fail and to come back, with its data and its address."""

    def stop(self) -> None:
        """Let it end in order."""

    def kill(self) -> None:
        """SIGKILL."""

    def start(self) -> None:
        """Start it again where it was; returns when it answers."""

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and says nothing."""

    def resume(self) -> None:
        """SIGCONT."""

    def log(self) -> str:
        """What it printed so far."""


@dataclass(frozen=True)
class Server:
    """A server that answers at `address` ("127.0.0.1:PORT", the same over restarts)."""

    address: str
    control: Control

    @property
    def port(self) -> int:
        """The port alone."""
        return int(self.address.rpartition(":")[2])


class Process:
    """A server as a child process; it ends with this one. `owner` is the user it runs as when we are root."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        ready: Callable[[], bool],
        owner: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [*_dies_with_us(stop_signal if owner else signal.SIGKILL), *command]
        self.folder = folder
        self._ready = ready
        self._stop_signal = stop_signal
        self._environment = {**os.environ, **(environment or {})}
        self._owner = owner if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the child that runs now, or ran last."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        self.begin()
        self.until_ready()

    def begin(self) -> None:
        """Start it, and do not wait until it answers."""
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment,
                user=self._owner,
                group=self._owner,
                extra_groups=None if self._owner is None else [],
            )

    def until_ready(self) -> None:
        """Wait until it answers."""
        until(self._answers, self._command[-1], within_s=START_S)

    def _answers(self) -> bool:
        assert self._process is not None
        ended = self._process.poll()
        assert ended is None, f"{' '.join(self._command)} ended with {ended}: {self.log()[-3000:]}"
        return self._ready()

    def stop(self) -> None:
        self._end(self._stop_signal)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        # The signal is taken thread by thread: what is sent to a server half stopped may still be answered.
        while any(_state(task) not in "tTZX" for task in Path(f"/proc/{self.pid}/task").glob("*")):
            sleep(0.001)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=10)


class Container:
    """A server in a container that was started."""

    def __init__(self, container: DockerContainer, ready: Callable[[], bool]) -> None:
        self._container = container.get_wrapped_container()
        self._ready = ready

    def start(self) -> None:
        self._container.start()
        until(self._ready, str(self._container.image), within_s=START_S)

    def stop(self) -> None:
        self._container.stop(timeout=30)

    def kill(self) -> None:
        self._container.kill()

    def pause(self) -> None:
        self._container.pause()

    def resume(self) -> None:
        self._container.unpause()

    def log(self) -> str:
        return str(self._container.logs().decode(errors="replace"))


def _state(task: Path) -> str:
    """The state of a thread (proc(5)); X when it has gone."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


@cache
def engine_answers() -> bool:
    """Whether a Docker engine answers a ping."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client forgets its socket when nobody listens there
        answered = _ping()
        gc.collect()
    return answered


def _ping() -> bool:
    client = docker.from_env(version=DOCKER_API, timeout=5)
    try:
        return bool(client.ping())
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.close()


def absent(what: str) -> NoReturn:
    """Skip the test for want of a server; with TOCSIN_REQUIRE_SERVERS=1 (CI) that is a failure."""
    reason = f"{what} not found; `.ci/servers` provides it (or start a Docker engine)"
    if os.environ.get("TOCSIN_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _dies_with_us(number: signal.Signals) -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", number.name.removeprefix("SIG")] if setpriv else []
