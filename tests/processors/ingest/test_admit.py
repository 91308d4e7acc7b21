"""What becomes durable, and what is answered when it does not."""

import asyncio
import base64
import json
import logging
from collections import Counter
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connectors.ports.clock import ManualClock
from connectors.ports.journal import DECISIONS, INPUTS, Busy, Unavailable
from connectors.ports.meters import CounterName, DurationName, Meters
from connectors.ports.source import Request
from connectors.ports.spaces import QUARANTINE
from processors.ingest import Ingest, Quota, Redactor
from schemas import Command, Decision, LogBatch, Signal
from tests.support.hmac_source import HmacSource, signed
from tests.support.memory_journal import MemoryJournal

NOW = 1_795_248_000_000_000
SECRET = b"a secret of the test"


class Counts(Meters):
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.observed: list[str] = []

    def count(self, name: CounterName, value: int = 1, **labels: str) -> None:
        self.counts[name, *labels.values()] += value

    def observe(self, name: DurationName, seconds: float, **labels: str) -> None:
        self.observed.append(name)


class Line:
    """Ingest over a journal in memory, with one signed source."""

    def __init__(self, **options: object) -> None:
        self.clock = ManualClock(NOW)
        self.journal = MemoryJournal(self.clock)
        self.meters = Counts()
        self.source = HmacSource([SECRET])
        self.ingest = Ingest(
            self.journal,  # type: ignore[arg-type]
            redactor=Redactor(b"k" * 32),
            clock=self.clock,
            meters=self.meters,
            **options,  # type: ignore[arg-type]
        )

    def request(self, document: object, **changes: object) -> Request:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        made = Request("POST", "/in/hmac", "", signed(body, SECRET, NOW), body, body, self.ingest.now())
        return replace(made, **changes)

    def inputs(self) -> list[Signal | LogBatch]:
        shapes = {"signal": Signal, "batch": LogBatch}
        return [shapes[entry.kind].from_json(entry.payload) for entry in self.journal.streams[INPUTS]]


def test_signals_and_batches_are_appended_in_order_in_one_commit_with_the_trace_that_brought_them() -> None:
    line = Line()
    items = [{"id": "b", "title": "second", "group": "g1"}, {"id": "a", "title": "first", "group": "g2"}]
    reply = asyncio.run(line.ingest.receive([line.source], line.request({"items": items, "lines": ["one", "two"]})))
    assert (reply.status, line.journal.commits) == (202, 1)
    first, second, batch = line.inputs()
    assert [entry.key for entry in line.journal.streams[INPUTS]] == ["g1", "g2", "checkout"]
    assert (first.title, second.title, len(batch.lines)) == ("second", "first", 2)
    assert first.trace == second.trace == batch.trace
    assert first.trace is not None and first.trace.startswith("00-") and len(first.trace) == 55
    assert first.received_at == NOW
    assert not first.rehearsal
    assert line.meters.counts["tocsin.ingest.signals", "hmac"] == 2
    assert line.meters.counts["tocsin.ingest.log_lines", "hmac"] == 2
    assert line.meters.counts["tocsin.ingest.requests", "hmac", "202"] == 1
    assert line.meters.observed == ["tocsin.ingest.duration"]


def test_nothing_is_answered_before_it_is_durable() -> None:
    async def scenario() -> None:
        line = Line()
        line.journal.gate = asyncio.Event()
        answer = asyncio.create_task(line.ingest.receive([line.source], line.request({"items": [{"id": 1}]})))
        done, _ = await asyncio.wait([answer], timeout=0.05)
        assert not done
        assert not line.journal.streams[INPUTS]
        line.journal.gate.set()
        assert (await answer).status == 202
        assert len(line.journal.streams[INPUTS]) == 1

    asyncio.run(scenario())


