"""One case through the analyst: the processor that investigates, over a journal of its own that is thrown away afterwards."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from connectors.ports.clock import Clock
from connectors.ports.journal import DECISIONS, recorded
from connectors.ports.meters import NullMeters
from playbooks.library import Library
from processors.ingest import Redactor
from processors.investigate import Investigate, Means, Spending
from processors.investigate.rows import investigation_id, load, load_steps
from schemas import Conclusion, Step, Usage, decide
from schemas.payload import PlaybookSelected
from schemas.time import SECOND
from tocsin.config import JournalSettings
from tocsin.evals.archive import NoArchive
from tocsin.evals.prepared import Prepared
from tocsin.folder import DataFolder
from tocsin.models import Models, redacting, switchboard
from tocsin.store import open_store

_KEY = b"evaluation" * 4
"""Of the tokens that stand for secrets in recorded answers: the same in every run, so that runs can be compared."""


class NotConcluded(Exception):
    """An investigation ended without a conclusion."""


@dataclass(frozen=True)
class Outcome:
    """What an investigation came to, and what it cost."""

    conclusion: Conclusion
    steps: tuple[Step, ...]
    usage: Usage
    cpu_s: float


class _Since(Clock):
    """A clock that stood at a moment of the case when it was made, and goes on from there."""

    def __init__(self, moment: int) -> None:
        self._moment, self._begun = moment, time.monotonic()

    @override
    def now(self) -> int:
        return self._moment + round((time.monotonic() - self._begun) * SECOND)

    @override
    def monotonic(self) -> float:
        return time.monotonic()


async def investigated(case: Prepared, models: Models | None = None) -> Outcome:
    """`models` with one role `default`, or none for the model-free analyst. Raises NotConcluded, and what opening a journal raises."""
    begun = time.process_time()
    meters = NullMeters()
    with tempfile.TemporaryDirectory(prefix="tocsin-eval-") as place:
        folder = DataFolder(Path(place))
        folder.make()
        store = await open_store(JournalSettings(), folder, clock=_Since(case.now))
        try:
            archive = NoArchive(case.signals, case.incident)
            means = Means(
                store.journal,
                archive,
                case.tools,
                meters,
                switchboard=switchboard(models or Models(), meters=meters),
                spending=Spending(store.journal),
                redact=redacting(Redactor(_KEY)),
                mask=models.mask_personal_data if models is not None else True,
            )
            library = Library({case.playbook.name: case.playbook})
            investigate = Investigate(store.journal, archive, case.tools, library, owner="evaluation", means=means)
            selected = decide(
                "playbook.selected",
                at=case.now,
                actor="system",
                because="it is evaluated",
                cause=(case.signals[0].id,),
                data=PlaybookSelected(
                    playbook=case.playbook.name, incident=case.incident, signal_ids=case.incident.signal_ids
                ),
                incident_id=case.incident.id,
            )
            await store.journal.append(DECISIONS, [recorded(selected)])
            await investigate.drain()
            identity = investigation_id(selected.id)
            found = await load(store.journal, identity)
            steps = tuple(await load_steps(store.journal, identity))
        finally:
            await store.journal.close()
    if found is None or found.conclusion is None:
        raise NotConcluded(f"it ended {found.status if found is not None else 'before it began'!r}")
    return Outcome(found.conclusion, steps, found.usage, time.process_time() - begun)
