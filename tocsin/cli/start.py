"""`tocsin up` and `tocsin run`: everything in one process, or some processors."""

import asyncio
import os
import shutil
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Annotated

import httpx
import structlog
import typer
from rich.text import Text

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS
from schemas import Decision
from tocsin.cli.output import UNREACHABLE, USAGE, Config, configured, explained, fail, show
from tocsin.compose import PROCESSORS, Program, opened
from tocsin.config import Loaded
from tocsin.door.asgi import REHEARSAL
from tocsin.garbage import spare_what_stays
from tocsin.patience import ToldToStop
from tocsin.recorded import shipped
from tocsin.story import plain, short, story
from tocsin.telemetry import start_logging
from tocsin.up import Running, running, settled, until_stopped

log = structlog.get_logger("tocsin")
SAMPLES_S = 30.0


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command()(up)
    app.command()(run)


def up(
    config: Config = None,
    samples: Annotated[
        bool,
        typer.Option(
            "--samples", help="Send a few recorded requests through the door, as a rehearsal, and tell their story"
        ),
    ] = False,
) -> None:
    """Run everything in one process, until Ctrl-C."""
    _start(configured(config), PROCESSORS, samples=samples)


def run(
    names: Annotated[list[str], typer.Argument(help=f"Which processors: {', '.join(PROCESSORS)}")],
    config: Config = None,
) -> None:
    """Run some processors alone. With the embedded journal one process at a time writes it."""
    for name in names:
        if name not in PROCESSORS:
            fail(USAGE, f"unknown processor {name!r}; expected some of {', '.join(PROCESSORS)}")
    _start(configured(config), names, samples=False)


def _start(loaded: Loaded, processors: Sequence[str], *, samples: bool) -> None:
    os.umask(0o077)  # the journal and the ledger hold what production said: for this user alone
    telemetry = loaded.configuration.telemetry
    start_logging(telemetry.log_format, telemetry.log_level)
    with explained(), suppress(ToldToStop):
        _loop_of_its_own(_serve(loaded, processors, samples=samples))


def _loop_of_its_own(main: Coroutine[object, object, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)


async def _serve(loaded: Loaded, processors: Sequence[str], *, samples: bool) -> None:
    async with (
        opened(loaded, clock=SystemClock(), patient=True) as program,
        running(program, processors) as now_running,
    ):
        spare_what_stays()
        stopped = asyncio.create_task(until_stopped(program))
        where = now_running.address.url if now_running.address else "no door"
        log.info(
            "up",
            address=where,
            data=str(program.folder.path),
            rules=program.ruleset.version,
            processors=list(processors),
        )
        if samples and now_running.address is not None:
            telling = asyncio.create_task(tell_samples(now_running))
            await asyncio.wait([telling, stopped], return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
            telling.cancel()
        await stopped
        log.info("stopping")


async def tell_samples(now_running: Running) -> None:
    """Send the shipped requests through the door, wait for what follows, and print it."""
    program, address = now_running.program, now_running.address
    assert address is not None  # noqa: S101 - the caller has a door
    before = await program.journal.head(DECISIONS)
    async with httpx.AsyncClient(base_url=address.url, timeout=10, trust_env=False) as client:
        for request in shipped(program.journal.now()):
            headers = {**request.headers, REHEARSAL: "1"}
            answer = await client.request(request.method, request.path, content=request.body, headers=headers)
            show(
                Text.assemble(
                    (f"→ {request.method} {request.path}", "bold"),
                    f"  {request.name}  ",
                    (str(answer.status_code), "green" if answer.is_success else "red"),
                )
            )
            if not answer.is_success:
                fail(UNREACHABLE, f"the sample {request.name} was refused: {answer.text}")
    if not await settled(program, timeout_s=SAMPLES_S):
        log.warning("the samples are not through yet; `tocsin incidents` shows what is there")
    told = await _incidents_since(program, before)
    if not told:
        show("These samples were heard before; repeats decide nothing. What was decided the first time:")
        told = [incident.id for incident in await program.archive.incidents() if incident.rehearsal][-2:]
    for incident_id in told:
        show(story(await program.archive.decisions(incident_id=incident_id)))
    hint = f"{_called()} why {short(told[0])}" if told else f"{_called()} incidents --all"
    show(Text(f"\nServing at {plain(address.url)} until Ctrl-C. In another terminal: {hint}", "dim"))


def _called() -> str:
    """The program's name as it can be typed here."""
    return "tocsin" if shutil.which("tocsin") else os.path.relpath(sys.argv[0])


async def _incidents_since(program: Program, offset: int) -> list[str]:
    found: dict[str, None] = {}
    for entry in await program.journal.read(DECISIONS, after=offset, limit=10_000):
        if entry.kind != "decision":
            continue
        decision = Decision.from_json(entry.payload)
        if decision.incident_id and decision.rehearsal:
            found[decision.incident_id] = None
    return list(found)