def test_a_full_journal_asks_the_sender_to_come_again_and_the_retry_is_accepted() -> None:
    line = Line()
    line.journal.refusal = Busy("full", retry_after_s=7)
    request = line.request({"items": [{"id": 1}]})
    reply = asyncio.run(line.ingest.receive([line.source], request))
    assert (reply.status, reply.headers["Retry-After"]) == (503, "7")
    assert not line.journal.streams[INPUTS]
    assert line.meters.counts["tocsin.ingest.overloaded", "hmac", "busy"] == 1
    assert ("tocsin.ingest.signals", "hmac") not in line.meters.counts
    line.journal.refusal = None
    assert asyncio.run(line.ingest.receive([line.source], request)).status == 202
    assert len(line.inputs()) == 1


def test_a_journal_that_cannot_write_rings_the_bell_with_redacted_signals_before_the_sender_is_told() -> None:
    rung: list[tuple[list[str], str]] = []

    async def bell(signals: object, reason: str) -> None:
        rung.append(([signal.title for signal in signals], reason))

    line = Line(bell=bell)
    line.journal.refusal = Unavailable("no space left", retry_after_s=30)
    reply = asyncio.run(
        line.ingest.receive([line.source], line.request({"items": [{"id": 1, "title": "password=hunter2"}]}))
    )
    assert (reply.status, reply.headers["Retry-After"]) == (503, "30")
    ((titles, reason),) = rung
    assert reason == "no space left"
    assert "hunter2" not in titles[0]
    assert line.meters.counts["tocsin.ingest.bells", "rung"] == 1


def test_what_a_poller_read_rings_the_bell_when_it_cannot_be_kept_and_counts_once_it_can() -> None:
    rung: list[str] = []

    async def bell(signals: object, reason: str) -> None:
        rung.append(reason)

    line = Line(bell=bell)
    request = line.request({"items": [{"id": 1}, "no item"]})
    received = line.source.receive(request)
    line.journal.refusal = Unavailable("no space left")
    with pytest.raises(Unavailable):
        asyncio.run(line.ingest.admit(line.source, received, received_at=NOW, content=request.body))
    assert rung == ["no space left"]
    assert not line.journal.streams[INPUTS]
    line.journal.refusal = None
    asyncio.run(line.ingest.admit(line.source, received, received_at=NOW, content=request.body))
    assert [signal.occurrence_id for signal in line.inputs()] == ["1"]
    assert line.meters.counts["tocsin.ingest.signals", "hmac"] == 1
    assert line.meters.counts["tocsin.ingest.quarantined", "hmac"] == 1


def test_a_broken_bell_does_not_cost_the_sender_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def bell(signals: object, reason: str) -> None:
        raise OSError("the bell's disk is full too")

    line = Line(bell=bell)
    line.journal.refusal = Unavailable("no space left")
    with caplog.at_level(logging.CRITICAL, "processors.ingest"):
        reply = asyncio.run(line.ingest.receive([line.source], line.request({"items": [{"id": 1}]})))
    assert reply.status == 503
    assert line.meters.counts["tocsin.ingest.bells", "failed"] == 1


def test_poison_is_kept_apart_with_its_reason_in_the_same_commit_as_the_good_part() -> None:
    line = Line()
    request = line.request({"items": [{"id": 1}, "password=hunter2", {"id": 2}]})
    assert asyncio.run(line.ingest.receive([line.source], request)).status == 202
    assert [signal.occurrence_id for signal in line.inputs()] == ["1", "2"]
    assert line.journal.commits == 1
    ((space, key), row) = next(iter(line.journal.spaces.items()))
    kept = json.loads(row)
    assert (space, kept["id"], kept["source"], kept["instance"]) == (QUARANTINE, key, "hmac", "default")
    assert kept["reason"] == "an item without an id"
    assert kept["received_at"] == "2026-11-21T08:00:00.000000Z"
    content = base64.b64decode(kept["content"])
    assert b"[secret:password:" in content and b"hunter2" not in content
    (entry,) = line.journal.streams[DECISIONS]
    decision = Decision.from_json(entry.payload)
    assert (decision.kind, decision.cause, decision.data["quarantine_id"]) == ("signal.quarantined", (key,), key)
    assert decision.data["size"] == len(content)
    assert line.meters.counts["tocsin.ingest.quarantined", "hmac"] == 1


