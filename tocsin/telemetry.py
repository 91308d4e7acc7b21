"""Seeing inside: the traces, metrics and logs of Tocsin itself."""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from typing import Literal, TextIO

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, generate_latest
from typing_extensions import override

from connectors.ports.meters import CounterName, DurationName, Meters
from tocsin.story import plain
from tocsin.tally import Tally

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics(Meters):
    """Counters, timings and gauges, exposed as Prometheus text by `exposition`. Dots in names become underscores there."""

    def __init__(self, resource: Resource) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(registry=self._registry, scope_info_enabled=False)
        self._provider = MeterProvider(metric_readers=[reader], resource=resource)
        self._meter = self._provider.get_meter("tocsin")
        # OpenTelemetry's own counters take 6 µs a call, and a request makes four calls.
        self._tally = Tally(SECONDS_BUCKETS)
        self._registry.register(self._tally)

    @override
    def count(self, name: CounterName, value: int = 1, **labels: str) -> None:
        self.counter(name, **labels)(value)

    @override
    def observe(self, name: DurationName, seconds: float, **labels: str) -> None:
        self.timer(name, **labels)(seconds)

    @override
    def counter(self, name: CounterName, **labels: str) -> Callable[[int], None]:
        return self._tally.counter(name, labels)

    @override
    def timer(self, name: DurationName, **labels: str) -> Callable[[float], None]:
        return self._tally.timer(name, labels)

    def gauge(self, name: str, read: Callable[[], float], **labels: str) -> None:
        """Have `read` asked whenever somebody scrapes."""

        def observed(_options: CallbackOptions) -> list[Observation]:
            return [Observation(read(), labels)]

        self._meter.create_observable_gauge(name, callbacks=[observed])

    def gauges(self, name: str, read: Callable[[], Iterable[tuple[Mapping[str, str], float]]]) -> None:
        """Have `read` asked whenever somebody scrapes for the values there are, each with its labels."""

        def observed(_options: CallbackOptions) -> list[Observation]:
            return [Observation(value, dict(labels)) for labels, value in read()]

        self._meter.create_observable_gauge(name, callbacks=[observed])

    def exposition(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """Let go of the reader."""
        self._provider.shutdown()


def resource(service_name: str, version: str) -> Resource:
    """Who speaks, in OpenTelemetry's words."""
    return Resource.create({"service.name": service_name, "service.version": version})


def start_tracing(
    about: Resource, otlp_endpoint: str | None, *, also: SpanProcessor | None = None
) -> Callable[[], None]:
    """Send spans to an OTLP/HTTP endpoint; without one, spans cost next to nothing and go nowhere. Returns what ends it."""
    if otlp_endpoint is None and also is None:
        return lambda: None
    provider = TracerProvider(resource=about)
    if otlp_endpoint is not None:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint)))
    if also is not None:
        provider.add_span_processor(also)
    trace.set_tracer_provider(provider)
    return provider.shutdown


_WITHOUT_LOCALS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Local variables hold what payloads and settings hold, secrets among it."""


def start_logging(form: Literal["text", "json"], level: str, stream: TextIO | None = None) -> None:
    """Structured logs on standard error: `text` for a terminal, `json` for a collector; the current trace id in each line."""
    target = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    render: list[structlog.typing.Processor] = (
        [_WITHOUT_LOCALS, structlog.processors.JSONRenderer()]
        if form == "json"
        else [_harmless, structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=_traceback)]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # several errors a second in an outage; those who use it say it once
    for name in ("tocsin", "processors", "connectors", "rules", "playbooks"):
        logging.getLogger(name).setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _harmless(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Values may hold text from outside: on a terminal it must not give orders, nor look like a line of its own."""
    return {
        name: plain(value).replace("\n", "\\n") if isinstance(value, str) else value for name, value in event.items()
    }


def _traceback(stream: TextIO, raised: structlog.typing.ExcInfo) -> None:
    buffer = StringIO()
    structlog.dev.plain_traceback(buffer, raised)
    stream.write(plain(buffer.getvalue()))


def _add_trace(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event
