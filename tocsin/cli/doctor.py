"""`tocsin doctor`: checks the configuration and what it leans on, with the fix for each finding."""

import asyncio
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import httpx
import typer
from rich.text import Text

from connectors.ledger import verify
from connectors.ports.brokers import Brokers
from connectors.ports.clock import SystemClock
from connectors.ports.journal import JournalError
from connectors.ports.ledger import Head
from processors.analyst.loop.case import Price
from schemas.document import DocumentInvalid
from schemas.printed import Finding
from tocsin.checkups import looked
from tocsin.cli.ledger import known_head
from tocsin.cli.output import NO, Config, Json, busy, configured, emit, show
from tocsin.compose import VERSION, connect, load_playbooks, load_rules
from tocsin.config import JournalSettings, Loaded
from tocsin.folder import DataFolder
from tocsin.models import NONE, facts_of
from tocsin.story import counted, plain

if TYPE_CHECKING:
    from connectors.journal.kafka import Look

Grade = Literal["ok", "note", "fault"]
MARKS: dict[Grade, tuple[str, str]] = {"ok": ("✓", "green"), "note": ("·", "yellow"), "fault": ("✗", "bold red")}
ROOM = 512 * 1024 * 1024
"""Bytes of free space under which the disk is a finding."""


def _found(grade: Grade, about: str, found: str, fix: str = "") -> Finding:
    return Finding(grade=grade, about=about, found=found, fix=fix)


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command()(doctor)


def doctor(config: Config = None, as_json: Json = False) -> None:
    """Check configuration, rules, playbooks, models and remotes, folder, disk, port, ledger; exit 1 if there is a fault."""
    loaded = configured(config)
    faulty = False
    for finding in examine(loaded):
        faulty |= finding.grade == "fault"
        if as_json:
            emit(finding)
            continue
        mark, style = MARKS[finding.grade]
        show(Text.assemble((f"{mark} ", style), (f"{finding.about:18} ", "bold"), plain(finding.found)))
        if finding.fix:
            show(Text(f"                     → {plain(finding.fix)}", "dim"))
    if faulty:
        raise typer.Exit(NO)


def examine(loaded: Loaded) -> Iterator[Finding]:
    """Everything that is checked, in order."""
    where = str(loaded.file) if loaded.file else "none: every default holds"
    yield _found("ok", "configuration", f"{where} (Tocsin {VERSION})")
    yield from _language(loaded)
    yield from _connectors(loaded)
    yield _models(loaded)
    with busy("asking models and remotes"):
        answers = looked(loaded)
    yield from (_found(each.grade, each.about, each.found, each.fix) for each in answers)
    folder = DataFolder(loaded.data)
    url = folder.published()
    for check in (_folder, _disk, _sqlite):
        yield check(folder)
    yield _running(url) if url else _port(loaded)
    yield from _shared(loaded.configuration.journal)
    yield _ledger(loaded, folder)


def _shared(settings: JournalSettings) -> Iterator[Finding]:
    if settings.kafka is None or settings.postgres is None:
        return

    from connectors.journal.kafka import examine_servers  # 30 MB, for those who have brokers

    async def looks() -> "list[Look]":
        brokers, database = Brokers.at(settings.kafka or "", settings.security), settings.postgres
        looking = examine_servers(
            brokers,
            database.get_secret_value() if database else "",
            clock=SystemClock(),
            tenant=settings.tenant,
            replicas=settings.replicas,
        )
        return [look async for look in looking]

    for look in asyncio.run(looks()):
        yield _found(look.grade, look.about, look.found, look.fix)


def _language(loaded: Loaded) -> Iterator[Finding]:
    try:
        library = load_playbooks(loaded, connect(loaded.instances))
        yield _found("ok", "playbooks", f"{len(list(library))} without a fault")
        rules = load_rules(loaded, library)
        yield _found("ok", "rules", f"{len(rules.rules)} without a fault, version {rules.version}")
    except (DocumentInvalid, OSError) as error:
        yield _found(
            "fault",
            "rules, playbooks",
            str(error),
            "mend the files named; `tocsin rules check` and `tocsin playbooks check` show the same",
        )


