"""Seeing inside: one trace from the request to the effect, and Tocsin's own errors where the user wants them, never here."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.crash import entries
from tests.support.linear_server import LinearServer
from tests.support.program import child, program, to_linear
from tests.support.requests import decompress
from tests.support.servers import free_port
from tests.support.webhook_receiver import Receiver, receiving
from tocsin.telemetry import start_tracing

ERROR = {"title": "Mail fails", "severity": "error", "type": "error", "service": "mail", "id": "evt-1"}
KEY = "0123456789abcdef0123456789abcdef"


def spans_from_now_on() -> InMemorySpanExporter:
    """What is traced in this process. A process has one tracer provider for good, so a test joins the one that is there."""
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    present = trace.get_tracer_provider()
    if isinstance(present, TracerProvider):
        present.add_span_processor(processor)
    else:
        start_tracing(Resource.create({"service.name": "tocsin"}), None, also=processor)
    return exporter


def test_one_trace_goes_from_the_request_to_the_effect(tmp_path: Path, linear: LinearServer) -> None:
    exporter = spans_from_now_on()

    async def main() -> None:
        async with program(tmp_path, {"connectors": {"linear": to_linear(linear)}}) as here:
            senders = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
            assert (await here.http.post("/in/generic", json=ERROR, headers=senders)).is_success
            await here.until("action.succeeded")
            await here.settle()
            (incident,) = await here.incidents()
            decided = [each for each in await here.decisions() if each.incident_id == incident.id]
        finished: list[ReadableSpan] = list(exporter.get_finished_spans())
        by_name = {span.name: span for span in finished}
        (request,) = [span for span in finished if span.name == "ingest"]
        traced = f"{request.context.trace_id:032x}"
        assert traced != "0af7651916cd43dd8448eb211c80319c", "a stranger does not decide what is sampled here"
        assert [f"{link.context.trace_id:032x}" for link in request.links] == ["0af7651916cd43dd8448eb211c80319c"]
        for name in ("invoke_agent triage-error", "execute_tool signals.around", "act.execute"):
            assert f"{by_name[name].context.trace_id:032x}" == traced, name
        tool = by_name["execute_tool signals.around"].attributes or {}
        assert tool["gen_ai.operation.name"] == "execute_tool"
        assert {each.trace.split("-")[1] for each in decided if each.trace} == {traced}
        untraced = {each.kind for each in decided if not each.trace}
        assert not untraced, untraced

    asyncio.run(main())
    exporter.shutdown()


def events_of(receiver: Receiver) -> list[dict[str, Any]]:
    """The events among the envelopes that arrived at somebody's Sentry."""
    found = []
    for headers, body in receiver.got:
        lines = decompress(body, headers.get("content-encoding", "")).split(b"\n")
        found += [json.loads(payload) for head, payload in pairwise(lines) if b'"type":"event"' in head]
    return found


def broken(folder: Path) -> None:
    """A file lies where the recorder's folder should be, so that it fails."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "ledger").write_text("in the way")


def test_a_failing_part_is_reported_to_the_users_sentry_without_what_payloads_held(tmp_path: Path) -> None:
    broken(tmp_path)
    with receiving() as sentry:
        sentry.answers = [(200, {"content-length": "0"})]
        dsn = sentry.url.replace("http://", f"http://{KEY}@").replace("/hook", "/7")
        with child(tmp_path, {"telemetry": {"sentry_dsn": dsn}}) as there:
            event = there.until(lambda: events_of(sentry), "the report")[0]
            assert there.http.get("/api/v1/incidents", headers=there.api()).json() == []
            there.terminate()
    assert event["tags"]["part"] == "record" and event["tags"]["tocsin.self"] == "true"
    assert event["release"].startswith("tocsin@")
    frames = [frame for value in event["exception"]["values"] for frame in value["stacktrace"]["frames"]]
    assert frames and not any("vars" in frame for frame in frames)
    assert "user" not in event and "request" not in event


def test_a_dsn_that_leads_to_our_own_door_is_never_sent_to(tmp_path: Path) -> None:
    broken(tmp_path)
    port = free_port()
    for host in ("127.0.0.1", "localhost"):
        dsn = f"http://{KEY}@{host}:{port}/7"
        with child(tmp_path, {"listen": f"127.0.0.1:{port}", "telemetry": {"sentry_dsn": dsn}}) as there:
            there.until(lambda: there.http.get("/readyz").json()["faults"].get("record"), "the failure")
            said = there.stderr.read_text()
            assert "own errors are not reported" in said and "leads to Tocsin's own door" in said
            assert there.terminate() == 0
            assert "/api/7/" not in there.stderr.read_text()
            counted = b"".join(entry.payload for entry in entries(tmp_path))
            assert b"FileExistsError" not in counted and b"tocsin.self" not in counted
