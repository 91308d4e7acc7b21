"""What could not be read: listed, and tried again after the connector or its configuration was mended."""

from connectors.ports.source import Refused, Request
from connectors.ports.spaces import QUARANTINE
from schemas.quarantine import Quarantine
from tocsin.compose import Program
from tocsin.once import sources_of


class StillUnreadable(Exception):
    """It is as unreadable as before, and stays where it is. The message says why."""


async def retry(program: Program, identity: str) -> int:
    """Give it to its source again, as a request of its own that needs no signature; returns how many signals came of it.

    Raises KeyError when nothing of that id is in quarantine, StillUnreadable, Busy and Unavailable.
    """
    row = await program.journal.get(QUARANTINE, identity)
    if row is None:
        raise KeyError(identity)
    held = Quarantine.from_json(row)
    sources = [
        each
        for each in sources_of(program.loaded.instances)
        if (each.name, each.instance) == (held.source, held.instance)
    ]
    if not sources:
        raise StillUnreadable(f"no source {held.source}/{held.instance} is configured")
    now = program.journal.now()
    request = Request(
        "POST", f"/in/{held.source}/{held.instance}", "", {}, held.content, held.content, now, trusted=True
    )
    try:
        received = sources[0].receive(request)
    except Refused as refused:
        raise StillUnreadable(f"{refused.reason}: {refused}") from refused
    if received.poison:
        raise StillUnreadable(received.poison[0].reason)
    reply = await program.ingest.receive(sources, request)
    if reply.status >= 400:
        raise StillUnreadable(f"answered {reply.status}: {reply.body.decode('utf-8', 'replace')[:300]}")
    async with program.journal.unit() as unit:
        unit.delete(QUARANTINE, identity)
    return len(received.signals) + len(received.batches)
