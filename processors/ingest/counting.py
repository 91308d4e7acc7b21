"""What ingest counts, with counters looked up once per source, since every request uses several."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.ports.meters import Meters
from processors.ingest.encode import Admission

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _OfSource:
    """The counters of one source; `answers` by status."""

    duration: Callable[[float], None]
    signals: Callable[[int], None]
    answers: dict[int, Callable[[int], None]] = field(default_factory=dict)


class Counting:
    """Counts requests and what was in them, by the source's name."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._sources: dict[str, _OfSource] = {}

    def answered(self, source: str, status: int, seconds: float) -> None:
        """One request and how long it took."""
        known = self._of(source)
        count = known.answers.get(status)
        if count is None:
            count = self._meters.counter("tocsin.ingest.requests", source=source, status=str(status))
            known.answers[status] = count
        count(1)
        known.duration(seconds)

    def admitted(
        self, source: str, added: Admission | None, ignored: Mapping[str, int], unknown_severities: Sequence[str]
    ) -> None:
        """What was added of a request (None: there was nothing to add), and what else was in it (see `Received`)."""
        if added is not None:
            if added.signals:
                self._of(source).signals(added.signals)
            if added.log_lines:
                self._meters.count("tocsin.ingest.log_lines", added.log_lines, source=source)
            if added.quarantine:
                self._meters.count("tocsin.ingest.quarantined", len(added.quarantine), source=source)
        for kind, number in ignored.items():
            self._meters.count("tocsin.ingest.ignored", number, source=source, kind=kind)
        if unknown_severities:
            self._meters.count("tocsin.ingest.unknown_severities", len(unknown_severities), source=source)
            _log.warning("unknown severities", extra={"source": source, "words": list(unknown_severities)[:10]})

    def _of(self, source: str) -> _OfSource:
        known = self._sources.get(source)
        if known is None:
            duration = self._meters.timer("tocsin.ingest.duration", source=source)
            known = _OfSource(duration, self._meters.counter("tocsin.ingest.signals", source=source))
            self._sources[source] = known
        return known
