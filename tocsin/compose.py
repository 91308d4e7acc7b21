"""Composition: the one place where ports meet their adapters."""

import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.journal.emergency import EmergencyJournal
from connectors.ledger import SegmentLedger, open_ledger
from connectors.ports.action import ActionPort
from connectors.ports.clock import Clock
from connectors.ports.ledger import Head
from connectors.ports.poller import Poller
from connectors.ports.source import Source
from connectors.ports.tool import Tool, ToolSource
from playbooks.library import Library, load_library
from processors.act import Act, Preparation, Ringer, Worker
from processors.analyst.loop import completion
from processors.ingest import Ingest, Quota, Redactor
from processors.investigate import Commands, Means, Places, Spending
from processors.investigate.loop import Intake
from processors.investigate.watching import Watching
from processors.investigate.worker import Workers
from processors.record import Record
from processors.triage.loop import Triage
from processors.triage.loop import run as run_triage
from rules.engine import Engine
from rules.load import load, packs
from rules.ruleset import RuleSet
from schemas.document import DocumentInvalid
from tocsin.bell import EmergencyBell
from tocsin.config import Configuration, Instance, JournalSettings, Loaded
from tocsin.folder import DataFolder
from tocsin.live_tools import LiveTools
from tocsin.lookout import Lookout
from tocsin.models import limits_of, redacting, storms_of, switchboard
from tocsin.patience import patiently
from tocsin.retention import Housekeeping
from tocsin.standby import has_the_lease, standing_by
from tocsin.store import Store, open_store
from tocsin.supervisor import Part
from tocsin.telemetry import Metrics, resource

if TYPE_CHECKING:
    from connectors.journal.kafka import Lag

PROCESSORS = ("ingest", "triage", "investigate", "act", "record")
VERSION = version("tocsin")
JOURNAL_FIGURES = (
    *("queue_depth", "queue_bytes", "commits", "records", "failures", "commit_seconds", "wal_bytes"),
    *("outbox_depth", "published", "takeovers", "lag_inputs", "lag_decisions", "clock_ahead_s"),
)
"""What is exposed of the journal's own figures; the second line is of one on Kafka and PostgreSQL, and 0 with the embedded one."""

JOURNAL_STANDING = ("consumer_lag", "lease_age_s", "lease_left_s", "lease_takeovers")
"""What is exposed of consumers and leases where several processes share a journal."""

MODEL_AVAILABLE = "tocsin.investigate.model_available"
"""1 while a model is asked, 0 while it is left alone."""


@dataclass(frozen=True)
class Connected:
    """What the configured connectors offer."""

    sources: Sequence[Source]
    pollers: Sequence[Poller]
    tools: Mapping[str, Tool]
    actions: Mapping[str, ActionPort]
    tool_sources: Sequence[ToolSource] = ()
    """Tools that come and go; those of `tools` keep their names."""


def connect(instances: Sequence[Instance]) -> Connected:
    """Build every source, tool and action. Of two instances that offer a tool or action of one name, `default` is used, or the first."""
    sources: list[Source] = []
    pollers: list[Poller] = []
    tools: dict[str, Tool] = {}
    actions: dict[str, ActionPort] = {}
    tool_sources: list[ToolSource] = []
    for instance in sorted(instances, key=lambda each: each.name != "default"):
        connector = instance.connector
        if connector.source is not None:
            sources.append(connector.source(instance.settings, instance.name))
        pollers.extend(connector.pollers(instance.settings, instance.name))
        for tool in connector.tools(instance.settings, instance.name):
            tools.setdefault(tool.name, tool)
        for action in connector.actions(instance.settings, instance.name):
            actions.setdefault(action.kind, action)
        tool_sources.extend(connector.tool_sources(instance.settings, instance.name))
    return Connected(sources, pollers, tools, actions, tool_sources)


def load_rules(loaded: Loaded, library: Library) -> RuleSet:
    """The shipped rules and the user's. Raises RulesInvalid with every fault."""
    return load(rule_paths(loaded), playbooks={playbook.name for playbook in library})


