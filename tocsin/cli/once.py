"""`tocsin triage` and `tocsin parse`: files through the pipeline, or through a connector alone."""

import asyncio
import glob
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer
from rich.text import Text

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS
from connectors.ports.source import Received
from schemas import Decision, Record
from tocsin.cli.look import reading
from tocsin.cli.output import (
    NO,
    UNREACHABLE,
    USAGE,
    Config,
    Json,
    busy,
    complain,
    configured,
    emit,
    explained,
    fail,
    show,
)
from tocsin.compose import Program, opened
from tocsin.config import Loaded
from tocsin.door.asgi import REHEARSAL, is_loopback
from tocsin.folder import DataFolder
from tocsin.once import NotReadable, Prepared, prepare, receive, said, sources_of
from tocsin.recorded import Recorded, recorded
from tocsin.store import Reading
from tocsin.story import plain, story
from tocsin.telemetry import start_logging
from tocsin.up import running, settled

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Bodies as received; a sibling STEM.meta.json gives method, path and headers; - reads standard input"
    ),
]
Connector = Annotated[
    str | None, typer.Option("--connector", help="NAME or NAME/INSTANCE; by the path in the meta file otherwise")
]
SETTLE_S = 120.0
QUIET_S = 2.0
"""How long the running program must have decided nothing more in rehearsal for the story to be over."""


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command()(triage)
    app.command()(parse)


def parse(files: Files, connector: Connector = None, config: Config = None, as_json: Json = False) -> None:
    """Print the signals a connector makes of recorded requests; nothing is stored."""
    sources = sources_of(configured(config).instances)
    failed = False
    for request in _requests(files, connector):
        try:
            prepared = prepare(request, sources, connector, now=SystemClock().now())
            failed |= not _print_received(request.name, receive(prepared), as_json=as_json)
        except NotReadable as error:
            complain(str(error))
            failed = True
    if failed:
        raise typer.Exit(NO)


def triage(
    files: Files,
    connector: Connector = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record", help="Keep the result in the configured store, through the running server where there is one"
        ),
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put recorded requests through the whole pipeline once and tell the story. Nothing is ever sent."""
    loaded = configured(config)
    start_logging("text", "error")
    requests = _requests(files, connector)
    try:
        prepared = [
            prepare(request, sources_of(loaded.instances), connector, now=SystemClock().now()) for request in requests
        ]
    except NotReadable as error:
        fail(NO, str(error))
    folder = DataFolder(loaded.data)
    url = folder.published() if record else None
    refused: list[str] = []
    with explained(), busy("deciding"):
        if url is not None:
            _must_be_a_rehearsal(url)
            decisions = asyncio.run(_through_the_server(url, loaded, prepared))
        elif record:
            decisions = asyncio.run(_here(loaded, prepared, None, refused))
        else:
            with tempfile.TemporaryDirectory(prefix="tocsin-") as throw_away:
                decisions = asyncio.run(_here(loaded, prepared, Path(throw_away), refused))
    _tell(decisions, as_json=as_json)
    for each in refused:
        complain(each)
    if refused:
        raise typer.Exit(NO)


def _must_be_a_rehearsal(url: str) -> None:
    """A door that is open to others takes nobody's word that something is only played: then it would be real."""
    if not is_loopback(urlsplit(url).hostname or ""):
        fail(
            NO,
            f"the program at {url} is open to other machines and takes no rehearsals; leave --record out, or let it listen on 127.0.0.1",
        )


async def _here(
    loaded: Loaded, prepared: Sequence[Prepared], throw_away: Path | None, refused: list[str]
) -> list[Decision]:
    """In this process, over the configured journal or one that is thrown away; what is not taken is added to `refused`."""
    async with opened(loaded, clock=SystemClock(), throw_away=throw_away, rehearsal=True) as program:
        before = await program.journal.head(DECISIONS)
        async with running(program, ("triage", "investigate", "act", "record")):
            for each in prepared:
                reply = await program.ingest.receive([each.source], each.request, rehearsal=True)
                if reply.status >= 400:
                    refused.append(f"{each.name}: {said(reply)}")
            if not await settled(program, timeout_s=SETTLE_S):
                fail(UNREACHABLE, f"not everything was decided within {SETTLE_S:.0f} s; `tocsin doctor` may say why")
        return await _decided_since(program, before)


async def _decided_since(program: Program, before: int) -> list[Decision]:
    entries = await program.journal.read(DECISIONS, after=before, limit=100_000)
    return [Decision.from_json(entry.payload) for entry in entries]


