"""How fast the door makes requests durable, against itself answering at once: `python tests/bench/door.py [--json] [--folder DIR]`.

The server runs in this process on one event loop, the load in a second one; rounds of all cases are interleaved, so that a ratio
compares figures of the same seconds. Where others use the machine as well, the rates say little: the CPU time of the loop's thread
says more.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop

from connectors.alertmanager import AlertmanagerSettings, AlertmanagerSource
from connectors.generic.settings import GenericSettings
from connectors.generic.source import GenericSource
from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import NewRecord
from connectors.ports.source import Received, Refused, Reply, Request
from connectors.sentry.settings import SentrySettings
from connectors.sentry.source import SentrySource
from processors.ingest import Ingest, Redactor
from tocsin.door import IngestDoor, RouteTable, door, rest, serve
from tocsin.garbage import spare_what_stays
from tocsin.telemetry import Metrics, resource

CONNECTIONS = 64
SECRET = "a secret of the benchmark"
CASES = (
    "at once",
    "at once, through the door",
    "single, not kept",
    "single",
    "100 alerts",
    "100 in one array",
    "100 log lines",
)
NOOP = "/in/noop"
THROUGH = "/in/through"
NOT_KEPT = "/in/generic/not-kept"
KEY = "0123456789abcdef0123456789abcdef"


def body_of(index: int) -> dict[str, object]:
    """About 1 KB, as a deployment tool might send it."""
    return {
        "id": f"evt-{index}",
        "title": f"Checkout fails for {index % 97} % of requests",
        "status": "firing",
        "severity": "error",
        "service": "checkout",
        "environment": "production",
        "occurred_at": "2026-11-21T08:00:00Z",
        "labels": {"region": "eu-west-1", "cluster": "prod-3", "team": "payments", "pod": f"checkout-{index % 40}"},
        "message": "upstream connect error or disconnect/reset before headers. reset reason: connection timeout. " * 5,
        "url": "https://grafana.example/d/checkout?from=now-1h",
    }


def alerts_of(index: int) -> dict[str, object]:
    """Alertmanager's webhook, version 4, with 100 alerts."""
    alerts = [
        {
            "status": "firing",
            "labels": {
                "alertname": "HighLatency",
                "severity": "warning",
                "service": "checkout",
                "pod": f"pod-{index}-{n}",
            },
            "annotations": {
                "summary": f"p99 of pod-{n} is above 2 s",
                "runbook_url": "https://runbooks.example/latency",
            },
            "startsAt": "2026-11-21T07:58:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph?g0.expr=latency",
            "fingerprint": hashlib.md5(f"{index}/{n}".encode()).hexdigest()[:16],
        }
        for n in range(100)
    ]
    return {
        "version": "4", "groupKey": '{}:{alertname="HighLatency"}', "truncatedAlerts": 0, "status": "firing", "receiver": "tocsin",
        "groupLabels": {"alertname": "HighLatency"}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager.example", "alerts": alerts,
    }  # fmt: skip


def lines_of(index: int) -> bytes:
    """A Sentry SDK's envelope with 100 log lines, which become one batch."""
    items = [
        {
            "timestamp": 1795247880.0 + n / 1000,
            "trace_id": f"{index:032x}",
            "level": "error",
            "body": f"payment {index}-{n} failed: connection to 10.0.0.7:5432 timed out after 3 s",
            "severity_number": 17,
            "attributes": {"logger.name": {"value": "checkout.pay", "type": "string"}},
        }
        for n in range(100)
    ]
    head = {"dsn": f"http://{KEY}@127.0.0.1/1"}
    item = {"type": "log", "item_count": 100, "content_type": "application/vnd.sentry.items.log+json"}
    return b"\n".join(json.dumps(part).encode() for part in (head, item, {"items": items})) + b"\n"


