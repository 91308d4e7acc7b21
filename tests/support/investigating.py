"""Investigators that die: a process that forks one after the other, each over the same journal, each killed (SIGKILL) where it is told.

Orders come as lines of JSON on standard input: `folder` (of an embedded journal), `journal` (the configuration's section of it), `api` and `url` of the model,
`calls` (a file to which each tool call is written), `ttl_s` of the job's lease, and `die_after`: after how many units of work, counted once the job
is held; 0: never. For each one its pid is printed, then how it ended.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import connectors.models.claude
import connectors.models.compatible  # noqa: F401
from connectors.models.opening import open_models
from connectors.ports.clock import SystemClock
from playbooks.library import Library
from processors.investigate import Facts, Means, Roster, Switchboard, Workers
from tests.support.probe_tool import Probe
from tests.support.talk import PRICE, playbook, provider
from tocsin.config import JournalSettings
from tocsin.folder import DataFolder
from tocsin.store import open_store


class Dying:
    """A journal that ends its process right after the `at`-th unit is durable."""

    def __init__(self, journal: Any, at: int) -> None:
        self._journal, self._left = journal, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    @asynccontextmanager
    async def unit(self, **arguments: Any) -> AsyncIterator[Any]:
        async with self._journal.unit(**arguments) as unit:
            yield unit
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def work(orders: dict[str, Any]) -> None:
    """One investigation, to its end or to ours."""
    settings, folder = JournalSettings(**orders["journal"]), DataFolder(Path(orders["folder"]))
    store = await open_store(settings, folder, clock=SystemClock())
    journal: Any = Dying(store.journal, orders["die_after"])

    def tool(name: str) -> Probe:
        async def noted() -> str:
            with Path(orders["calls"]).open("a") as file:
                file.write(f"{name}\n")
            return "fine"

        return Probe(name, noted)

    tools = {name: tool(name) for name in ("look.first", "look.more", "look.deep")}
    book = playbook()
    models = open_models({"p": provider(orders["api"], orders["url"])}, ["p/m"])
    switchboard = Switchboard(
        Roster(models, {"default": ("p/m",)}, {"p/m": Facts(price=PRICE, output=2000)}), pause_s=0.01
    )
    means = Means(journal, store.archive, tools, switchboard=switchboard)
    library, owner = Library({book.name: book}), str(os.getpid())
    workers = Workers(journal, store.archive, tools, library, owner=owner, ttl_s=orders["ttl_s"], means=means)
    await workers.one(timeout_s=10)
    await switchboard.close()
    await store.journal.close()


def main() -> None:
    """One child for each line."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asyncio.run(work(json.loads(line)))
                code = 0
            finally:
                os._exit(code)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
