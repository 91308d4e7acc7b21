"""The running program: the parts under supervision, the door in front of them, until it is told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from connectors.ports.journal import DECISIONS, INPUTS, Busy, Unavailable
from processors.investigate.rows import under_way
from schemas.document import DocumentInvalid
from tocsin.api import Api, Readiness, health
from tocsin.compose import PROCESSORS, VERSION, Program
from tocsin.config import host_and_port
from tocsin.door import Address, IngestDoor, RouteTable, door, rest, serve
from tocsin.door.asgi import is_loopback
from tocsin.own_errors import report, start_own_errors
from tocsin.quarantine import retry
from tocsin.reload import reload_rules
from tocsin.supervisor import Supervisor
from tocsin.telemetry import resource, start_tracing

log = structlog.get_logger("tocsin")


@dataclass(frozen=True)
class Running:
    """A program that runs. `address` is None when it has no door, `health` when no health port is configured."""

    program: Program
    supervisor: Supervisor
    address: Address | None
    health: Address | None = None


@asynccontextmanager
async def running(program: Program, processors: Sequence[str] = PROCESSORS) -> AsyncIterator[Running]:
    """Run while the block does. Leaving it stops the door first, then the parts: each finishes the unit of work in hand.

    Raises OSError when the door, or the health port, cannot listen.
    """
    configuration = program.configuration
    telemetry = configuration.telemetry
    end_tracing = start_tracing(resource(telemetry.service_name, VERSION), telemetry.otlp_traces_endpoint)
    supervisor = Supervisor(program.parts(processors), clock=program.clock, on_failure=report)
    parts = asyncio.create_task(supervisor.run(), name="supervisor")
    try:
        async with AsyncExitStack() as stack:
            # Opened first, closed last: probes are answered while the door finishes what it has begun.
            looked_at = await stack.enter_async_context(_open_health(program, supervisor))
            address = None
            if "ingest" in processors:
                address = await stack.enter_async_context(_open_door(program, supervisor))
                program.folder.publish(address.url)
                stack.callback(program.folder.retract)
            _report_own_errors(program, address)
            yield Running(program, supervisor, address, looked_at)
    finally:
        parts.cancel()
        await asyncio.wait([parts])
        end_tracing()


def _report_own_errors(program: Program, address: Address | None) -> None:
    """Without a door here, the configured one is what must not be fed: it may be another process's."""
    configuration = program.configuration
    dsn = configuration.telemetry.sentry_dsn
    host, port = (address.host, address.port) if address is not None else (configuration.host, configuration.port)
    withheld = start_own_errors(
        dsn.get_secret_value() if dsn else None, host=host, port=port, version=VERSION, clock=program.clock
    )
    if dsn and withheld:
        log.warning("own errors are not reported", because=withheld)


@asynccontextmanager
async def _open_door(program: Program, supervisor: Supervisor) -> AsyncIterator[Address]:
    configuration = program.configuration
    table = RouteTable(program.connected.sources)
    api = Api(
        journal=program.journal,
        archive=program.archive,
        submit=program.ingest.command,
        readiness=lambda: readiness(program, supervisor),
        exposition=program.metrics.exposition,
        token=program.folder.token(),
        reload=lambda: reload_rules(program, author="human:api", origin="api"),
        retry=lambda identity: retry(program, identity),
    )
    ingest = IngestDoor(program.ingest, table, loopback=is_loopback(configuration.host), meters=program.metrics)
    async with serve(door(ingest, rest(api.routes(), table)), configuration.host, configuration.port) as address:
        try:
            yield address
        finally:
            api.close()


@asynccontextmanager
async def _open_health(program: Program, supervisor: Supervisor) -> AsyncIterator[Address | None]:
    where = program.configuration.health
    if where is None:
        yield None
        return
    routes = health(lambda: readiness(program, supervisor), program.metrics.exposition)
    host, port = host_and_port(where)
    async with serve(rest(routes, RouteTable([])), host, port, grace_s=1.0) as address:
        log.info("health", address=address.url)
        yield address


def readiness(program: Program, supervisor: Supervisor) -> Readiness:
    """Which parts are ready: each main loop, and the journal."""
    states = {name: "running" if health.running else "stopped" for name, health in supervisor.health.items()}
    faults = {
        name: health.last_error or "not running" for name, health in supervisor.health.items() if not health.running
    }
    fault = program.store.fault()
    if fault is not None:
        faults["journal"] = fault
    return Readiness({**states, "journal": "failing" if fault else "writing"}, faults)


async def until_stopped(program: Program) -> None:
    """Return at SIGINT or SIGTERM; at SIGHUP read the rules again."""
    stop = asyncio.Event()
    again = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    stopped = asyncio.create_task(stop.wait())
    while not stop.is_set():
        asked = asyncio.create_task(again.wait())
        await asyncio.wait([stopped, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if again.is_set():
            again.clear()
            try:
                await reload_rules(program, author="human:signal", origin="system")
            except (DocumentInvalid, OSError, Busy, Unavailable) as error:
                log.error("the rules in force stay in force", because=str(error))


async def settled(program: Program, *, timeout_s: float) -> bool:
    """Wait until everything accepted is decided and every decision is dealt with and in the ledger; False after the timeout.

    Work that is due later (a retry, an expiry, a page's next step) is not waited for.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        if await _is_settled(program):
            return True
        await asyncio.sleep(0.02)
    return False


async def _is_settled(program: Program) -> bool:
    journal = program.journal
    inputs, decisions = await journal.head(INPUTS), await journal.head(DECISIONS)
    if (
        await journal.position("triage", INPUTS) < inputs
        or await journal.position("investigate", DECISIONS) < decisions
    ):
        return False
    if await journal.pending("investigate") and await under_way(journal):
        return False
    for stream, head in ((INPUTS, inputs), (DECISIONS, decisions)):
        if await journal.position("act", stream) < head or await journal.position("record", stream) < head:
            return False
    return (await journal.head(INPUTS), await journal.head(DECISIONS)) == (inputs, decisions)
