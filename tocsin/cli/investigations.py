"""`tocsin steer` and `tocsin ask`: talking to an investigation, while it runs and after it has concluded."""

import asyncio
from typing import Annotated

import typer
from rich.text import Text

from connectors.ports.clock import SystemClock
from connectors.ports.journal import INPUTS, recorded
from processors.analyst.loop.names import ANSWER
from processors.investigate.rows import INVESTIGATIONS, STEPS
from schemas import Command, Investigation, Step
from tocsin.cli.commands import command_of, deliver
from tocsin.cli.look import Identity, incident_of, reading
from tocsin.cli.output import NO, UNREACHABLE, Config, Json, busy, configured, emit, explained, fail, show
from tocsin.compose import opened
from tocsin.config import Loaded
from tocsin.folder import DataFolder
from tocsin.store import Reading
from tocsin.story import plain
from tocsin.up import running

LOOK_S = 0.2
OVER = ("concluded", "failed")


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command()(steer)
    app.command()(ask)


def steer(
    identity: Identity,
    text: Annotated[str, typer.Argument(help="What it should know or look at")] = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Stop it: it concludes from what it has, and does nothing")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell a running investigation something; ID is its own or its incident's."""
    loaded = configured(config)
    found = _found(loaded, identity)
    if found.status in OVER:
        fail(NO, f"investigation {found.id!r} is {found.status}: `tocsin ask {found.id} ...` goes on with it")
    if not text and not cancel:
        fail(NO, "nothing to tell; give a text, or --cancel")
    said = {"investigation_id": found.id, "text": text, **({"cancel": True} if cancel else {})}
    command = command_of("steer", said, reason=text, incident_id=found.incident_id, rehearsal=found.incident.rehearsal)
    runs = deliver(loaded, command)
    if as_json:
        emit(command)
    else:
        show(f"steer: recorded as {command.id}" + ("" if runs else "; it takes effect when `tocsin up` runs"))


def ask(
    identity: Identity,
    question: Annotated[str, typer.Argument(help="What you want to know")],
    wait_s: Annotated[float, typer.Option("--wait", help="Seconds to wait for the answer", min=0)] = 300,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Go on with a concluded investigation, from what it recorded; ID is its own or its incident's."""
    loaded = configured(config)
    found = _found(loaded, identity)
    if found.status not in OVER:
        fail(NO, f"investigation {found.id!r} is {found.status}: `tocsin steer {found.id} ...` talks to it")
    said = {"investigation_id": found.id, "text": question}
    command = command_of(
        "ask", said, reason=question, incident_id=found.incident_id, rehearsal=found.incident.rehearsal
    )
    with explained(), busy("waiting for the answer"):
        if DataFolder(loaded.data).published() is not None:
            deliver(loaded, command)
            answer = asyncio.run(_heard(loaded, command, wait_s))
        else:
            answer = asyncio.run(_here(loaded, command, wait_s))
    if answer is None:
        fail(UNREACHABLE, f"no answer within {wait_s:g} s; it will stand in `tocsin why {found.incident_id}`")
    if as_json:
        emit(answer)
    else:
        show(Text(plain(str(answer.result["text"]))))


async def _here(loaded: Loaded, command: Command, wait_s: float) -> Step | None:
    """In this process: no program runs."""
    async with opened(loaded, clock=SystemClock()) as program, running(program, ("investigate", "record")):
        await program.journal.append(INPUTS, [recorded(command)])
        return await _answer(program.journal, command, wait_s)


async def _heard(loaded: Loaded, command: Command, wait_s: float) -> Step | None:
    async with reading(loaded) as (reader, _):
        return await _answer(reader, command, wait_s)


async def _answer(reader: Reading, command: Command, wait_s: float) -> Step | None:
    end = asyncio.get_running_loop().time() + wait_s
    while True:
        for _, raw in await reader.scan(STEPS, f"{command.data['investigation_id']}/"):
            if command.id.encode() in raw:
                step = Step.from_json(raw)
                if step.name == ANSWER:
                    return step
        if asyncio.get_running_loop().time() >= end:
            return None
        await asyncio.sleep(LOOK_S)


def _found(loaded: Loaded, identity: str) -> Investigation:
    """The investigation of that id, or the latest of the incident of that id. Ends the command when there is none."""

    async def look() -> Investigation | None:
        async with reading(loaded) as (reader, archive):
            raw = await reader.get(INVESTIGATIONS, identity)
            if raw is not None:
                return Investigation.from_json(raw)
            incident = await incident_of(archive, identity)
            latest: Investigation | None = None
            for decision in await archive.decisions(incident_id=incident.id):
                if decision.kind == "investigation.started" and decision.investigation_id is not None:
                    row = await reader.get(INVESTIGATIONS, decision.investigation_id)
                    found = Investigation.from_json(row) if row is not None else None
                    latest = found if found is not None and found.parent_id is None else latest
            return latest

    with explained():
        found = asyncio.run(look())
    if found is None:
        fail(NO, f"nobody looked into {identity!r} yet; `tocsin why {identity}` says why")
    return found
