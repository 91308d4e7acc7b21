"""`tocsin incidents`, `show` and `why`: looking at what was decided, whether the program runs or not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from rich.text import Text

from connectors.ports.archive import Archive
from connectors.ports.clock import SystemClock
from connectors.ports.spaces import INCIDENTS
from processors.act.rows import ACTIONS
from processors.investigate.rows import INVESTIGATIONS, RUNNING
from rules.explain import explain
from schemas import Action, Decision, Incident, Investigation, Signal
from tocsin.cli.output import NO, UNREACHABLE, Config, Json, configured, emit, explained, fail, show
from tocsin.cli.together import rendered, together
from tocsin.compose import connect, load_playbooks, load_rules
from tocsin.config import Loaded
from tocsin.folder import DataFolder
from tocsin.store import Reading, viewed
from tocsin.story import (
    counted,
    incident_heading,
    last_actions,
    member_line,
    plain,
    short,
    standing,
    story,
    timeline,
)

MOST_INCIDENTS, MOST_DECISIONS, MOST_MEMBERS = 100_000, 100_000, 30
PAGE = 1_000
Identity = Annotated[str, typer.Argument(help="An id, or as much of its beginning as tells it apart")]


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command()(incidents)
    app.command("show")(show_)
    app.command()(why)


@asynccontextmanager
async def reading(loaded: Loaded) -> AsyncIterator[tuple[Reading, Archive]]:
    """The journal and the archive over it, to look at. Ends the command when there is none."""
    folder = DataFolder(loaded.data)
    try:
        async with viewed(loaded.configuration.journal, folder, clock=SystemClock()) as (reader, archive):
            yield reader, archive
    except FileNotFoundError as missing:
        fail(UNREACHABLE, f"{missing}: start `tocsin up`, or name another configuration with --config")


def incidents(
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones and rehearsals too")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most, the latest")] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List incidents, the latest last."""

    async def look() -> Sequence[Incident]:
        async with reading(configured(config)) as (reader, archive):
            return await archive.incidents(limit=limit) if everything else await _open_ones(reader)

    with explained():
        wanted = asyncio.run(look())
    found = wanted[-limit:]
    if len(found) < len(wanted) and not as_json:
        more = counted(len(wanted) - limit, "earlier one")
        show(Text(f"{more} not shown: --limit {len(wanted)} shows all", "yellow"))
    for incident in found:
        emit(incident) if as_json else show(incident_heading(incident))
    if not found and not as_json:
        show(Text("No open incident." if not everything else "No incident.", "dim"))


async def _open_ones(reader: Reading) -> list[Incident]:
    """What is open and no rehearsal, however old, in the order of opening. Years of incidents that are over are passed by undecoded."""
    found, after = list[Incident](), None
    while page := await reader.scan(INCIDENTS, after=after, limit=PAGE):
        after = page[-1][0]
        for _, row in page:
            said = orjson.loads(row)
            if said["status"] != "resolved" and not said.get("rehearsal"):
                found.append(Incident.from_json(row))
    return sorted(found, key=lambda each: (each.opened_at, each.id))


def show_(identity: Identity, config: Config = None, as_json: Json = False) -> None:
    """Show one incident as it is now."""

    async def look() -> tuple[Incident, str, Sequence[Action], Sequence[Incident]]:
        async with reading(configured(config)) as (reader, archive):
            incident = await incident_of(archive, identity)
            decided = await archive.decisions(incident_id=incident.id, limit=MOST_DECISIONS)
            actions = [await _as_it_is(reader, each) for each in last_actions(decided)]
            members = [await archive.incident(each) for each in incident.members[:MOST_MEMBERS]]
            known = sorted((each for each in members if each is not None), key=lambda each: each.first_seen)
            return incident, await _under_way(reader, incident.id), actions, known

    with explained():
        incident, looking, actions, members = asyncio.run(look())
    if as_json:
        emit(incident)
        return
    show(incident_heading(incident))
    facts = {
        "looked into": looking,
        "id": incident.id,
        "rule": incident.rule,
        "playbook": incident.playbook,
        "group": ", ".join(f"{key}={value}" for key, value in incident.group.items()),
        "owner": incident.owner,
        "verdict": incident.verdict,
        "opened outside": ", ".join(each.url or f"{each.system} {each.id}" for each in incident.external),
        "acknowledged by": incident.acknowledged_by,
        "part of": incident.parent,
        "tells of": counted(len(incident.members), "other incident") if incident.members else "",
        "began in": _root(incident),
        "links": ", ".join(link.url for link in incident.links),
    }
    for name, value in facts.items():
        if value:
            show(Text.assemble((f"{name:16}", "dim"), plain(value)))
        if name == "tells of":
            for member in members:
                show(Text(f"{'':16}{plain(member_line(member))}"))
            if len(incident.members) > len(members):
                show(Text(f"{'':16}and {len(incident.members) - len(members):,} more", "dim"))
    for action in actions:
        show(Text.assemble((f"{'action':16}", "dim"), plain(f"{action.id}  {action.kind}  {standing(action)}")))