def test_the_same_poison_sent_again_is_quarantined_once_and_its_good_part_is_accepted_again() -> None:
    async def scenario() -> None:
        line = Line()
        request = line.request({"items": [{"id": 1}, 5]})
        replies = [await line.ingest.receive([line.source], request) for _ in range(2)]
        replies += await asyncio.gather(
            *(line.ingest.receive([line.source], line.request({"items": [6]})) for _ in range(5))
        )
        assert {reply.status for reply in replies} == {202}
        assert len(line.journal.spaces) == len(line.journal.streams[DECISIONS]) == 2
        assert len(line.inputs()) == 2

    asyncio.run(scenario())


def test_poison_is_not_acknowledged_when_it_cannot_be_kept() -> None:
    line = Line()
    line.journal.refusal = Unavailable("read-only")
    assert asyncio.run(line.ingest.receive([line.source], line.request({"items": ["x"]}))).status == 503
    assert not line.journal.spaces


def test_a_signal_nested_too_deep_to_be_written_is_quarantined_and_the_others_are_kept() -> None:
    line = Line()
    deep: object = "x"
    for _ in range(400):
        deep = [deep]
    request = line.request({"items": [{"id": 1, "deep": deep}, {"id": 2}]})
    assert asyncio.run(line.ingest.receive([line.source], request)).status == 202
    assert [signal.occurrence_id for signal in line.inputs()] == ["2"]
    (row,) = line.journal.spaces.values()
    assert base64.b64decode(json.loads(row)["content"]) == request.body


@pytest.mark.parametrize(
    ("change", "reason", "status"),
    [
        ({"headers": {}}, "missing_signature", 401),
        ({"headers": signed(b"other", SECRET, NOW)}, "bad_signature", 401),
        ({"received_at": NOW + 301_000_000}, "expired", 401),
    ],
)
def test_a_refused_request_leaves_nothing_and_is_counted(change: dict[str, object], reason: str, status: int) -> None:
    line = Line()
    reply = asyncio.run(line.ingest.receive([line.source], line.request({"items": [{"id": 1}]}, **change)))
    assert (reply.status, reply.headers["X-Form"]) == (status, "hmac")
    assert reply.body.startswith(reason.encode())
    assert not line.journal.streams[INPUTS] and not line.journal.spaces
    assert line.meters.counts["tocsin.ingest.refused", "hmac", reason] == 1


@pytest.mark.parametrize("body", [b"not json", b"[1, 2]", b'{"items": [', b""])
def test_what_is_not_json_of_the_right_shape_is_refused_as_malformed(body: bytes) -> None:
    line = Line()
    assert asyncio.run(line.ingest.receive([line.source], line.request(body))).status == 400
    assert line.meters.counts["tocsin.ingest.refused", "hmac", "malformed"] == 1


def test_a_connector_that_breaks_costs_nothing_but_a_retry(caplog: pytest.LogCaptureFixture) -> None:
    line = Line()
    request = line.request({"explode": True})
    with caplog.at_level(logging.CRITICAL, "processors.ingest"):
        replies = [asyncio.run(line.ingest.receive([line.source], request)) for _ in range(2)]
    assert [reply.status for reply in replies] == [503, 503]
    (row,) = line.journal.spaces.values()
    assert json.loads(row)["reason"] == "the connector failed on it: ZeroDivisionError: as asked"
    assert base64.b64decode(json.loads(row)["content"]) == request.body
    assert line.meters.counts["tocsin.ingest.failures", "hmac"] == 2
    assert line.meters.counts["tocsin.ingest.requests", "hmac", "503"] == 2


def test_what_needs_no_signal_is_answered_without_the_journal_and_counted() -> None:
    line = Line()
    line.journal.refusal = Unavailable("no space left")
    assert asyncio.run(line.ingest.receive([line.source], line.request({"ping": True}))).status == 202
    assert line.meters.counts["tocsin.ingest.ignored", "hmac", "pings"] == 1


