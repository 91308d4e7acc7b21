"""An investigator over a journal with a scripted model: everything real but what the model says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.models.opening import open_models
from connectors.models.settings import Provider
from playbooks.library import Library
from playbooks.load import read
from playbooks.model import Playbook
from processors.analyst.loop.case import Price
from processors.investigate import Facts, Investigate, Limits, Means, Roster, Spending, Storms, Switchboard
from processors.investigate.events import Event
from tests.support.checkout_story import night
from tests.support.model_server import KEY, Asked, ModelServer, Reply, Says, Script, model_server
from tests.support.probe_tool import Probe

APIS = ("anthropic", "openai-compatible")
PRICE = Price(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75)

FOUND = {
    "verdict": "actionable",
    "summary": "The checkout fails.",
    "hypothesis": "A defect in the code.",
    "confidence": 0.7,
}
"""A conclusion without its evidence."""


def concludes(*evidence: tuple[str, str], **changes: Any) -> Says:
    """A model that concludes, quoting (cites, quote)."""
    quoted = [{"cites": cites, "quote": quote, "says": "So it is."} for cites, quote in evidence]
    return Says(calls=(("conclude", {**FOUND, "evidence": quoted, **changes}),))


def asks(*calls: tuple[str, dict[str, Any]], **how: Any) -> Says:
    """A model that asks tools."""
    return Says("Let me look.", calls, **how)


def playbook(text: str = "", *, name: str = "looks", gather: str = "[look.first]", tools: str = "[look.*]") -> Playbook:
    """A small playbook; `text` are further lines of its front matter."""
    head = f"name: {name}\ndescription: x\ngather: {gather}\ntools: {tools}\n{text}"
    return read(f"{name}.md", f"---\n{head}\n---\nLook at {{{{ incident.title | quote }}}}.\n", {})


@dataclass
class Talk:
    """What a test has in its hands."""

    world: Any
    servers: dict[str, ModelServer]
    investigate: Investigate
    means: Means
    events: list[Event] = field(default_factory=list)

    @property
    def server(self) -> ModelServer:
        return self.servers["p"]

    async def concluded(self) -> dict[str, Any]:
        """The data of the only conclusion."""
        (found,) = [each for each in await self.world.decisions() if each.kind == "investigation.concluded"]
        return dict(found.data)

    async def steps(self, *names: str) -> list[Any]:
        """Recorded steps, of these names if any are given."""
        found = [each.data["step"] for each in await self.world.decisions() if each.kind == "investigation.step"]
        return [step for step in found if not names or step["name"] in names]


@asynccontextmanager
async def talk(
    world: Any,
    scripts: dict[str, Script] | Script,
    *,
    api: str = "anthropic",
    roles: dict[str, tuple[str, ...]] | None = None,
    facts: Facts | None = None,
    limits: Limits | None = None,
    storms: Storms | None = None,
    concurrency: int = 1,
    **means: Any,
) -> AsyncIterator[Talk]:
    """`scripts`: by provider (`p` alone for one). Models are `PROVIDER/m`; `roles` default to all providers in order."""
    named = scripts if isinstance(scripts, dict) else {"p": scripts}
    servers: dict[str, ModelServer] = {}
    async with _served(named, servers):
        providers = {name: provider(api, server.url) for name, server in servers.items()}
        names = tuple(f"{name}/m" for name in named)
        wanted = roles or {"default": names}
        models = open_models(providers, [each for listed in wanted.values() for each in listed])
        known = {name: facts or Facts(price=PRICE, output=2000) for name in models}
        roster = Roster(models, wanted, known)
        events: list[Event] = []
        made = Means(
            world.journal,
            world.archive,
            world.tools,
            switchboard=Switchboard(roster, pause_s=0.01),
            spending=Spending(world.journal, limits or Limits()),
            watch=lambda _, event: events.append(event),
            **means,
        )
        investigate = Investigate(
            world.journal,
            world.archive,
            world.tools,
            world.library,
            owner="test",
            concurrency=concurrency,
            means=made,
            storms=storms,
        )
        try:
            yield Talk(world, servers, investigate, made, events)
        finally:
            for model in models.values():
                await model.close()
            for server in servers.values():
                assert server.faults == []


def provider(api: str, url: str) -> Provider:
    """A scripted server as a provider."""
    return Provider(kind=api, key=KEY, base_url=url if api == "anthropic" else f"{url}/v1")


@asynccontextmanager
async def _served(scripts: dict[str, Script], servers: dict[str, ModelServer]) -> AsyncIterator[None]:
    if not scripts:
        yield
        return
    (name, script), *rest = scripts.items()
    async with model_server(script) as server:
        servers[name] = server
        async with _served(dict(rest), servers):
            yield


def by_turn(*replies: Callable[[Asked], Reply] | Reply) -> Callable[[Asked], Reply]:
    """Replies in order, some made from what was asked; the last one again and again."""
    count = 0

    def answer(asked: Asked) -> Reply:
        nonlocal count
        chosen = replies[min(count, len(replies) - 1)]
        count += 1
        return chosen(asked) if callable(chosen) else chosen

    return answer


INCIDENT, SIGNALS, _ = night()
GOOD = concludes(("step/0", "fine"))


def prepare(w: Any, *books: Playbook, **tools: Any) -> dict[str, Probe]:
    """A world with these playbooks (the first is the incident's) and tools `look.first`, `look.more` and others."""
    probes = {name: Probe(name) for name in ("look.first", "look.more", "look.deep")}
    probes |= {name.replace("_", "."): probe for name, probe in tools.items()}
    w.tools = probes
    w.library = Library({book.name: book for book in (books or (playbook(),))})
    return probes


async def run(t: Talk, *, incident: Any = INCIDENT) -> None:
    await t.world.select(incident, SIGNALS, playbook=next(iter(t.world.library.playbooks)), cause=incident.id)
    await t.investigate.drain()


def over(
    world: Any, script: Any, *books: Playbook, check: Any = None, tools: dict[str, Any] | None = None, **settings: Any
) -> dict[str, Any]:
    """One investigation from beginning to end; returns the concluded decision's data."""

    async def main() -> dict[str, Any]:
        async with world() as w:
            prepare(w, *books, **(tools or {}))
            async with talk(w, script, **settings) as t:
                await run(t)
                if check is not None:
                    await check(t)
                return await t.concluded()

    return asyncio.run(main())
