"""`tocsin doctor`: checks the configuration and what it leans on, with the fix for each finding."""

import asyncio
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import httpx
import typer
from rich.text import Text

from connectors.ledger import verify
from connectors.ports.brokers import Brokers
from connectors.ports.clock import SystemClock
from processors.analyst.loop.case import Price
from schemas.document import DocumentInvalid
from tocsin.checkups import looked
from tocsin.cli.output import NO, Config, Json, configured, emit, show
from tocsin.compose import VERSION, connect, load_playbooks, load_rules
from tocsin.config import JournalSettings, Loaded
from tocsin.folder import DataFolder
from tocsin.models import NONE, facts_of
from tocsin.story import plain

if TYPE_CHECKING:
    from connectors.journal.kafka import Look

Grade = Literal["ok", "note", "fault"]
MARKS: dict[Grade, tuple[str, str]] = {"ok": ("✓", "green"), "note": ("·", "yellow"), "fault": ("✗", "bold red")}
ROOM = 512 * 1024 * 1024
"""Bytes of free space under which the disk is a finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    grade: Grade
    about: str
    found: str
    fix: str = ""


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
            emit({"grade": finding.grade, "about": finding.about, "found": finding.found, "fix": finding.fix})
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
    yield Finding("ok", "configuration", f"{where} (Tocsin {VERSION})")
    yield from _language(loaded)
    yield from _connectors(loaded)
    yield _models(loaded)
    yield from (Finding(each.grade, each.about, each.found, each.fix) for each in looked(loaded))
    folder = DataFolder(loaded.data)
    url = folder.published()
    for check in (_folder, _disk, _sqlite):
        yield check(folder)
    yield _running(url) if url else _port(loaded)
    yield from _shared(loaded.configuration.journal)
    yield _ledger(folder)


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
        yield Finding(look.grade, look.about, look.found, look.fix)


def _language(loaded: Loaded) -> Iterator[Finding]:
    try:
        library = load_playbooks(loaded, connect(loaded.instances))
        yield Finding("ok", "playbooks", f"{len(list(library))} without a fault")
        rules = load_rules(loaded, library)
        yield Finding("ok", "rules", f"{len(rules.rules)} without a fault, version {rules.version}")
    except (DocumentInvalid, OSError) as error:
        yield Finding(
            "fault",
            "rules, playbooks",
            str(error),
            "mend the files named; `tocsin rules check` and `tocsin playbooks check` show the same",
        )


def _connectors(loaded: Loaded) -> Iterator[Finding]:
    connected = connect(loaded.instances)
    heard = sorted({f"{source.name}/{source.instance}" for source in (*connected.sources, *connected.pollers)})
    yield Finding("ok", "sources", ", ".join(heard))
    for kind, action in sorted(connected.actions.items()):
        missing = action.missing()
        if missing is None:
            yield Finding("ok", "action", f"{kind} can be executed")
        else:
            yield Finding("note", "action", f"{kind} is recorded as proposed, never sent", missing)


def _models(loaded: Loaded) -> Finding:
    models = loaded.configuration.models
    named = sorted({name for names in models.roles.values() for name in names if name != NONE})
    if not named:
        return Finding("ok", "models", "none: the model-free analyst looks into everything")
    found = "; ".join(f"{role}: {', '.join(names)}" for role, names in sorted(models.roles.items()))
    free = [name for name in named if facts_of(name, models).price == Price()]
    if free:
        fix = (
            f"set models.known.*.price for {', '.join(free)} unless they are free: bounds in money do not hold for them"
        )
        return Finding("note", "models", found, fix)
    return Finding("ok", "models", found)


def _folder(folder: DataFolder) -> Finding:
    try:
        folder.make()
        probe = folder.path / ".probe"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Finding(
            "fault",
            "data folder",
            f"{folder.path}: {error.strerror}",
            "make it writable for this user, or set `data` to another folder",
        )
    return Finding("ok", "data folder", f"{folder.path} can be written")


def _disk(folder: DataFolder) -> Finding:
    free = shutil.disk_usage(folder.path if folder.path.exists() else folder.path.parent).free
    text = f"{free / 1e9:.1f} GB free"
    if free < ROOM:
        return Finding(
            "fault",
            "disk",
            text,
            "make room: without it nothing can be accepted; pages go out by the emergency journal alone",
        )
    return Finding("ok", "disk", text)


def _sqlite(_folder: DataFolder) -> Finding:
    return Finding("ok", "sqlite", f"{sqlite3.sqlite_version}")


def _port(loaded: Loaded) -> Finding:
    host, port = loaded.configuration.host, loaded.configuration.port
    try:
        with socket.create_server((host, port)):
            return Finding("ok", "door", f"{host}:{port} is free; nothing runs now")
    except OSError as error:
        return Finding(
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
        return Finding(
            "fault",
            "program",
            f"said to run at {url}, does not answer: {error}",
            "look at its log; end it and start `tocsin up` again",
        )
    if answer.status_code != 200:
        return Finding("fault", "program", f"runs at {url}, not ready: {state.get('faults')}", "its log says more")
    return Finding("ok", "program", f"runs at {url}, every part ready")


def _ledger(folder: DataFolder) -> Finding:
    if not folder.ledger.is_dir():
        return Finding("note", "ledger", "nothing is recorded yet")
    found = verify(folder.ledger)
    if not found.holds:
        return Finding("fault", "ledger", f"{len(found.findings)} findings", "`tocsin ledger verify` names them")
    return Finding("ok", "ledger", f"{found.records:,} records, whole")
