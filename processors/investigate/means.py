"""Means: what all investigations of one process work with."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.ports.archive import Archive
from connectors.ports.journal import Journal
from connectors.ports.meters import Meters, NullMeters
from connectors.ports.tool import Tool
from playbooks.model import Playbook
from processors.analyst.loop.names import NONE
from processors.analyst.loop.slots import Slots
from processors.investigate.events import Event
from processors.investigate.places import Places
from processors.investigate.roster import Roster
from processors.investigate.spending import Spending
from processors.investigate.switchboard import Switchboard


@dataclass
class Interrupts:
    """Who shall stop now: set by whoever takes commands in, heeded by who works in the same process; elsewhere the inbox is looked into."""

    _stops: dict[str, asyncio.Event] = field(default_factory=dict)

    def of(self, investigation_id: str) -> asyncio.Event:
        """The event of one that begins."""
        return self._stops.setdefault(investigation_id, asyncio.Event())

    def stop(self, investigation_id: str) -> None:
        """Let it look into its inbox at once."""
        if investigation_id in self._stops:
            self._stops[investigation_id].set()

    def over(self, investigation_id: str) -> None:
        """It works no more."""
        self._stops.pop(investigation_id, None)


@dataclass
class Means:
    """`redact` takes secrets out of JSON before it is recorded, `mask` says whether personal data is masked for models. `slots` are further
    parts beside those every investigation has. `places`: over whom investigations of a playbook at once are counted. `watch` hears what happens, with the
    investigation's id."""

    journal: Journal
    archive: Archive
    tools: Mapping[str, Tool]
    meters: Meters = field(default_factory=NullMeters)
    switchboard: Switchboard = field(default_factory=lambda: Switchboard(Roster()))
    spending: Spending | None = None
    redact: Callable[[Any], Any] | None = None
    mask: bool = True
    slots: Slots = field(default_factory=Slots)
    interrupts: Interrupts = field(default_factory=Interrupts)
    places: Places = field(default_factory=Places)
    watch: Callable[[str, Event], None] = lambda _investigation, _event: None

    def talks(self, playbook: Playbook) -> bool:
        """Whether a model looks into what this playbook is for."""
        wanted, roles = playbook.front.analyst.model, self.switchboard.roster.roles
        return wanted != NONE and bool(roles.get(wanted) or roles.get("default"))

    def book(self) -> Spending:
        """Where money is written down; made on first use."""
        if self.spending is None:
            self.spending = Spending(self.journal)
        return self.spending