def rule_paths(loaded: Loaded) -> list[Path]:
    """The files and folders of rules that are configured, the shipped ones first."""
    wanted = [loaded.path(path) for path in loaded.configuration.rules]
    named = "rules" in loaded.configuration.model_fields_set
    shipped = packs(loaded.configuration.packs) if loaded.configuration.shipped_rules else []
    return [*shipped, *(path for path in wanted if named or path.exists())]


def load_playbooks(loaded: Loaded, connected: Connected) -> Library:
    """The shipped playbooks and the user's. Raises PlaybookFaults with every fault."""
    folder: Path | None = loaded.path(loaded.configuration.playbooks)
    if folder is not None and not folder.is_dir() and "playbooks" not in loaded.configuration.model_fields_set:
        folder = None
    library = load_library(folder, tools=connected.tools, actions=connected.actions)
    if faults := list(completion.faults(library)):
        raise DocumentInvalid(faults)
    return library


class Program:
    """Everything, put together and not yet running. Made by `opened`."""

    def __init__(self, loaded: Loaded, folder: DataFolder, store: Store, *, clock: Clock, rehearsal: bool) -> None:
        self.loaded = loaded
        self.folder = folder
        self.store = store
        self.journal = store.journal
        self.clock = clock
        self.archive = store.archive
        self.metrics = Metrics(resource(self.configuration.telemetry.service_name, VERSION))
        self.connected = connect(loaded.instances)
        self.tools = LiveTools(self.connected.tools, self.connected.tool_sources)
        self.library = load_playbooks(loaded, self.connected)
        self.ruleset = load_rules(loaded, self.library)
        self.engine = Engine(self.ruleset, code_version=VERSION)
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self.emergency = EmergencyJournal(folder.emergency, slots=self.configuration.emergency.slots)
        self.ringer = Ringer(self.emergency, self.connected.actions, meters=self.metrics)
        self.bell = EmergencyBell(
            self.engine, self.ringer, self.connected.actions, severity=self.configuration.emergency.severity
        )
        redactor = Redactor(folder.redaction_key())
        self.watching = Watching()
        places = Places(self.journal if self.configuration.journal.kafka is not None else None)
        self.means = Means(
            self.journal,
            self.archive,
            self.tools,
            self.metrics,
            switchboard=switchboard(self.configuration.models, meters=self.metrics, places=places),
            places=places,
            spending=Spending(self.journal, limits_of(self.configuration.budgets)),
            redact=redacting(redactor),
            mask=self.configuration.models.mask_personal_data,
            watch=self.watching.tell,
        )
        self.ingest = Ingest(
            self.journal,
            redactor=redactor,
            clock=clock,
            meters=self.metrics,
            bell=self.bell.ring,
            rehearsal=rehearsal,
            quota=_quota_of(self.configuration),
        )
        self.housekeeping = Housekeeping(self.journal, self.configuration.retention)
        self._gauges()

    @property
    def configuration(self) -> Configuration:
        """As it was read."""
        return self.loaded.configuration

    @property
    def lease_s(self) -> float:
        """How long triage and the recorder stay whose they are when their process is gone: a standby takes over within 10 s. Where one
        process at a time writes, nobody stands by."""
        return 15.0 if self.configuration.journal.kafka is None else 6.0

    def parts(self, processors: Sequence[str] = PROCESSORS) -> dict[str, Part]:
        """The main loops, by name. The door is not among them: it is served around them."""
        made: dict[str, Part] = {}
        if "triage" in processors:
            made["triage"] = self._triage
        if "investigate" in processors:
            storms = storms_of(self.configuration.budgets)
            intake = Intake(self.journal, self.library, meters=self.metrics, talks=self.means.talks, storms=storms)
            made["investigate"] = intake.run
            made["investigate commands"] = Commands(self.journal, self.means.interrupts).run
            if self.connected.tool_sources:
                made["tool sources"] = self.tools.run
            made["investigate workers"] = self.investigators().run
        if "act" in processors:
            preparation = Preparation(self.connected.actions, self.archive)
            made["act"] = Act(self.journal, preparation, ringer=self.ringer, meters=self.metrics).run
            for number in range(self.configuration.workers.act):
                made[f"act worker {number + 1}"] = Worker(
                    self.journal, preparation, owner=f"{self.owner}/{number}", ringer=self.ringer, meters=self.metrics
                ).run
        if "record" in processors:
            made["record"] = Record(
                self.journal, self._open_ledger, owner=self.owner, meters=self.metrics, ttl_s=self.lease_s
            ).run
        if "ingest" in processors:
            for poller in self.connected.pollers:
                made[f"{poller.name}/{poller.instance}"] = partial(poller.run, partial(self.ingest.admit, poller))
        made["housekeeping"] = self.housekeeping.run
        made["figures"] = self.store.keep_figures
        if {"triage", "investigate"} & {*processors}:
            made["lookout"] = self._lookout
        return made

    def investigators(self) -> Workers:
        """The workers that investigate."""
        return Workers(
            self.journal,
            self.archive,
            self.tools,
            self.library,
            owner=self.owner,
            meters=self.metrics,
            concurrency=self.configuration.workers.investigate,
            means=self.means,
        )

    def close(self) -> None:
        """Let go of what `opened` does not."""
        self.emergency.close()
        self.metrics.close()

    async def _triage(self) -> None:
        standing_by(self.store)
        await run_triage(
            self.journal, self.engine, owner=self.owner, ttl_s=self.lease_s, meters=self.metrics, seat=self._seated
        )

    async def _lookout(self) -> None:
        lookout = Lookout(self.journal, self.archive, self.engine, self.bell, fault=self.store.fault, clock=self.clock)
        await lookout.run()

    def _seated(self, triage: Triage) -> None:
        self.bell.triage = triage
        has_the_lease(self.store, triage)

    def _open_ledger(self, epoch: int, head: Head | None) -> SegmentLedger:
        return open_ledger(self.folder.ledger, clock=self.clock, epoch=epoch, head=head)

    def _gauges(self) -> None:
        for name in JOURNAL_FIGURES:
            self.metrics.gauge(f"tocsin.journal.{name}", partial(self.store.figure, name))
        store, of = self.store, self.metrics.gauges
        health = self.means.switchboard.health
        of(MODEL_AVAILABLE, lambda: [({"model": name}, float(ok)) for name, ok in health().items()])
        of("tocsin.journal.consumer_lag", lambda: [(_of(lag), lag.entries) for lag in store.lags])
        of("tocsin.journal.lease_age_s", lambda: [({"lease": one.name}, one.age_s) for one in store.held])
        of("tocsin.journal.lease_left_s", lambda: [({"lease": one.name}, one.left_s) for one in store.held])
        of("tocsin.journal.lease_takeovers", lambda: [({"lease": one.name}, one.takeovers) for one in store.held])


