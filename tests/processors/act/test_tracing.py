"""The span of a call belongs to the trace of the request that led to it."""

import asyncio

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from processors.act import call
from tests.support.action_port import ScriptedPort


def test_the_call_continues_the_actions_trace_and_says_how_it_ended(make, monkeypatch):
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(call, "_tracer", provider.get_tracer("test"))
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    async def run():
        world = make.world(ScriptedPort(script=["later", "done"]))
        async with world.acting():
            await world.propose(make.action(trace=f"00-{trace_id}-{span_id}-01"))
        await world.work()

    asyncio.run(run())
    first, second = kept.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in (first, second)} == {trace_id}
    assert f"{first.parent.span_id:016x}" == span_id and first.kind is SpanKind.CLIENT
    assert first.status.status_code is StatusCode.ERROR and second.status.status_code is StatusCode.UNSET
    assert second.attributes["tocsin.action.attempt"] == 2 and second.attributes["tocsin.outcome"] == "happened"
    provider.shutdown()
