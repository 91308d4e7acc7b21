"""Spans of an investigation, in the trace of the request that caused it, named by OpenTelemetry's conventions for GenAI agents.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-agent-spans/
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas import Usage

_PARENT = TraceContextTextMapPropagator()


@contextmanager
def investigation_span(traceparent: str | None, playbook: str, identity: str, incident_id: str) -> Iterator[Span]:
    """`invoke_agent PLAYBOOK`, a child of the request's span."""
    parent = _PARENT.extract({"traceparent": traceparent}) if traceparent else None
    with trace.get_tracer("tocsin.investigate").start_as_current_span(
        f"invoke_agent {playbook}", context=parent, kind=SpanKind.INTERNAL
    ) as span:
        span.set_attribute("gen_ai.operation.name", "invoke_agent")
        span.set_attribute("gen_ai.agent.name", playbook)
        span.set_attribute("gen_ai.conversation.id", identity)
        span.set_attribute("tocsin.incident.id", incident_id)
        yield span


@contextmanager
def tool_span(name: str, step_id: str, description: str) -> Iterator[Span]:
    """`execute_tool NAME`."""
    with trace.get_tracer("tocsin.investigate").start_as_current_span(
        f"execute_tool {name}", kind=SpanKind.INTERNAL
    ) as span:
        span.set_attribute("gen_ai.operation.name", "execute_tool")
        span.set_attribute("gen_ai.tool.name", name)
        span.set_attribute("gen_ai.tool.call.id", step_id)
        span.set_attribute("gen_ai.tool.type", "function")
        span.set_attribute("gen_ai.tool.description", description)
        yield span


@contextmanager
def model_span(name: str, max_tokens: int) -> Iterator[Span]:
    """`chat PROVIDER/MODEL`."""
    provider, _, model = name.partition("/")
    with trace.get_tracer("tocsin.investigate").start_as_current_span(f"chat {name}", kind=SpanKind.CLIENT) as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", provider)
        span.set_attribute("gen_ai.request.model", model)
        span.set_attribute("gen_ai.request.max_tokens", max_tokens)
        yield span


def note_usage(span: Span, model: str, usage: Usage) -> None:
    """What answered, and what it took."""
    span.set_attribute("gen_ai.response.model", model)
    span.set_attribute(
        "gen_ai.usage.input_tokens", usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    )
    span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)


def note_failure(span: Span, error: str) -> None:
    """The call did not succeed."""
    span.set_attribute("error.type", "tool_error")
    span.set_status(Status(StatusCode.ERROR, error[:200]))
