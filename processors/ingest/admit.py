"""Admission: a request is read by its source, becomes durable without its secrets, and only then is answered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from opentelemetry import trace as telemetry

from connectors.ports.clock import Clock
from connectors.ports.journal import DECISIONS, INPUTS, Busy, Conflict, Journal, JournalError, NewRecord, Unavailable
from connectors.ports.meters import Meters, NullMeters
from connectors.ports.poller import Origin
from connectors.ports.source import Poison, Received, Refusal, Refused, Reply, Request, Source
from connectors.ports.spaces import QUARANTINE
from processors.ingest.counting import Counting
from processors.ingest.encode import Admission, Encoded, cleaned, encode, quarantined
from processors.ingest.quota import Quota
from processors.ingest.redact import Redactor
from processors.ingest.searching import Searching
from processors.ingest.tracing import RequestSpan, Tracing
from schemas import Command, Decision, Signal, decide
from schemas.quarantine import Quarantine

Bell = Callable[[Sequence[Signal], str], Awaitable[None]]
"""The emergency bell: told of signals (secrets replaced) that could not be made durable, and why. Rung again when the sender
comes again; telling repeats apart by `Signal.id` is the bell's part."""

IN_A_THREAD = 256 * 1024
"""Bytes of body from which a request is read in a thread, so that the others are answered meanwhile."""
SEARCHED_IN_A_THREAD = 64 * 1024
"""Bytes of records from which they are searched for secrets in a thread."""
_NOT_MINE: frozenset[Refusal] = frozenset({"unknown_project", "unauthorised", "missing_signature", "bad_signature"})
"""Refusals after which another instance on the same path may be the one that is meant."""

_log = logging.getLogger(__name__)