def test_secrets_are_replaced_in_the_record_and_in_its_key() -> None:
    line = Line()
    item = {
        "id": 1,
        "group": "failed: password=hunter2",
        "title": "AKIAABCDEFGHIJKLMNOP",
        "headers": {"Authorization": "Bearer x"},
    }
    assert (
        asyncio.run(
            line.ingest.receive([line.source], line.request({"items": [item, {"id": 2, "title": "fine"}]}))
        ).status
        == 202
    )
    first, second = line.journal.streams[INPUTS]
    assert not any(secret in first.payload for secret in (b"hunter2", b"AKIAABCDEFGHIJKLMNOP", b"Bearer x"))
    assert "hunter2" not in first.key
    assert first.key == Signal.from_json(first.payload).group_key
    assert Signal.from_json(second.payload).title == "fine"


def test_a_rehearsal_marks_whatever_enters() -> None:
    line = Line()
    asyncio.run(
        line.ingest.receive([line.source], line.request({"items": [{"id": 1}], "lines": ["x"]}), rehearsal=True)
    )
    assert [record.rehearsal for record in line.inputs()] == [True, True]


def test_instances_on_one_path_are_asked_in_turn_and_the_first_words_the_refusal() -> None:
    line = Line()
    shop = HmacSource([b"another secret"], instance="shop")
    request = line.request({"items": [{"id": 1}]})
    assert asyncio.run(line.ingest.receive([shop, line.source], request)).status == 202
    assert line.inputs()[0].instance == "default"
    line.source.secrets = [b"neither"]
    assert asyncio.run(line.ingest.receive([shop, line.source], request)).status == 401
    assert sum(line.meters.counts[key] for key in line.meters.counts if key[0] == "tocsin.ingest.refused") == 1


def test_a_command_is_appended_among_the_signals_without_its_secrets() -> None:
    line = Line(rehearsal=True)
    command = Command(
        id="cmd_1",
        kind="steer",
        author="human:ada",
        origin="cli",
        at=NOW,
        incident_id="inc_1",
        data={"text": "password=hunter2"},
    )
    asyncio.run(line.ingest.command(command))
    (entry,) = line.journal.streams[INPUTS]
    assert (entry.kind, entry.key) == ("command", "inc_1")
    assert b"hunter2" not in entry.payload
    assert Command.from_json(entry.payload).rehearsal
    line.journal.refusal = Busy("full")
    with pytest.raises(Busy):
        asyncio.run(line.ingest.command(command))


def test_a_recorded_span_gives_its_own_trace_and_links_to_the_senders() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    line = Line(tracer=provider.get_tracer("test"))
    request = line.request({"items": [{"id": 1}]})
    sender = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    request = replace(request, headers={**request.headers, "traceparent": sender})
    asyncio.run(line.ingest.receive([line.source], request))
    (span,) = exporter.get_finished_spans()
    trace = line.inputs()[0].trace
    assert trace is not None and trace.split("-")[1] == f"{span.context.trace_id:032x}" != sender.split("-")[1]
    assert f"{span.links[0].context.trace_id:032x}" == sender.split("-")[1]
    assert span.name == "ingest"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 202
    assert span.attributes["http.request.method"] == "POST"


def test_what_is_over_the_quota_is_told_to_come_again_and_counted_and_taken_when_it_does() -> None:
    line = Line(quota=Quota(per_second=2, burst_s=1))
    request = line.request({"items": [{"id": "a", "title": "one"}], "lines": ["two"]})

    async def story() -> list[int]:
        first = await line.ingest.receive([line.source], request)
        over = await line.ingest.receive([line.source], request)
        line.clock.advance(seconds=1)
        return [first.status, over.status, (await line.ingest.receive([line.source], request)).status]

    assert asyncio.run(story()) == [202, 503, 202]
    assert line.meters.counts["tocsin.ingest.overloaded", "hmac", "quota"] == 1
    assert len(line.inputs()) == 4
