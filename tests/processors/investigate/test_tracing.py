"""One trace goes on from the request that brought the signal through every tool that is asked."""

import asyncio
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.checkout_story import night

INCIDENT, SIGNALS, _ = night()


def test_tools_are_spans_of_the_trace_that_brought_the_signal(world: Any) -> None:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    spans = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    async def main() -> None:
        async with world() as w:
            await w.select(INCIDENT, SIGNALS)
            await w.processor().drain()

    asyncio.run(main())
    found = {span.name: span for span in spans.get_finished_spans()}
    agent, tool = found["invoke_agent triage-error"], found["execute_tool logs.around"]
    assert (
        f"{agent.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
        and agent.parent.span_id == 0xB7AD6B7169203331
    )
    assert tool.context.trace_id == agent.context.trace_id and tool.parent.span_id == agent.context.span_id
    assert (
        tool.attributes["gen_ai.operation.name"] == "execute_tool"
        and tool.attributes["gen_ai.tool.name"] == "logs.around"
    )
    assert not found["execute_tool git.recent_changes"].status.is_ok
    spans.shutdown()
