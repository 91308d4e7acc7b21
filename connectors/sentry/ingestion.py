"""What an SDK sent, taken apart: envelopes and the older store requests become signals, batches, poison and counts."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from connectors.ports.reading import Unreadable, lenient_json, line, moment
from connectors.ports.source import Poison, Received, Reply
from connectors.sentry.envelope import Broken, Envelope, Item, parse_envelope
from connectors.sentry.event_signal import event_signal
from connectors.sentry.items import check_in_signal, feedback_signal, loss_signal
from connectors.sentry.logs import log_batches
from connectors.sentry.origin import Origin
from schemas.signal import LogBatch, Signal

PASSED_OVER = frozenset(
    (
        "transaction",
        "session",
        "sessions",
        "span",
        "trace_metric",
        "attachment",
        "profile",
        "profile_chunk",
        "replay_event",
        "replay_recording",
        "replay_video",
        "statsd",
        "metric_buckets",
        "otel_log",
        "otel_span",
    )
)
"""Items that are known and need no signal; any other type is counted as `unknown_item`."""


@dataclass(slots=True)
class _Sorted:
    """What has been read of one request so far."""

    origin: Origin
    project: str
    envelope: Envelope
    sent_at: int
    attachments: list[dict[str, Any]]
    signals: list[Signal] = field(default_factory=list)
    batches: list[LogBatch] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)


def read_envelope(body: bytes, origin: Origin, project: str) -> Received:
    """Everything an envelope says. An envelope whose first line cannot be read is poison as a whole and answered 400."""
    try:
        envelope = parse_envelope(body)
    except Unreadable as error:
        return unreadable(str(error), body)
    found = _Sorted(
        origin=origin,
        project=project,
        envelope=envelope,
        sent_at=moment(envelope.header.get("sent_at")) or origin.received_at,
        attachments=[
            _attachment(piece) for piece in envelope.pieces if isinstance(piece, Item) and piece.type == "attachment"
        ],
    )
    for piece in envelope.pieces:
        if isinstance(piece, Broken):
            _spoil(found, piece.reason, piece.content)
        else:
            _sort(piece, found)
    first = next((signal.occurrence_id for signal in found.signals if signal.type == "error"), None)
    return Received(
        signals=found.signals,
        batches=found.batches,
        poison=found.poison,
        ignored=dict(found.ignored),
        unknown_severities=found.unknown,
        reply=reply_with_id(first or line(envelope.header.get("event_id"), 64).replace("-", "") or None),
    )


def read_store(body: bytes, origin: Origin, project: str) -> Received:
    """One event, the way SDKs sent it before there were envelopes."""
    if len(body) > origin.settings.max_event:
        return unreadable(
            f"an event of {len(body)} bytes, at most {origin.settings.max_event} are taken", body, status=413
        )
    try:
        event = _object(body)
        signal, unknown = event_signal(event, origin, content=body, raw=event, project=project)
    except ValueError as error:
        return unreadable(str(error), body)
    return Received(signals=[signal], unknown_severities=unknown, reply=reply_with_id(signal.occurrence_id))


def unreadable(reason: str, content: bytes, status: int = 400) -> Received:
    """Nothing of the body could be read: it is kept as poison, and the sender is told."""
    answer = orjson.dumps({"detail": "the request cannot be read", "causes": [reason]})
    return Received(poison=[Poison(reason, content)], reply=Reply(status, answer, {"content-type": "application/json"}))


def reply_with_id(identity: str | None) -> Reply:
    """What an SDK expects on success; logs and counts alone have no id."""
    return Reply(200, orjson.dumps({"id": identity} if identity else {}), {"content-type": "application/json"})


def _sort(item: Item, found: _Sorted) -> None:
    read = _READERS.get(item.type)
    if read is None:
        found.ignored[item.type if item.type in PASSED_OVER else "unknown_item"] += 1
        return
    settings = found.origin.settings
    largest = settings.max_check_in if item.type == "check_in" else settings.max_event
    if len(item.payload) > largest:
        _spoil(found, f"{item.type} of {len(item.payload)} bytes, at most {largest} are taken", item.content)
        return
    try:
        read(_object(item.payload), item, found)
    except ValueError as error:
        _spoil(found, f"{item.type}: {error}", item.content)


def _event(event: dict[str, Any], item: Item, found: _Sorted) -> None:
    raw = {**event, "attachments_left_out": found.attachments} if found.attachments else event
    signal, unknown = event_signal(
        event,
        found.origin,
        content=item.payload,
        raw=raw,
        project=found.project,
        envelope_id=found.envelope.header.get("event_id"),
    )
    found.signals.append(signal)
    found.unknown.extend(unknown)


def _check_in(check_in: dict[str, Any], item: Item, found: _Sorted) -> None:
    signal = check_in_signal(check_in, found.origin, found.project, found.sent_at, check_in)
    if signal is None:
        found.ignored[item.type] += 1
    else:
        found.signals.append(signal)


def _feedback(event: dict[str, Any], item: Item, found: _Sorted) -> None:
    found.signals.append(feedback_signal(event, found.origin, found.project, item.payload, event))


def _client_report(report: dict[str, Any], item: Item, found: _Sorted) -> None:
    found.signals.append(loss_signal(report, found.origin, found.project, found.sent_at, item.payload, report))


def _log(logs: dict[str, Any], item: Item, found: _Sorted) -> None:
    if not isinstance(logs.get("items"), list):
        raise Unreadable("expected an object with a list of `items`")
    batches, unreadable_lines, unknown = log_batches(
        logs["items"], found.origin, found.project, found.sent_at, item.payload
    )
    found.batches.extend(batches)
    found.unknown.extend(unknown)
    if unreadable_lines:
        _spoil(found, f"log: {unreadable_lines} lines that are not objects", item.content)


_READERS: Mapping[str, Callable[[dict[str, Any], Item, _Sorted], None]] = {
    "event": _event,
    "check_in": _check_in,
    "feedback": _feedback,
    "user_report": _feedback,
    "log": _log,
    "client_report": _client_report,
}


def _spoil(found: _Sorted, reason: str, content: bytes) -> None:
    """Keep a piece as an envelope of its own, so that it can be tried again."""
    found.poison.append(Poison(reason, found.envelope.header_line + b"\n" + content + b"\n"))


def _object(payload: bytes) -> dict[str, Any]:
    value = lenient_json(payload)
    if not isinstance(value, dict):
        raise Unreadable(f"expected a JSON object, found {type(value).__name__}")
    return value


def _attachment(item: Item) -> dict[str, Any]:
    return {
        "filename": line(item.header.get("filename"), 200),
        "content_type": line(item.header.get("content_type"), 100),
        "bytes": len(item.payload),
    }