def _root(incident: Incident) -> str:
    root = incident.root
    return ": ".join(filter(None, (f"{root.service} ({root.incident_id})", ", ".join(root.because)))) if root else ""


async def _as_it_is(reader: Reading, action: Action) -> Action:
    """An attempt that certainly came to nothing is no decision: the action's row alone knows why."""
    row = await reader.get(ACTIONS, action.id)
    return action if row is None else Action.from_json(row)


async def _under_way(reader: Reading, incident_id: str) -> str:
    """How far the investigation is that is queued, at work or waiting; empty when there is none."""
    identity = await reader.get(RUNNING, incident_id)
    row = await reader.get(INVESTIGATIONS, identity.decode()) if identity is not None else None
    if row is None:
        return ""
    found = Investigation.from_json(row)
    state = {"running": "now", "paused": f"waits for {found.waits_for}"}.get(found.status, found.status)
    return f"{state}, {counted(found.steps, 'step')} so far; `tocsin steer {short(incident_id)} ...` talks to it"


def why(
    identity: Identity,
    other: Annotated[
        str | None,
        typer.Option(
            "--with", help="Another incident: say why the two belong together by the rules as they are, or why not"
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell the story of an incident, or what became of a signal and why."""
    loaded = configured(config)
    with explained():
        if other is not None:
            asyncio.run(_why_together(loaded, identity, other, as_json=as_json))
            return
        if identity.startswith(("sig_", "bat_")):
            asyncio.run(_why_signal(loaded, identity, as_json=as_json))
            return
        decisions = asyncio.run(_story_of(loaded, identity))
    if as_json:
        for decision in decisions:
            emit(decision)
    else:
        show(story(decisions))


async def _why_together(loaded: Loaded, identity: str, other: str, *, as_json: bool) -> None:
    ruleset = load_rules(loaded, load_playbooks(loaded, connect(loaded.instances)))
    async with reading(loaded) as (_, archive):
        one, two = await incident_of(archive, identity), await incident_of(archive, other)
        verdicts = await together(archive, ruleset, one, two)
    if as_json:
        for verdict in verdicts:
            emit({"way": verdict.way, "holds": verdict.holds, "terms": [asdict(term) for term in verdict.terms]})
    else:
        show(Text(plain(rendered(one, two, verdicts))))


async def _story_of(loaded: Loaded, identity: str) -> Sequence[Decision]:
    async with reading(loaded) as (_, archive):
        incident = await incident_of(archive, identity)
        return await archive.decisions(incident_id=incident.id, limit=MOST_DECISIONS)


async def _why_signal(loaded: Loaded, identity: str, *, as_json: bool) -> None:
    async with reading(loaded) as (_, archive):
        signal = await archive.signal(identity)
        if signal is None:
            fail(
                NO,
                f"no signal {identity!r} in the journal; the whole id is needed, and retention may have passed it (`tocsin ledger sql` sees further)",
            )
        decided = await _decisions_on(archive, signal)
    if as_json:
        emit(signal)
        for decision in decided:
            emit(decision)
        return
    show(
        Text.assemble(
            (signal.title, "bold"), (f"  {signal.type} {signal.status} {signal.severity}  {signal.id}", "dim")
        )
    )
    show(
        timeline(decided)
        if decided
        else Text("No decision names it: it was counted, or matched nothing. By the rules as they are now:", "dim")
    )
    library = load_playbooks(loaded, connect(loaded.instances))
    told = explain(
        load_rules(loaded, library), orjson.loads(signal.to_json()), None, signal.accepted_at or signal.received_at
    )
    show(Text(plain(told.render())))


async def _decisions_on(archive: Archive, signal: Signal) -> list[Decision]:
    found = []
    for incident in await archive.incidents(limit=10_000):
        if signal.id in incident.signal_ids:
            found += [each for each in await archive.decisions(incident_id=incident.id) if signal.id in each.cause]
    return found


async def incident_of(archive: Archive, identity: str) -> Incident:
    """The incident whose id begins so. Ends the command when there is none, or more than one."""
    exact = await archive.incident(identity)
    if exact is not None:
        return exact
    wanted = identity if identity.startswith("inc_") else f"inc_{identity}"
    found = [each for each in await archive.incidents(limit=MOST_INCIDENTS) if each.id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        fail(NO, f"no incident {identity!r}; `tocsin incidents --all` lists them")
    return fail(
        NO, f"{identity!r} begins {len(found)} ids ({', '.join(each.id for each in found[:5])}); write more of it"
    )
