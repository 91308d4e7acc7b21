"""What a person tells Tocsin: approve, deny, acknowledge, resolve, feedback, silence; each is a recorded command."""

import asyncio
import getpass
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import httpx
import typer
from rich.text import Text

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, recorded
from connectors.ports.spaces import QUARANTINE
from schemas import Command, CommandKind, Decision, digest
from schemas.quarantine import Quarantine
from tocsin.cli.look import Identity, incident_of, reading
from tocsin.cli.output import NO, UNREACHABLE, USAGE, Config, Json, configured, emit, explained, fail, show
from tocsin.compose import opened
from tocsin.config import Loaded
from tocsin.folder import DataFolder
from tocsin.store import Reading
from tocsin.story import counted, plain

HEARD_S = 5.0
"""How long a command waits to be decided about."""
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the decision")]
quarantine = typer.Typer(help="What could not be read.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    for command in (approve, deny, acknowledge, resolve, separate, feedback):
        app.command()(command)


def approve(
    action: Annotated[str, typer.Argument(help="The action's id")],
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let a proposed action happen."""
    send(configured(config), "approve", {"action_id": action}, reason=reason, as_json=as_json)


def deny(
    action: Annotated[str, typer.Argument(help="The action's id")],
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Refuse a proposed action."""
    send(configured(config), "deny", {"action_id": action}, reason=reason, as_json=as_json)


def acknowledge(identity: Identity, reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Say that somebody has an incident in hand."""
    _about(identity, configured(config), "acknowledge", {}, reason=reason, as_json=as_json)


def resolve(identity: Identity, reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Say that an incident is over."""
    _about(identity, configured(config), "resolve", {}, reason=reason, as_json=as_json)


def separate(identity: Identity, reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Say that an incident is no part of the one it joined; it is told of by itself from there on."""
    _about(identity, configured(config), "separate", {}, reason=reason, as_json=as_json)


def feedback(
    identity: Identity,
    verdict: Annotated[str, typer.Argument(help="What it really was: noise, duplicate, known, actionable or urgent")],
    text: Annotated[str, typer.Option("--text", "-t", help="More about it; kept with the verdict")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say what an incident really was."""
    if verdict not in ("noise", "duplicate", "known", "actionable", "urgent"):
        fail(USAGE, f"verdict {verdict!r}; expected noise, duplicate, known, actionable or urgent")
    _about(identity, configured(config), "feedback", {"verdict": verdict, "text": text}, reason=text, as_json=as_json)


@quarantine.command("list")
def quarantined(config: Config = None, as_json: Json = False) -> None:
    """List what could not be read."""

    async def look() -> list[Quarantine]:
        async with reading(configured(config)) as (reader, _):
            return [Quarantine.from_json(row) for _, row in await reader.scan(QUARANTINE)]

    with explained():
        found = asyncio.run(look())
    for each in found:
        if as_json:
            emit(each)
        else:
            show(
                Text(
                    plain(
                        f"{each.id}  {each.source}/{each.instance}  {counted(len(each.content), 'byte')}  {each.reason}"
                    )
                )
            )
    if not found and not as_json:
        show("Nothing is in quarantine.")


@quarantine.command("retry")
def try_again(
    identity: Annotated[str, typer.Argument(help="The id `quarantine list` shows")], config: Config = None
) -> None:
    """Give it to its connector again, through the running program."""
    told = post(DataFolder(configured(config).data), f"/api/v1/quarantine/{identity}/retry")
    show(f"read now: {counted(told['signals'], 'signal')}")


def _about(
    identity: str, loaded: Loaded, kind: CommandKind, data: Mapping[str, Any], *, reason: str, as_json: bool
) -> None:
    async def look() -> tuple[str, bool]:
        async with reading(loaded) as (_, archive):
            incident = await incident_of(archive, identity)
            return incident.id, incident.rehearsal

    with explained():
        incident_id, rehearsal = asyncio.run(look())
    send(loaded, kind, data, reason=reason, incident_id=incident_id, rehearsal=rehearsal, as_json=as_json)


def send(
    loaded: Loaded,
    kind: CommandKind,
    data: Mapping[str, Any],
    *,
    reason: str,
    incident_id: str | None = None,
    rehearsal: bool = False,
    as_json: bool,
) -> None:
    """Record it, and say what became of it. Ends the command with NO when it was refused."""
    command = command_of(kind, data, reason=reason, incident_id=incident_id, rehearsal=rehearsal)
    with explained():
        decision = asyncio.run(_delivered(loaded, command))
    if as_json:
        emit(command)
    if decision is not None and decision.kind == "command.refused":
        fail(NO, decision.because)
    if as_json:
        return
    show(f"{kind}: recorded as {command.id}")
    if decision is not None:
        show(Text(plain(decision.because)))
    elif DataFolder(loaded.data).published() is not None:
        show(
            f"Not decided yet after {HEARD_S:.0f} s: `tocsin tail` shows when it is, `tocsin doctor` what holds it up."
        )
    else:
        roles = ", or triage and act do" if loaded.configuration.journal.kafka is not None else ""
        show(f"It takes effect when `tocsin up` runs{roles}.")


def command_of(
    kind: CommandKind, data: Mapping[str, Any], *, reason: str, incident_id: str | None = None, rehearsal: bool = False
) -> Command:
    """A command of whoever is at the keyboard."""
    now = SystemClock().now()
    return Command(
        id=digest("cmd", kind, now, secrets.token_hex(8)),
        kind=kind,
        author=f"human:{getpass.getuser()}",
        reason=reason,
        origin="cli",
        at=now,
        incident_id=incident_id,
        rehearsal=rehearsal,
        data=dict(data),
    )


def somebody_runs(loaded: Loaded) -> bool:
    """Whether a program answers here, or may elsewhere over a shared journal."""
    return loaded.configuration.journal.kafka is not None or DataFolder(loaded.data).published() is not None


async def _delivered(loaded: Loaded, command: Command) -> Decision | None:
    """What was decided about it, where somebody decides; None when nobody does, or not in time."""
    if not somebody_runs(loaded):
        await asyncio.to_thread(deliver, loaded, command)
        return None
    async with reading(loaded) as (reader, _):
        after = await reader.head(DECISIONS)
        await asyncio.to_thread(deliver, loaded, command)
        return await _heard(reader, command, after)


async def _heard(reader: Reading, command: Command, after: int) -> Decision | None:
    loop = asyncio.get_running_loop()
    end = loop.time() + HEARD_S
    while (left := end - loop.time()) > 0 and await reader.wait(DECISIONS, after=after, timeout_s=left):
        for entry in await reader.read(DECISIONS, after=after):
            after = entry.offset
            if entry.kind == "decision" and command.id.encode() in entry.payload:
                decision = Decision.from_json(entry.payload)
                if command.id in decision.cause:
                    return decision
    return None


def deliver(loaded: Loaded, command: Command) -> bool:
    """Through the running program, or straight into the journal when none runs; whether one runs."""
    folder = DataFolder(loaded.data)
    runs = folder.published() is not None
    with explained():
        if runs:
            post(folder, "/api/v1/commands", command.to_json())
        else:
            asyncio.run(_append(loaded, command))
    return runs


def post(folder: DataFolder, path: str, content: bytes = b"") -> dict[str, Any]:
    """Ask the running program; ends the command when none runs, it does not answer, or it says no."""
    url = folder.published()
    if url is None:
        fail(UNREACHABLE, f"no program runs over {folder.path}; start `tocsin up`")
    headers = {"authorization": f"Bearer {folder.known_token() or ''}"}
    try:
        answer = httpx.post(f"{url}{path}", content=content, headers=headers, timeout=30, trust_env=False)
    except httpx.HTTPError as error:
        fail(UNREACHABLE, f"the program at {url} does not answer: {error}")
    if not answer.is_success:
        told = (
            answer.json()
            if answer.headers.get("content-type", "").startswith("application/json")
            else {"error": answer.text[:300]}
        )
        fail(NO, "\n".join([str(told.get("error", answer.status_code)), *map(str, told.get("faults", []))]))
    return dict(answer.json())


async def _append(loaded: Loaded, command: Command) -> None:
    async with opened(loaded, clock=SystemClock()) as program:
        await program.journal.append(INPUTS, [recorded(command)])
