"""What was received, as the records that are appended: encoded once, without secrets, each with the trace that brought it."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic_core import PydanticSerializationError

from connectors.ports.journal import NewRecord
from connectors.ports.poller import Origin
from connectors.ports.source import Poison, Received
from processors.ingest.redact import Redactor
from processors.ingest.rehearsing import rehearsed
from schemas import LogBatch, Signal, digest
from schemas.draft import Draft, Drafts
from schemas.quarantine import Quarantine

_new = tuple.__new__
"""`_new(NewRecord, fields)` takes half the time of calling the class."""


class Admission(NamedTuple):
    """What one request adds: records for the inputs, in the order the source gave them, and what goes to quarantine."""

    records: Sequence[NewRecord]
    quarantine: Sequence[Quarantine] = ()
    log_lines: int = 0
    signals: int = 0


class Encoded(NamedTuple):
    """What one request adds, not searched for secrets yet; `signals` and `log_lines` count what is in `records`."""

    records: Sequence[NewRecord]
    poison: Sequence[Poison]
    signals: int
    log_lines: int

    @property
    def text(self) -> bytes:
        """All that may hold a secret, as one text."""
        records = self.records
        return records[0].payload if len(records) == 1 else b"\n".join([record.payload for record in records])


def encode(received: Received, *, received_at: int, trace: str, rehearsal: bool, body: bytes) -> Encoded:
    """The records of a request. Pure. A signal that cannot be written (nested too deep, half a surrogate pair) becomes poison
    with the request's `body` as its content; the others are kept."""
    poison = list(received.poison)
    if rehearsal:
        received = rehearsed(received)
    signals, lines = received.signals, 0
    if isinstance(signals, Drafts):
        if signals.received_at != received_at:
            signals = Drafts(signals.drafts, signals.opening, received_at)
        encoded = _drafts(signals, trace, rehearsal, body, poison)
    else:
        encoded = []
        for signal in signals:
            try:
                payload = _encoded(signal, received_at, trace, rehearsal)
                encoded.append(NewRecord("signal", payload, signal.group_key))
            except (PydanticSerializationError, ValueError) as error:
                poison.append(_unwritable("signal", error, body))
    count = len(encoded)
    for batch in received.batches:
        try:
            payload = _encoded(batch, received_at, trace, rehearsal)
            encoded.append(NewRecord("batch", payload, batch.service or ""))
            lines += len(batch.lines)
        except (PydanticSerializationError, ValueError) as error:
            poison.append(_unwritable("log batch", error, body))
    return Encoded(encoded, poison, count, lines)


def _drafts(signals: Drafts, trace: str, rehearsal: bool, body: bytes, poison: list[Poison]) -> list[NewRecord]:
    """Their records; what cannot be written is added to `poison`."""
    drafts = signals.drafts
    try:
        payloads = signals.written(trace, rehearsal)
    except ValueError:  # one by one then, so that the others are kept
        kept: list[Draft] = []
        payloads = []
        for draft in drafts:
            try:
                payloads += Drafts([draft], signals.opening, signals.received_at).written(trace, rehearsal)
                kept.append(draft)
            except ValueError as error:
                poison.append(_unwritable("signal", error, body))
        drafts = kept
    return [
        _new(NewRecord, ("signal", payload, draft["group_key"]))
        for payload, draft in zip(payloads, drafts)  # noqa: B905  (of one length; saying so costs a tenth of a request's part)
    ]


def cleaned(
    encoded: Encoded, source: Origin, *, redactor: Redactor, suspect: bool, received_at: int, body: bytes
) -> Admission:
    """The same without secrets; `suspect`: whether the redactor suspects the encoded text. Pure."""
    records, poison = encoded.records, encoded.poison
    if suspect:
        poison = list(poison)
        records = _redacted(records, redactor, body, poison)
    kept = [quarantined(each, source, redactor, received_at) for each in poison] if poison else ()
    return Admission(records, kept, encoded.log_lines, encoded.signals)


def _redacted(encoded: Sequence[NewRecord], redactor: Redactor, body: bytes, poison: list[Poison]) -> list[NewRecord]:
    """The records without secrets; one that cannot be searched for them is added to `poison`."""
    records: list[NewRecord] = []
    for record in encoded:
        try:
            records.append(NewRecord(record.kind, redactor.record(record.payload), redactor.text(record.key)))
        except ValueError as error:  # the reader's depth is a little less than the writer's
            poison.append(Poison(f"a record that cannot be searched for secrets: {error}", body))
    return records


def quarantined(poison: Poison, source: Origin, redactor: Redactor, received_at: int) -> Quarantine:
    """Poison made ready to be kept, its content and reason without secrets. Its id is the hash of where it came from, why and what
    it is, so that the same poison sent again is the same quarantine."""
    content, reason = redactor.content(poison.content), redactor.text(poison.reason)
    return Quarantine(
        id=digest("qua", source.name, source.instance, reason, content.decode("latin-1")),
        source=source.name,
        instance=source.instance,
        reason=reason,
        received_at=received_at,
        content=content,
    )


def _encoded(record: Signal | LogBatch, received_at: int, trace: str, rehearsal: bool) -> bytes:
    if record.received_at != received_at or record.trace is not None or rehearsal != record.rehearsal:
        stamps = {"received_at": received_at, "trace": None, "rehearsal": rehearsal or record.rehearsal}
        record = record.model_copy(update=stamps)
    # A copy of the record with a trace costs as much as encoding it. Absent fields are not written, so the trace is not there
    # yet, and an object may be continued at its end.
    return record.to_json()[:-1] + b',"trace":"%b"}' % trace.encode()


def _unwritable(what: str, error: Exception, body: bytes) -> Poison:
    return Poison(f"a {what} that cannot be written as JSON: {error}", body)
