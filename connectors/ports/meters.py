"""Meters: how often and how long, under names out of one closed set."""

from collections.abc import Callable
from typing import Literal, Protocol

from typing_extensions import override

CounterName = Literal[
    "tocsin.ingest.requests",
    "tocsin.ingest.signals",
    "tocsin.ingest.log_lines",
    "tocsin.ingest.commands",
    "tocsin.ingest.ignored",
    "tocsin.ingest.unknown_severities",
    "tocsin.ingest.refused",
    "tocsin.ingest.overloaded",
    "tocsin.ingest.quarantined",
    "tocsin.ingest.failures",
    "tocsin.ingest.bells",
    "tocsin.door.not_found",
    "tocsin.door.disconnects",
    "tocsin.triage.inputs",
    "tocsin.triage.decisions",
    "tocsin.triage.retries",
    "tocsin.triage.condition_errors",
    "tocsin.record.entries",
    "tocsin.record.failures",
    "tocsin.record.gaps",
    "tocsin.record.contradictions",
    "tocsin.investigate.queued",
    "tocsin.investigate.skipped",
    "tocsin.investigate.tool_calls",
    "tocsin.investigate.model_calls",
    "tocsin.investigate.tokens",
    "tocsin.investigate.microdollars",
    "tocsin.investigate.shared",
    "tocsin.investigate.concluded",
    "tocsin.investigate.fallbacks",
    "tocsin.investigate.failures",
    "tocsin.investigate.unreadable",
    "tocsin.act.admitted",
    "tocsin.act.attempts",
    "tocsin.act.pages_rung",
]
"""By labels:

- requests: source, status (the reply's)
- signals, log_lines: source; ignored: source, kind; unknown_severities: source
- refused: source, reason (a `Refusal`); overloaded: source, reason (busy, unavailable, requests, bytes)
- quarantined: source; failures: source (a connector broke on a request, a fault of ours)
- bells: outcome (rung, failed)
- triage.inputs: kind (of the entry); triage.decisions: kind; triage.retries: reason (busy, unavailable);
  triage.condition_errors: rule (its condition met a missing field or a wrong kind: no match)
- record.gaps: stream (entries retention dropped before they were recorded: never right)
- record.contradictions: no labels (decisions of one id with different content: never right)
- investigate.queued: playbook; skipped: reason; tool_calls: tool, success (true, false); model_calls: model,
  outcome (how the answer ended, or the failure); tokens: model, kind (input, output, cache_read, cache_write); microdollars: model; shared:
  playbook (an incident of a storm took another one's conclusion); concluded: verdict; fallbacks: playbook (the
  analyst broke or its conclusion was refused); failures: a worker's attempt broke and is made again; unreadable: a record was passed over
- act.admitted: kind, admission; act.attempts: kind, outcome (happened, later, no, perhaps)
- act.pages_rung: outcome (sent, failed; pages that went out although the journal could not be written)
"""
DurationName = Literal[
    "tocsin.ingest.duration",
    "tocsin.triage.duration",
    "tocsin.investigate.duration",
    "tocsin.investigate.tool_duration",
    "tocsin.investigate.model_duration",
    "tocsin.act.duration",
]
"""Seconds. ingest: from the whole request being read to its reply; label source. triage: one batch, decided and durable. investigate: from started to
concluded, label playbook; tool_duration: one call, label tool; model_duration: one attempt, label model. act: one call of a remote; label kind."""


class Meters(Protocol):
    """Where counts and durations go. Calls are cheap, never fail and never wait."""

    def count(self, name: CounterName, value: int = 1, **labels: str) -> None:
        """Add `value`."""

    def observe(self, name: DurationName, seconds: float, **labels: str) -> None:
        """Note one duration."""

    def counter(self, name: CounterName, **labels: str) -> Callable[[int], None]:
        """`count` with its name and labels looked up once: for what every request counts."""
        return lambda value: self.count(name, value, **labels)

    def timer(self, name: DurationName, **labels: str) -> Callable[[float], None]:
        """`observe` likewise."""
        return lambda seconds: self.observe(name, seconds, **labels)


class NullMeters(Meters):
    """Counts nothing."""

    @override
    def count(self, name: CounterName, value: int = 1, **labels: str) -> None:
        pass

    @override
    def observe(self, name: DurationName, seconds: float, **labels: str) -> None:
        pass