def _connectors(loaded: Loaded) -> Iterator[Finding]:
    connected = connect(loaded.instances)
    heard = sorted({f"{source.name}/{source.instance}" for source in (*connected.sources, *connected.pollers)})
    yield _found("ok", "sources", ", ".join(heard))
    for kind, action in sorted(connected.actions.items()):
        missing = action.missing()
        if missing is None:
            yield _found("ok", "action", f"{kind} can be executed")
        else:
            yield _found("note", "action", f"{kind} is recorded as proposed, never sent", missing)


def _models(loaded: Loaded) -> Finding:
    models = loaded.configuration.models
    named = sorted({name for names in models.roles.values() for name in names if name != NONE})
    if not named:
        return _found("ok", "models", "none: the model-free analyst looks into everything")
    found = "; ".join(f"{role}: {', '.join(names)}" for role, names in sorted(models.roles.items()))
    free = [name for name in named if facts_of(name, models).price == Price()]
    if free:
        fix = (
            f"set models.known.*.price for {', '.join(free)} unless they are free: bounds in money do not hold for them"
        )
        return _found("note", "models", found, fix)
    return _found("ok", "models", found)


def _folder(folder: DataFolder) -> Finding:
    there = _nearest(folder.path)
    if folder.path.exists() and there != folder.path:
        return _found("fault", "data folder", f"{folder.path} is a file", "set `data` to a folder")
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".probe"):
            pass
    except OSError as error:
        return _found(
            "fault",
            "data folder",
            f"{folder.path}: nothing can be written in {there}: {error.strerror}",
            "make it writable for this user, or set `data` to another folder",
        )
    if there != folder.path:
        return _found("ok", "data folder", f"{folder.path} is not there yet, and can be made")
    return _found("ok", "data folder", f"{folder.path} can be written")


def _nearest(path: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    return next(each for each in (path, *path.absolute().parents) if each.is_dir())


def _disk(folder: DataFolder) -> Finding:
    free = shutil.disk_usage(_nearest(folder.path)).free
    text = f"{free / 1e9:.1f} GB free"
    if free < ROOM:
        return _found(
            "fault",
            "disk",
            text,
            "make room: without it nothing can be accepted; pages go out by the emergency journal alone",
        )
    return _found("ok", "disk", text)


def _sqlite(_folder: DataFolder) -> Finding:
    return _found("ok", "sqlite", f"{sqlite3.sqlite_version}")


def _port(loaded: Loaded) -> Finding:
    host, port = loaded.configuration.host, loaded.configuration.port
    try:
        with socket.create_server((host, port)):
            return _found("ok", "door", f"{host}:{port} is free; nothing runs now")
    except OSError as error:
        return _found(
            "fault",
            "door",
            f"{host}:{port} cannot be listened on: {error.strerror}",
            "end what listens there, or set `listen` to another port",
        )


def _running(url: str) -> Finding:
    try:
        answer = httpx.get(f"{url}/readyz", timeout=5, trust_env=False)
        state = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return _found(
            "fault",
            "program",
            f"said to run at {url}, does not answer: {error}",
            "look at its log; end it and start `tocsin up` again",
        )
    if answer.status_code != 200:
        return _found("fault", "program", f"runs at {url}, not ready: {state.get('faults')}", "its log says more")
    return _found("ok", "program", f"runs at {url}, every part ready")


def _ledger(loaded: Loaded, folder: DataFolder) -> Finding:
    try:
        if not folder.ledger.is_dir() and loaded.configuration.journal.kafka is not None:
            return _found("note", "ledger", "none in this data folder: the process that records has it in its own")
        if not folder.ledger.is_dir():
            return _found("note", "ledger", "nothing is recorded yet")
        found = verify(folder.ledger, head=_head(loaded))
    except FileNotFoundError:
        return _found("note", "ledger", "nothing is recorded yet")
    except OSError as error:
        fix = "mend what the message names, or run this as the user of the program"
        return _found("fault", "ledger", f"cannot be read: {error}", fix)
    if not found.holds:
        return _found("fault", "ledger", counted(len(found.findings), "finding"), "`tocsin ledger verify` names them")
    return _found("ok", "ledger", f"{counted(found.records, 'record')}, whole")


def _head(loaded: Loaded) -> Head | None:
    try:
        return known_head(loaded)
    except (JournalError, OSError):
        return None  # what is wrong with the journal is a finding of its own
