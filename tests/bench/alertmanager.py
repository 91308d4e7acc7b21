"""What an alert costs here and in Alertmanager, on the same loads in the same minute: `python tests/bench/alertmanager.py [--json]`.

20,000 alerts of 10 labels are posted to `/api/v2/alerts` in batches of 100, and the CPU time of the server's whole process is divided by
their number once all groups were told of: here from the request to decisions in the local stream (door, redaction, journal, triage), there
to the webhook. Alertmanager (`prometheus-alertmanager`, as `.ci/servers` installs it) is measured where it is installed, turn by turn with us.
`engine` is the rule layer alone: from signals to the bytes of decisions and rows, in batches of 500.
"""

import argparse
import asyncio
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson
import uvloop

from connectors.alertmanager import AlertmanagerSettings, AlertmanagerSource
from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from connectors.ports.source import Request
from processors.ingest import Ingest, Redactor
from processors.triage.loop import run as run_triage
from rules.engine import Engine
from rules.load import load_texts
from rules.ruleset import RuleSet
from rules.written import Writing, as_json
from schemas import Command, to_rfc3339
from schemas.ids import digest
from tests.bench.hook import counting
from tests.support.servers import alertmanager
from tocsin.door import IngestDoor, RouteTable, door, rest, serve
from tocsin.garbage import spare_what_stays
from tocsin.telemetry import Metrics, resource

SECOND = 1_000_000
BATCH, COMMIT = 100, 500


@dataclass(frozen=True, slots=True)
class Load:
    """How the alerts are spread, and what stands between them and their groups; `interval` in seconds."""

    name: str
    groups: int = 200
    routes: int = 0
    inhibitions: int = 0
    silences: int = 0
    interval: int = 5


LOADS = (
    Load("200 groups"),
    Load("1,000 routes", routes=1000),
    Load("100 inhibit rules", inhibitions=100),
    Load("1,000 silences", silences=1000),
    Load("each alert its own group", groups=0, interval=60),
)


def alerts_of(load: Load, number: int) -> list[dict[str, Any]]:
    """Alerts of ten labels, as a Prometheus posts them."""
    start = to_rfc3339(SystemClock().now())
    made = []
    for n in range(number):
        labels = {
            "alertname": f"A{n % 50}", "g": str(n % (load.groups or number)), "n": str(n), "instance": f"host-{n % 500}", "job": "node",
            "severity": "warning", "team": "t", "region": "eu", "inh": str(n % 100), "route": str(n % max(load.routes, 1)),
        }  # fmt: skip
        made.append({"labels": labels, "annotations": {"summary": "it is bad"}, "startsAt": start})
    return made


def bodies_of(load: Load, number: int) -> list[bytes]:
    alerts = alerts_of(load, number)
    return [orjson.dumps(alerts[first : first + BATCH]) for first in range(0, number, BATCH)]


def our_rules(load: Load) -> RuleSet:
    children = [
        {"name": f"route-{n}", "when": f'labels.route == "{n}"', "playbook": f"page-{n}"} for n in range(load.routes)
    ]
    top = {
        "name": "pages", "when": 'source == "alertmanager"', "group_by": ["labels.g"], "group_wait": "1s",
        "group_interval": f"{load.interval}s", "repeat_interval": "4h", "playbook": "page",
    }  # fmt: skip
    rules = [{**top, "rules": children} if children else top]
    for n in range(load.inhibitions):
        inhibit = {"when": f'labels.inh == "{n}"', "equal": ["labels.g"]}
        rules.append({"name": f"inhibit-{n}", "when": f'labels.alertname == "Source{n}"', "inhibit": inhibit})
    return load_texts({"bench.yaml": orjson.dumps({"rules": rules}).decode()}, reached=False)


def our_silences(load: Load) -> list[bytes]:
    now = SystemClock().now()
    until = to_rfc3339(now + 3600 * SECOND)
    return [
        Command(
            id=digest("cmd", "silence", n), kind="silence", author="human:bench", reason="bench", origin="cli", at=now,
            data={"matcher": f'labels.n == "silenced-{n}"', "until": until},
        ).to_json()
        for n in range(load.silences)
    ]  # fmt: skip


