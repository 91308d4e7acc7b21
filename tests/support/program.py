"""The real program for tests that look at it from outside: in this process, or as a child that can be stopped and killed.

async with program(tmp_path, config) as here:            # on this event loop, on a free port
    await here.http.post("/in/alertmanager", json=...)
    await here.until("incident.opened")

with child(tmp_path, config) as there:                    # `tocsin up` of its own
    there.kill()                                          # SIGKILL
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner, Result

from connectors.ports.clock import Clock, SystemClock
from connectors.ports.journal import DECISIONS, INPUTS
from schemas import Command, Decision, Incident, LogBatch, Signal
from tests.support.ground import present
from tests.support.linear_server import LinearServer
from tests.support.nursery import Born, born
from tocsin.cli.app import app
from tocsin.compose import PROCESSORS, opened
from tocsin.config import load
from tocsin.folder import DataFolder
from tocsin.up import Running, running, settled

T = TypeVar("T")
DEADLINE_S = 30.0
"""How long a test waits for what must come."""


def configure(folder: Path, config: Mapping[str, Any] | None = None) -> Path:
    """Write `tocsin.yaml` (JSON is YAML): a free port of loopback, a data folder beside it, and the journal on the present ground,
    unless `config` says otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tocsin.yaml"
    usual = {"listen": "127.0.0.1:0", "data": "data", "journal": present().section(folder)}
    file.write_text(json.dumps({**usual, **(config or {})}, indent=1))
    return file


def to_linear(server: LinearServer, **settings: Any) -> dict[str, Any]:
    """The settings of the connector `linear` that act in a loopback Linear."""
    return {"api_key": server.api_key, "url": server.url, "team": "OPS", **settings}


@dataclass
class Here:
    """A program in this process."""

    running: Running
    config: Path
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        """Where its door is."""
        return str(self.http.base_url).rstrip("/")

    @property
    def folder(self) -> DataFolder:
        """Its data folder."""
        return self.running.program.folder

    def api(self) -> dict[str, str]:
        """The header the programming interface asks for."""
        return {"authorization": f"Bearer {self.folder.token()}"}

    async def decisions(self, *kinds: str) -> list[Decision]:
        """What was decided so far, in order; of the kinds given, or all."""
        entries = await self.running.program.journal.read(DECISIONS, after=0, limit=100_000)
        found = [Decision.from_json(entry.payload) for entry in entries]
        return [each for each in found if not kinds or each.kind in kinds]

    async def until(
        self, kind: str, *, count: int = 1, where: Callable[[Decision], bool] = lambda _: True
    ) -> list[Decision]:
        """Wait until so many decisions of a kind are there; returns them. Raises TimeoutError saying what was decided instead."""
        journal = self.running.program.journal
        try:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    head = await journal.head(DECISIONS)
                    found = [each for each in await self.decisions(kind) if where(each)]
                    if len(found) >= count:
                        return found
                    await journal.wait(DECISIONS, after=head)
        except TimeoutError:
            told = [f"{each.kind}: {each.because}" for each in await self.decisions()]
            raise TimeoutError(f"no {count} x {kind} within {DEADLINE_S:.0f} s; decided was {told}") from None

    async def settle(self) -> None:
        """Wait until nothing is left to do. Raises TimeoutError."""
        if not await settled(self.running.program, timeout_s=DEADLINE_S):
            raise TimeoutError(f"not settled within {DEADLINE_S:.0f} s")

    async def inputs(self) -> list[Signal | LogBatch | Command]:
        """What was accepted, in order (ticks left out)."""
        shapes = {"signal": Signal, "batch": LogBatch, "command": Command}
        entries = await self.running.program.journal.read(INPUTS, after=0, limit=100_000)
        return [shapes[entry.kind].from_json(entry.payload) for entry in entries if entry.kind in shapes]  # type: ignore[attr-defined]

    async def incidents(self) -> Sequence[Incident]:
        """Every incident as it is now."""
        return await self.running.program.archive.incidents()

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels, as a scraper reads them."""
        return metric((await self.http.get("/metrics")).text, name, **labels)

    async def command(self, *arguments: str) -> Result:
        """A command of the command line, about this program, while it goes on."""
        return await asyncio.to_thread(cli, *arguments, config=self.config)


@asynccontextmanager
async def program(
    folder: Path,
    config: Mapping[str, Any] | None = None,
    *,
    clock: Clock | None = None,
    processors: Sequence[str] = PROCESSORS,
) -> AsyncIterator[Here]:
    """Run the program on this event loop until the block is left."""
    file = configure(folder, config)
    loaded = load(file, folder=folder, environment=os.environ)
    async with (
        opened(loaded, clock=clock or SystemClock()) as composed,
        running(composed, processors) as now_running,
    ):
        assert now_running.address is not None
        async with httpx.AsyncClient(base_url=now_running.address.url, timeout=DEADLINE_S, trust_env=False) as http:
            yield Here(now_running, file, http)


@dataclass
class Child:
    """A `tocsin up` of its own. `stdout` and `stderr` are files, so that nothing it prints can block it."""

    process: Born
    config: Path
    folder: DataFolder
    stdout: Path
    stderr: Path
    url: str = ""
    http: httpx.Client = field(default_factory=httpx.Client)

    def api(self) -> dict[str, str]:
        """The header the programming interface asks for."""
        return {"authorization": f"Bearer {self.folder.known_token() or ''}"}

    def until(self, look: Callable[[], T], what: str = "it") -> T:
        """Look again until something true comes back; returns it. Raises TimeoutError with what the child logged."""
        return until(look, f"{what}; the child logged {self.stderr.read_text()[-3000:]}")

    def terminate(self) -> int:
        """SIGTERM; returns the exit status once it is gone."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL; returns the exit status once it is gone."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self.process.wait(timeout=DEADLINE_S)