class Nothing:
    """A source that answers at once, so that what is left is the door itself."""

    name, instance, routes, max_body, max_decompressed = "through", "default", (), 10**6, 10**6
    _received = Received(reply=Reply(200, b'{"accepted":1}', {"content-type": "application/json"}))

    def receive(self, request: Request) -> Received:
        return self._received

    def refuse(self, refused: Refused, request: Request | None) -> Reply:
        return Reply(400)

    def overloaded(self, retry_after_s: float, request: Request | None) -> Reply:
        return Reply(503)


class Nowhere:
    """A journal that takes everything at once and keeps nothing, so that what is left is all the reading."""

    def __init__(self, clock: SystemClock) -> None:
        self.now = clock.now

    async def append(self, stream: str, records: Sequence[NewRecord]) -> int:
        return 1


def requests_of(case: str) -> list[bytes]:
    """A hundred different requests of a case, head and body, ready to be sent."""
    made = []
    for index in range(100):
        match case:
            case "100 alerts":
                path, document = "/in/alertmanager", alerts_of(index)
            case "100 in one array":
                path, document = "/in/generic", [body_of(100 * index + n) for n in range(100)]
            case "100 log lines":
                path, document = "/api/1/envelope/", lines_of(index)
            case "at once":
                path, document = NOOP, body_of(index)
            case "at once, through the door":
                path, document = THROUGH, body_of(index)
            case "single, not kept":
                path, document = NOT_KEPT, body_of(index)
            case _:
                path, document = "/in/generic", body_of(index)
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        mac = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\ncontent-type: application/json\r\n"
            f"x-signature: {mac}\r\nauthorization: Bearer {SECRET}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class Sender(asyncio.Protocol):
    """One keep-alive connection: the next request when the answer to the last one is whole. Its latencies are in seconds."""

    def __init__(self, requests: Sequence[bytes], until: float, offset: int) -> None:
        self.requests, self.until, self.next = requests, until, offset
        self.latencies: list[float] = []
        self.refused = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(self.requests[self.next % len(self.requests)])
        self.next += 1

    def data_received(self, data: bytes) -> None:
        self._left += data
        end = self._left.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._left[:end].lower()
        at = head.index(b"content-length: ") + 16
        stop = head.find(b"\r\n", at)
        if len(self._left) < end + 4 + int(head[at : stop if stop > 0 else None]):
            return
        self._left = b""
        if head[9:10] != b"2":
            self.refused += 1
        now = time.perf_counter()
        self.latencies.append(now - self.sent_at)
        if now < self.until:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)


async def load(port: int, case: str, seconds: float) -> dict[str, float]:
    """Requests/s of CONNECTIONS connections, and what a request took."""
    requests = requests_of(case)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    senders = [
        (await loop.create_connection(lambda at=at: Sender(requests, began + seconds, at), "127.0.0.1", port))[1]
        for at in range(CONNECTIONS)
    ]
    await asyncio.gather(*(sender.closed for sender in senders))
    passed = time.perf_counter() - began
    latencies = sorted(latency for sender in senders for latency in sender.latencies)
    return {
        "answered": len(latencies),
        "rate": len(latencies) / passed,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "refused": sum(sender.refused for sender in senders),
    }