def engine(load: Load, number: int) -> float:
    """CPU seconds of the rule layer alone: the alerts come within two seconds, and all groups are told of."""
    ruleset = our_rules(load)
    source = AlertmanagerSource(AlertmanagerSettings(), "default")
    begun = SystemClock().now()
    payloads: list[bytes] = []
    for body in bodies_of(load, number):
        request = Request("POST", "/api/v2/alerts", "", {}, body, body, begun, trusted=True)
        payloads += [signal.to_json() for signal in source.receive(request).signals]
    deciding = Engine(ruleset)
    state = deciding.state()
    for command in our_silences(load):
        deciding.advance(state, orjson.loads(command), kind="command", now=begun)
    state.take_changes()
    spare_what_stays()
    told = 0

    def commit(decisions: list[Any]) -> None:
        nonlocal told
        puts, _ = state.take_changes()
        for row in puts.values():
            as_json(row)
        state.rest()
        writing = Writing()
        for decision in decisions:
            writing.decision(decision)
        told += sum(len(decision.data["signals"]) for decision in decisions if decision.kind == "playbook.notified")

    used = time.process_time()
    out: list[Any] = []
    for index, payload in enumerate(payloads):
        now = begun + 2 * SECOND * index // number
        out += deciding.advance(state, orjson.loads(payload), kind="signal", now=now)
        if index % COMMIT == COMMIT - 1:
            commit(out)
            out = []
    while (due := deciding.next_due(state)) is not None and due < begun + 10 * SECOND:
        out += deciding.advance(state, {}, kind="tick", now=due)
        if len(out) > COMMIT:
            commit(out)
            out = []
    commit(out)
    used = time.process_time() - used
    if told < number:
        raise RuntimeError(f"only {told} of {number} alerts were told of: this measures nothing")
    return used