@contextmanager
def child(
    folder: Path, config: Mapping[str, Any] | None = None, *options: str, data: Path | None = None
) -> Iterator[Child]:
    """Start `tocsin up` with a configuration of its own and wait for its door; killed on leaving if it still runs."""
    file = configure(folder, {**(config or {}), **({"data": str(data)} if data else {})})
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    for each in (out, err):
        each.write_bytes(b"")
    process = born(
        "tocsin",
        ["up", "--config", str(file), *options],
        folder=folder,
        out=out,
        err=err,
        environment={**os.environ, "COLUMNS": "160"},
    )
    started = Child(process, file, DataFolder(data or folder / "data"), out, err)
    try:
        started.url = started.until(lambda: _address(started), "its address")
        with httpx.Client(base_url=started.url, timeout=DEADLINE_S, trust_env=False) as started.http:
            yield started
    finally:
        started.kill()


def _address(started: Child) -> str:
    if started.process.poll() is not None:
        raise AssertionError(f"it ended with {started.process.returncode}: {started.stderr.read_text()[-3000:]}")
    try:
        found = json.loads(started.folder.address.read_text())
    except FileNotFoundError:
        return ""
    return str(found["url"]) if found["pid"] == started.process.pid else ""


def metric(exposition: str, name: str, **labels: str) -> float:
    """The sum of the samples of that name (`..._total` for a counter) that have these labels; 0 without any."""
    samples = [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())


def until(look: Callable[[], T], what: str = "it", *, within_s: float = DEADLINE_S) -> T:
    """Look again until something true comes back; returns it. Raises TimeoutError."""
    end = monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if monotonic() > end:
            raise TimeoutError(f"{what} did not come within {within_s:.0f} s; found {found!r}")
        sleep(0.02)


def cli(*arguments: str, config: Path | None = None, stdin: str | bytes | None = None) -> Result:
    """A command of the command line, in this process; `config` names the configuration file."""
    named = ["--config", str(config)] if config is not None else []
    return CliRunner().invoke(app, [*arguments, *named], input=stdin, env={"COLUMNS": "160"})


def tocsin(*arguments: str, folder: Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """A command of the command line as a process of its own, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "160"},
    )


def lines_of(result: Result | subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    """Each line of `--json` output, parsed."""
    return [json.loads(line) for line in result.stdout.splitlines() if line.strip()]