async def measure(
    folder: Path, *, rounds: int, seconds: float, cases: Sequence[str]
) -> dict[str, list[dict[str, float]]]:
    """Figures by case, one per round."""
    clock = SystemClock()
    journal = open_journal(folder / "journal.sqlite", clock=clock)
    sources = [
        GenericSource(GenericSettings.model_validate({"hmac": {"secrets": [SECRET]}}), "default"),
        SentrySource(SentrySettings.model_validate({"projects": {1: {"keys": [KEY]}}}), "default"),
        Nothing(),
        AlertmanagerSource(AlertmanagerSettings.model_validate({"tokens": [SECRET]}), "default"),
    ]
    table = RouteTable(sources)
    metrics = Metrics(resource("tocsin", "bench"))
    admitting = Ingest(journal, redactor=Redactor(os.urandom(32)), clock=clock, meters=metrics)
    ingest = IngestDoor(admitting, table, loopback=True, meters=metrics)
    whole = door(ingest, rest([], table))
    apart = RouteTable([GenericSource(GenericSettings.model_validate({"hmac": {"secrets": [SECRET]}}), "not-kept")])
    reading = Ingest(Nowhere(clock), redactor=Redactor(os.urandom(32)), clock=clock, meters=metrics)  # type: ignore[arg-type]
    unkept = door(IngestDoor(reading, apart, loopback=True, meters=metrics), rest([], apart))

    async def app(scope, receive, send) -> None:  # the same server, answering at once
        if scope["type"] != "http" or scope["path"] != NOOP:
            await (unkept if scope.get("path") == NOT_KEPT else whole)(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"14")]})
        await send({"type": "http.response.body", "body": b'{"accepted":1}'})

    figures: dict[str, list[dict[str, float]]] = {case: [] for case in cases}
    async with serve(app, "127.0.0.1", 0) as address:
        spare_what_stays()
        for _ in range(rounds):
            for case in cases:
                child = await asyncio.create_subprocess_exec(
                    sys.executable, __file__, "--load", str(address.port), case, str(seconds), stdout=subprocess.PIPE
                )
                began = time.thread_time()
                told, _ = await child.communicate()
                spent = time.thread_time() - began
                found = json.loads(told)
                found["cpu_us"] = spent / found["answered"] * 1e6
                if found["refused"]:
                    raise RuntimeError(f"{found['refused']} requests of {case!r} were refused: this measures nothing")
                figures[case].append(found)
    await journal.close()
    return figures


def rows_of(figures: dict[str, list[dict[str, float]]]) -> list[dict[str, object]]:
    """Median and best of each figure."""
    rows: list[dict[str, object]] = []

    def add(name: str, values: Sequence[float], unit: str) -> None:
        best = min(values) if unit in ("ms", "µs") else max(values)
        rows.append({"name": name, "median": statistics.median(values), "best": best, "unit": unit})

    for case, rounds in figures.items():
        many = 100 if case.startswith("100") else 1
        add(f"{case}: signals" if many > 1 else case, [many * found["rate"] for found in rounds], "1/s")
        signal = "signal" if many > 1 else "request"
        add(f"{case}: CPU of the loop per {signal}", [found["cpu_us"] / many for found in rounds], "µs")
        add(f"{case}: p50", [found["p50_ms"] for found in rounds], "ms")
        add(f"{case}: p99", [found["p99_ms"] for found in rounds], "ms")
    for base in ("at once", "at once, through the door", "single, not kept"):
        if "single" in figures and base in figures:
            pairs = zip(figures["single"], figures[base], strict=True)
            add(f"single: ratio to {base}", [mine["rate"] / theirs["rate"] for mine, theirs in pairs], "ratio")
            pairs = zip(figures["single"], figures[base], strict=True)
            add(
                f"single: ratio to {base}, by CPU",
                [theirs["cpu_us"] / mine["cpu_us"] for mine, theirs in pairs],
                "ratio",
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--folder", type=Path, default=None, help="where to write; the disk decides much")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="per case and round")
    parser.add_argument("--case", action="append", choices=CASES, help="only these")
    parser.add_argument("--load", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        port, case, seconds = chosen.load
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(runner.run(load(int(port), case, float(seconds)))))
        return
    with (
        tempfile.TemporaryDirectory(dir=chosen.folder) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        cases = chosen.case or CASES
        figures = runner.run(measure(Path(folder), rounds=chosen.rounds, seconds=chosen.seconds, cases=cases))
    rows = rows_of(figures)
    if chosen.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {CONNECTIONS} connections")
    print(f"{'':44} {'median':>12} {'best':>12}")
    for row in rows:
        digits = 2 if row["unit"] in ("ratio", "ms", "µs") else 0
        print(f"{row['name']!s:44} {row['median']:>12,.{digits}f} {row['best']:>12,.{digits}f} {row['unit']}")


if __name__ == "__main__":
    main()
