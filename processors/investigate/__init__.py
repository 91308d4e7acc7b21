"""Investigate: reads which playbook was selected, gathers, lets the analyst conclude, and proposes what follows."""

import asyncio
from collections.abc import Mapping

from connectors.ports.archive import Archive
from connectors.ports.journal import Journal
from connectors.ports.meters import Meters, NullMeters
from connectors.ports.tool import Tool
from playbooks.library import Library
from processors.investigate.commands import Commands
from processors.investigate.executor import Executor
from processors.investigate.loop import Intake
from processors.investigate.means import Means
from processors.investigate.places import Places
from processors.investigate.roster import Facts, Roster
from processors.investigate.sharing import Storms
from processors.investigate.spending import Limits, Spending
from processors.investigate.switchboard import Switchboard
from processors.investigate.worker import Workers

__all__ = [
    "Commands",
    "Executor",
    "Facts",
    "Intake",
    "Investigate",
    "Limits",
    "Means",
    "Places",
    "Roster",
    "Spending",
    "Storms",
    "Switchboard",
    "Workers",
]


class Investigate:
    """The processor: one intake and `concurrency` workers."""

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        tools: Mapping[str, Tool],
        library: Library,
        *,
        owner: str,
        meters: Meters | None = None,
        concurrency: int = 4,
        ttl_s: float = 60.0,
        means: Means | None = None,
        storms: Storms | None = None,
    ) -> None:
        """`means`: models, money, masks; without it there is no model. `storms`: from when on incidents alike share."""
        means = means or Means(journal, archive, tools, meters or NullMeters())
        self.intake = Intake(journal, library, meters=meters, talks=means.talks, storms=storms)
        self.commands = Commands(journal, means.interrupts)
        self.workers = Workers(
            journal,
            archive,
            tools,
            library,
            owner=owner,
            meters=meters,
            concurrency=concurrency,
            ttl_s=ttl_s,
            means=means,
        )

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.intake.run())
            group.create_task(self.commands.run())
            group.create_task(self.workers.run())

    async def drain(self) -> None:
        """Until no decision waits and no job is due: for a run over given input. Raises Busy and Unavailable."""
        while await self.intake.step() or await self.commands.step() or await self.workers.one(timeout_s=0):
            pass
