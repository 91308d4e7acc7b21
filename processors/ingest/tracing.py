"""One trace per request, from the door to whatever follows from it: a span `ingest`, and its W3C traceparent."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace as telemetry
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connectors.ports.source import Request, Source

_SENDER = TraceContextTextMapPropagator()


class RequestSpan:
    """The span of one request. `traceparent` identifies it even where nothing records spans."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: telemetry.Span, traceparent: str) -> None:
        self._span = span
        self.traceparent = traceparent

    def answered(self, status: int) -> None:
        """Note the reply; what the server could not do is an error of the span, a refusal is not (OpenTelemetry HTTP spans)."""
        if self._span.is_recording():
            self._span.set_attribute("http.response.status_code", status)
            if status >= 500:
                self._span.set_status(Status(StatusCode.ERROR))

    def failed(self, error: Exception) -> None:
        """Note an error of ours."""
        self._span.record_exception(error)


class Tracing:
    """Opens a span per request, by the semantic conventions for HTTP servers. It is a trace of our own with a link to the
    sender's: a stranger does not say what is sampled here."""

    def __init__(self, tracer: telemetry.Tracer | None = None) -> None:
        self._tracer = tracer if tracer is not None else telemetry.get_tracer("tocsin.ingest")

    @contextmanager
    def request(self, source: Source, request: Request) -> Iterator[RequestSpan]:
        """The span, ended on leaving."""
        links: tuple[telemetry.Link, ...] = ()
        if "traceparent" in request.headers:
            sender = telemetry.get_current_span(_SENDER.extract(request.headers)).get_span_context()
            links = (telemetry.Link(sender),) if sender.is_valid else ()
        span = self._tracer.start_span("ingest", kind=SpanKind.SERVER, links=links)
        try:
            if span.is_recording():
                span.set_attributes(
                    {
                        "http.request.method": request.method,
                        "url.path": request.path,
                        "http.request.body.size": len(request.raw_body),
                        "tocsin.source": source.name,
                        "tocsin.instance": source.instance,
                    }
                )
            yield RequestSpan(span, _traceparent(span.get_span_context()))
        finally:
            span.end()


def _traceparent(context: telemetry.SpanContext) -> str:
    """https://www.w3.org/TR/trace-context/, version 00; made up, and marked as not sampled, where nothing records."""
    if not context.is_valid:
        drawn = secrets.token_hex(24)
        return f"00-{drawn[:32]}-{drawn[32:]}-00"
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