async def serving(load: Load, folder: Path) -> None:
    """Our process: says its address, serves until a line comes in, and says how many alerts were told of."""
    clock = SystemClock()
    journal = open_journal(folder / "journal.sqlite", clock=clock)
    table = RouteTable([AlertmanagerSource(AlertmanagerSettings(), "default")])
    metrics = Metrics(resource("tocsin", "bench"))
    admitting = Ingest(journal, redactor=Redactor(os.urandom(32)), clock=clock, meters=metrics)
    whole = door(IngestDoor(admitting, table, loopback=True, meters=metrics), rest([], table))
    triage = asyncio.create_task(run_triage(journal, Engine(our_rules(load)), owner="bench"))
    await journal.wait(DECISIONS, after=0)
    if silences := our_silences(load):
        await journal.append(INPUTS, [NewRecord("command", silence) for silence in silences])
        while await journal.position("triage", INPUTS) < await journal.head(INPUTS):
            await asyncio.sleep(0.05)
    async with serve(whole, "127.0.0.1", 0) as address:
        spare_what_stays()
        print(address.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    triage.cancel()
    await asyncio.wait({triage})
    told, after = set(), 0
    while entries := await journal.read(DECISIONS, after=after, limit=1000):
        after = entries[-1].offset
        for entry in entries:
            decision = orjson.loads(entry.payload)
            if decision["kind"] == "playbook.notified":
                told.update(signal["id"] for signal in decision["data"]["signals"])
    print(len(told), flush=True)
    await journal.close()


@contextmanager
def ours(load: Load, folder: Path) -> Iterator[tuple[int, int, Callable[[], int]]]:
    """Port, process and a way to stop it, which says how many alerts were told of."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--serve", load.name, "--folder", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("no pipes")
    stdin, stdout = child.stdin, child.stdout
    port = int(stdout.readline())

    def stop() -> int:
        stdin.write("\n")
        stdin.flush()
        return int(stdout.readline())

    try:
        yield port, child.pid, stop
    finally:
        child.kill() if child.poll() is None and sys.exc_info()[0] else child.wait(timeout=60)


@contextmanager
def theirs(load: Load, folder: Path) -> Iterator[tuple[int, int, Callable[[], int]]]:
    """The same of an Alertmanager, with a webhook that keeps what it gets."""
    with counting(lambda body: (alert["labels"]["n"] for alert in orjson.loads(body)["alerts"])) as (address, names):
        hook = {"webhook_configs": [{"url": address, "send_resolved": False, "max_alerts": 0}]}
        routes = [{"receiver": "page", "matchers": [f'route="{n}"']} for n in range(load.routes)]
        config = {
            "route": {
                "receiver": "page", "group_by": ["g"], "group_wait": "1s", "group_interval": f"{load.interval}s",
                "repeat_interval": "4h", "routes": routes,
            },
            "receivers": [{"name": "page", **hook}],
            "inhibit_rules": [
                {"source_matchers": [f'alertname="Source{n}"'], "target_matchers": [f'inh="{n}"'], "equal": ["g"]}
                for n in range(load.inhibitions)
            ],
        }  # fmt: skip
        with alertmanager(folder, config) as url:
            port = int(url.rsplit(":", 1)[1])
            for n in range(load.silences):
                now = SystemClock().now()
                silence = {
                    "matchers": [{"name": "n", "value": f"silenced-{n}", "isRegex": False, "isEqual": True}],
                    "startsAt": to_rfc3339(now), "endsAt": to_rfc3339(now + 3600 * SECOND), "createdBy": "b", "comment": "b",
                }  # fmt: skip
                _post(port, "/api/v2/silences", orjson.dumps(silence))

            yield port, _listening(port), lambda: len(names)


def _listening(port: int) -> int:
    """The process that listens on a port of loopback."""
    address = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()
    inode = next(line.split()[9] for line in lines if line.split()[1] == address and line.split()[3] == "0A")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                links = [os.readlink(link) for link in (entry / "fd").iterdir()]
            except OSError:
                continue
            if f"socket:[{inode}]" in links:
                return int(entry.name)
    raise RuntimeError(f"nobody listens on {port}")


def _post(port: int, path: str, *bodies: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for body in bodies:
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path} answered {answer.status}: {said[:200]!r}")
    connection.close()


def _cpu(pid: int) -> float:
    """Seconds of CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def posted(load: Load, number: int, port: int, pid: int, told: Callable[[], int], *, asks: bool) -> float:
    """CPU seconds of the server until all was told. `asks`: whether `told` may be asked while it works."""
    bodies = bodies_of(load, number)
    before, began = _cpu(pid), time.monotonic()
    _post(port, "/api/v2/alerts", *bodies)
    # A group is looked at for the first time after 1 s, and again after the interval.
    time.sleep(1.0 + (load.interval if load.groups else 0) + 1.5)
    while asks and told() < number and time.monotonic() - began < 120:
        time.sleep(0.5)
    used = _cpu(pid) - before
    if (found := told()) < number:
        raise RuntimeError(f"only {found} of {number} alerts were told of: this measures nothing")
    return used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--alerts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=None, help="where to write; the disk decides much")
    parser.add_argument("--only", action="append", help="loads by name; all otherwise")
    parser.add_argument("--part", action="append", choices=("engine", "ours", "theirs"), help="all otherwise")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    by_name = {load.name: load for load in LOADS}
    if chosen.serve:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serving(by_name[chosen.serve], chosen.folder))
        return
    if chosen.engine:
        print(engine(by_name[chosen.engine], chosen.alerts))
        return
    parts = chosen.part or ["engine", "ours", "theirs"]
    if shutil.which("prometheus-alertmanager") is None and "theirs" in parts:
        print(
            "prometheus-alertmanager is not installed (`.ci/servers` installs it): measured without it", file=sys.stderr
        )
        parts = [part for part in parts if part != "theirs"]
    figures: dict[str, list[float]] = {}
    for turn in range(chosen.rounds):
        for load in LOADS if not chosen.only else [by_name[name] for name in chosen.only]:
            with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
                for part in parts:
                    used = _measured(part, load, chosen.alerts, Path(folder) / f"{part}-{turn}")
                    figures.setdefault(f"{_NAMES[part]}, {load.name}", []).append(used / chosen.alerts * 1e6)
    for name, values in figures.items():
        row = {"name": name, "median": statistics.median(values), "best": min(values), "unit": "µs CPU an alert"}
        print(
            json.dumps(row) if chosen.json else f"{name:50} {row['median']:>10,.1f} {row['best']:>10,.1f} {row['unit']}"
        )


_NAMES = {"engine": "alerts: rule layer alone", "ours": "alerts: request to decision", "theirs": "alerts: Alertmanager"}


def _measured(part: str, load: Load, number: int, folder: Path) -> float:
    folder.mkdir()
    if part == "engine":
        command = [sys.executable, __file__, "--engine", load.name, "--alerts", str(number)]
        return float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    with (ours if part == "ours" else theirs)(load, folder) as (port, pid, told):
        return posted(load, number, port, pid, told, asks=part == "theirs")


if __name__ == "__main__":
    main()