def _of(lag: "Lag") -> Mapping[str, str]:
    return {"consumer": lag.consumer, "stream": lag.stream}


@asynccontextmanager
async def opened(
    loaded: Loaded,
    *,
    clock: Clock,
    throw_away: Path | None = None,
    rehearsal: bool = False,
    patient: bool = False,
) -> AsyncIterator[Program]:
    """Open the journal for work and put everything together; on leaving, what is queued is committed and all is let go.

    `throw_away`: an embedded journal in that folder instead of the configured one. `patient`: a journal that cannot be reached is
    waited for. Raises InUse when another process writes an embedded journal, Unavailable when a journal cannot be reached, ToldToStop
    when a signal to end comes before it is, DocumentInvalid (rules, playbooks) with every fault, OSError.
    """
    folder = DataFolder(throw_away if throw_away is not None else loaded.data)
    folder.make()
    settings = loaded.configuration.journal if throw_away is None else JournalSettings()
    opening = partial(open_store, settings, folder, clock=clock, version=VERSION)
    store = await (patiently(opening) if patient else opening())
    try:
        program = Program(loaded, folder, store, clock=clock, rehearsal=rehearsal)
        try:
            yield program
        finally:
            await program.means.switchboard.close()
            program.close()
    finally:
        await store.journal.close()


def _quota_of(configuration: Configuration) -> Quota | None:
    chosen = configuration.quota
    return None if chosen.signals_per_second is None else Quota(chosen.signals_per_second, chosen.burst_s)