async def _through_the_server(url: str, loaded: Loaded, prepared: Sequence[Prepared]) -> list[Decision]:
    """Through the door of the program that runs, marked as a rehearsal; read back from its journal."""
    async with reading(loaded) as (reader, _):
        before = await reader.head(DECISIONS)
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            for each in prepared:
                path = each.request.path + (f"?{each.request.query}" if each.request.query else "")
                headers = {**each.request.headers, REHEARSAL: "1"}
                answer = await client.request(each.request.method, path, content=each.request.raw_body, headers=headers)
                if not answer.is_success:
                    fail(NO, f"{each.name}: the server at {url} answered {answer.status_code}: {answer.text[:300]}")
        return await _rehearsed(reader, before)


async def _rehearsed(reader: Reading, after: int) -> list[Decision]:
    """What a program that runs decides in rehearsal from here on: until all it investigates is concluded and nothing more comes.

    What it decides beside that is not waited for, however much it is.
    """
    clock, found = SystemClock(), list[Decision]()
    start = latest = clock.monotonic()
    while clock.monotonic() - start < SETTLE_S:
        await reader.wait(DECISIONS, after=after, timeout_s=QUIET_S / 4)
        for entry in await reader.read(DECISIONS, after=after):
            after = entry.offset
            decision = Decision.from_json(entry.payload)
            if decision.rehearsal:
                found.append(decision)
                latest = clock.monotonic()
        if clock.monotonic() - latest > QUIET_S and not _being_investigated(found):
            return found
    return found


def _being_investigated(found: Sequence[Decision]) -> bool:
    selected = {each.incident_id for each in found if each.kind == "playbook.selected"}
    ends = ("investigation.concluded", "investigation.failed", "playbook.skipped")
    return bool(selected - {each.incident_id for each in found if each.kind in ends})


def _requests(files: Sequence[Path], connector: str | None) -> list[Recorded]:
    found = []
    for file in files:
        default = f"/in/{connector}" if connector else "/"
        if _is_beside_a_body(file):
            continue
        if str(file) == "-":
            found.append(Recorded("standard input", "POST", default, {}, sys.stdin.buffer.read()))
        elif file.is_file():
            try:
                found.append(recorded(file, default_path=default))
            except (OSError, ValueError) as error:
                fail(UNREACHABLE, str(error))
        else:
            fail(UNREACHABLE if not file.exists() else USAGE, f"{file} is not a file that can be read")
    return found


def _is_beside_a_body(file: Path) -> bool:
    """Whether it only says how another file was sent: whoever names all files of a folder does not mean it."""
    stem = file.name.removesuffix(".meta.json")
    return stem != file.name and any(each.stem == stem for each in file.parent.glob(f"{glob.escape(stem)}.*"))


def _print_received(name: str, received: Received, *, as_json: bool) -> bool:
    """False when part of it could not be read."""
    for signal in received.signals:
        first = Text(f"{signal.severity:9}{signal.status:13}", "bold")
        _print(
            signal,
            Text.assemble(first, plain(signal.title), (f"  {signal.service or ''}  {signal.id}", "dim")),
            as_json=as_json,
        )
    for batch in received.batches:
        _print(
            batch,
            Text.assemble(f"{len(batch.lines)} log lines", (f"  {batch.service or ''}  {batch.id}", "dim")),
            as_json=as_json,
        )
    for poison in received.poison:
        complain(f"{name}: a part cannot be read: {poison.reason}")
    if not as_json:
        ignored = ", ".join(f"{count} {kind}" for kind, count in received.ignored.items())
        if ignored or not (received.signals or received.batches or received.poison):
            show(
                Text(
                    f"{name}: nothing to make a signal of: {ignored or 'empty'}"
                    if not received.signals
                    else f"{name}: ignored {ignored}",
                    "dim",
                )
            )
    return not received.poison


def _print(record: Record, line: Text, *, as_json: bool) -> None:
    if as_json:
        emit(record)
    else:
        show(line)


def _tell(decisions: Sequence[Decision], *, as_json: bool) -> None:
    if as_json:
        for decision in decisions:
            emit(decision)
        return
    incidents = dict.fromkeys(decision.incident_id for decision in decisions if decision.incident_id)
    for incident_id in incidents:
        show(story([decision for decision in decisions if decision.incident_id == incident_id]))
    if not incidents:
        show("No incident: nothing that was heard made a rule open one.")
    for decision in decisions:
        if decision.incident_id is None and decision.kind.startswith("signal."):
            show(Text(f"{decision.kind}: {plain(decision.because)}", "dim"))