class Ingest:
    """Takes requests and commands into the journal. All methods are safe to call from many tasks at once."""

    def __init__(
        self,
        journal: Journal,
        *,
        redactor: Redactor,
        clock: Clock,
        meters: Meters | None = None,
        bell: Bell | None = None,
        rehearsal: bool = False,
        quota: Quota | None = None,
        tracer: telemetry.Tracer | None = None,
    ) -> None:
        """`rehearsal`: whatever enters leads to nothing that is sent. `quota`: what requests may bring; pollers and commands are not
        counted."""
        self._journal = journal
        self._quota = quota
        self._redactor = redactor
        self._searching = Searching(redactor.suspects)
        self._clock = clock
        self._meters = meters if meters is not None else NullMeters()
        self._bell = bell
        self._rehearsal = rehearsal
        self._tracing = Tracing(tracer)
        self._counting = Counting(self._meters)

    def now(self) -> int:
        """Journal time: what a request's `received_at` is to be."""
        return self._journal.now()

    async def receive(self, sources: Sequence[Source], request: Request, *, rehearsal: bool = False) -> Reply:
        """The answer to one request, in its source's own form; a success only once everything in it is durable.

        `sources`: who may read it, in order: instances of one connector that share a path. The next one is asked when one says
        that the request is for another project or signed with another secret; the first one words the refusal. Raises nothing
        but cancellation.
        """
        began = self._clock.monotonic()
        span = self._tracing.request(sources[0], request)
        try:
            reply = await self._answer(sources, request, rehearsal or self._rehearsal, span)
            span.answered(reply.status)
        finally:
            span.end()
        self._counting.answered(sources[0].name, reply.status, self._clock.monotonic() - began)
        return reply

    def refuse(self, source: Source, refused: Refused, request: Request | None) -> Reply:
        """A refusal, counted, in the source's own form."""
        self._meters.count("tocsin.ingest.refused", source=source.name, reason=refused.reason)
        return source.refuse(refused, request)

    def overloaded(self, source: Source, reason: str, retry_after_s: float, request: Request | None) -> Reply:
        """'Not now', counted by `reason`, in the source's own form."""
        self._meters.count("tocsin.ingest.overloaded", source=source.name, reason=reason)
        return source.overloaded(retry_after_s, request)

    async def command(self, command: Command) -> None:
        """Append a command among the signals; returns when it is durable. Raises Busy or Unavailable: then nothing happened."""
        if self._rehearsal and not command.rehearsal:
            command = command.model_copy(update={"rehearsal": True})
        record = NewRecord("command", self._redactor.record(command.to_json()), command.incident_id or "")
        await self._journal.append(INPUTS, [record])
        self._meters.count("tocsin.ingest.commands", kind=command.kind)

    async def admit(self, origin: Origin, received: Received, *, received_at: int, content: bytes) -> None:
        """What a poller read; returns when it is durable (connectors.ports.poller.Admit). Raises JournalError: nothing was kept, and
        when the journal cannot be written at all, the bell was rung."""
        span = self._tracing.read(origin)
        try:
            trace = span.traceparent
            encoded = encode(received, received_at=received_at, trace=trace, rehearsal=self._rehearsal, body=content)
            added = await self._cleaned(encoded, origin, received_at, content)
            await self._append(added, trace, self._rehearsal)
        except Unavailable as unavailable:
            await self._ring(added, str(unavailable))
            raise
        finally:
            span.end()
        self._counting.admitted(origin.name, added, received.ignored, received.unknown_severities)

    async def _answer(self, sources: Sequence[Source], request: Request, rehearsal: bool, span: RequestSpan) -> Reply:
        source = sources[0]
        try:
            if len(sources) > 1 or len(request.body) >= IN_A_THREAD:
                source, received = await self._read(sources, request)
            else:
                received = source.receive(request)
        except Refused as refused:
            return self.refuse(source, refused, request)
        except Exception as error:  # noqa: BLE001  (the loop edge: recorded, kept, and the next request is served)
            return await self._failed(source, request, error, span)
        if not (received.signals or received.batches or received.poison):
            self._counting.admitted(source.name, None, received.ignored, received.unknown_severities)
            return received.reply
        if (wait_s := self._over(received)) > 0:
            return self.overloaded(source, "quota", wait_s, request)
        at, body = request.received_at, request.body
        encoded = encode(received, received_at=at, trace=span.traceparent, rehearsal=rehearsal, body=body)
        # What was read is let go before the wait: all requests that wait together would push each other out of the cache.
        reply, ignored, unknown = received.reply, received.ignored, received.unknown_severities
        del received
        added = await self._cleaned(encoded, source, at, body)
        try:
            await self._append(added, span.traceparent, rehearsal)
        except Busy as busy:
            return self.overloaded(source, "busy", busy.retry_after_s, request)
        except Unavailable as unavailable:
            await self._ring(added, str(unavailable))
            return self.overloaded(source, "unavailable", unavailable.retry_after_s, request)
        self._counting.admitted(source.name, added, ignored, unknown)
        return reply

    def _over(self, received: Received) -> float:
        """Seconds to wait when this is more than the quota has room for."""
        if self._quota is None:
            return 0.0
        number = len(received.signals) + sum([len(batch.lines) for batch in received.batches])
        return self._quota.take(number, self._clock.monotonic())

    async def _cleaned(self, encoded: Encoded, source: Origin, received_at: int, body: bytes) -> Admission:
        """Without secrets. A long text is searched in a thread: that takes longer than going there and back."""
        redactor, text = self._redactor, encoded.text
        if len(text) < SEARCHED_IN_A_THREAD:
            suspect = redactor.suspects(text)
        else:
            suspect = await self._searching.suspects(text)
        return cleaned(encoded, source, redactor=redactor, suspect=suspect, received_at=received_at, body=body)

    async def _read(self, sources: Sequence[Source], request: Request) -> tuple[Source, Received]:
        """By the first source that takes it, in a thread where the body is large."""
        first: Refused | None = None
        for source in sources:
            try:
                if len(request.body) < IN_A_THREAD:
                    return source, source.receive(request)
                return source, await asyncio.to_thread(source.receive, request)
            except Refused as refused:
                if refused.reason not in _NOT_MINE:
                    raise
                first = first or refused
        assert first is not None  # noqa: S101  (there is at least one source)
        raise first

    async def _append(self, added: Admission, trace: str, rehearsal: bool) -> None:
        """Make it durable. Without poison that is one append, one wait."""
        if not added.quarantine:
            if added.records:
                await self._journal.append(INPUTS, added.records)
            return
        waiting = {each.id: each for each in added.quarantine}
        while True:
            # What lies there already stays as it is: the same poison, sent again. Another request may put it there between the
            # look and the commit; the unit is refused then, and there is one less to keep.
            keep = [one for key, one in waiting.items() if await self._journal.get(QUARANTINE, key) is None]
            try:
                async with self._journal.unit() as unit:
                    for record in added.records:
                        unit.append(INPUTS, record)
                    for one in keep:
                        unit.create(QUARANTINE, one.id, one.to_json())
                        decision = _decision(one, trace, rehearsal)
                        unit.append(DECISIONS, NewRecord("decision", decision.to_json(), one.id))
                return
            except Conflict:
                if not keep:
                    raise

    async def _failed(self, source: Source, request: Request, error: Exception, span: RequestSpan) -> Reply:
        """A connector broke on a request: the fault is ours, so the request is kept and the sender told to come again."""
        _log.exception("connector failed on a request", extra={"source": source.name, "instance": source.instance})
        self._meters.count("tocsin.ingest.failures", source=source.name)
        span.failed(error)
        poison = Poison(f"the connector failed on it: {type(error).__name__}: {error}", request.body)
        kept = quarantined(poison, source, self._redactor, request.received_at)
        try:
            await self._append(Admission((), [kept]), span.traceparent, self._rehearsal)
        except JournalError:
            _log.exception("a request that a connector failed on could not be kept", extra={"source": source.name})
        else:
            self._meters.count("tocsin.ingest.quarantined", source=source.name)
        return self.overloaded(source, "failed", 60.0, request)

    async def _ring(self, added: Admission, reason: str) -> None:
        signals = [Signal.from_json(record.payload) for record in added.records if record.kind == "signal"]
        if self._bell is None or not signals:
            return
        try:
            await self._bell(signals, reason)
        except Exception:  # noqa: BLE001  (a broken bell must not cost the sender its answer)
            _log.exception("the emergency bell failed", extra={"signals": [signal.id for signal in signals]})
            self._meters.count("tocsin.ingest.bells", outcome="failed")
        else:
            self._meters.count("tocsin.ingest.bells", outcome="rung")


def _decision(one: Quarantine, trace: str, rehearsal: bool) -> Decision:
    return decide(
        "signal.quarantined",
        at=one.received_at,
        actor="system",
        because=f"A part of a request to {one.source} could not be read: {one.reason}",
        cause=(one.id,),
        data=one.told(),
        trace=trace,
        rehearsal=rehearsal,
    )
