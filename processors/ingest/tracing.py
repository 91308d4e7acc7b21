"""One trace per request, from the door to whatever follows from it: a span `ingest`, and its W3C traceparent."""

import random

from opentelemetry import trace as telemetry
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connectors.ports.poller import Origin
from connectors.ports.source import Request, Source

_SENDER = TraceContextTextMapPropagator()
_ROOT = Context()
"""No parent; said outright, so that the current context is not looked up (that costs several times the span)."""
_NEITHER_IS_ZERO = 1 << 64 | 1
"""A trace id of 128 bits and a span id of 64, drawn as one number: a bit that is set in each."""


class RequestSpan:
    """The span of one request. `traceparent` identifies it even where nothing records spans."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: telemetry.Span) -> None:
        self._span = span if span.is_recording() else None
        self.traceparent = _traceparent(span.get_span_context())

    def asked(self, source: Source, request: Request) -> None:
        """Note the request, by the semantic conventions for HTTP servers."""
        if self._span is not None:
            self._span.set_attributes(
                {
                    "http.request.method": request.method,
                    "url.path": request.path,
                    "http.request.body.size": len(request.raw_body),
                    "tocsin.source": source.name,
                    "tocsin.instance": source.instance,
                }
            )

    def answered(self, status: int) -> None:
        """Note the reply; what the server could not do is an error of the span, a refusal is not."""
        if self._span is not None:
            self._span.set_attribute("http.response.status_code", status)
            if status >= 500:
                self._span.set_status(Status(StatusCode.ERROR))

    def failed(self, error: Exception) -> None:
        """Note an error of ours."""
        if self._span is not None:
            self._span.record_exception(error)

    def end(self) -> None:
        """To be called whatever happened."""
        if self._span is not None:
            self._span.end()


class Tracing:
    """Opens a span per request. It is a trace of our own with a link to the sender's: a stranger does not say what is sampled
    here."""

    def __init__(self, tracer: telemetry.Tracer | None = None) -> None:
        self._tracer = tracer if tracer is not None else telemetry.get_tracer("tocsin.ingest")

    def request(self, source: Source, request: Request) -> RequestSpan:
        """The span of a request, begun."""
        links: tuple[telemetry.Link, ...] = ()
        if "traceparent" in request.headers:
            sender = telemetry.get_current_span(_SENDER.extract(request.headers)).get_span_context()
            links = (telemetry.Link(sender),) if sender.is_valid else ()
        span = RequestSpan(self._tracer.start_span("ingest", _ROOT, kind=SpanKind.SERVER, links=links))
        span.asked(source, request)
        return span

    def read(self, origin: Origin) -> RequestSpan:
        """The span of what a poller read, begun."""
        attributes = {"tocsin.source": origin.name, "tocsin.instance": origin.instance}
        return RequestSpan(self._tracer.start_span("ingest", _ROOT, kind=SpanKind.CONSUMER, attributes=attributes))


def _traceparent(context: telemetry.SpanContext) -> str:
    """https://www.w3.org/TR/trace-context/, version 00; made up, and marked as not sampled, where nothing records."""
    if not context.is_valid:
        # Identities, not secrets: drawn without a system call, as OpenTelemetry's own generator does.
        both = f"{random.getrandbits(192) | _NEITHER_IS_ZERO:048x}"
        return f"00-{both[:32]}-{both[32:]}-00"
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
