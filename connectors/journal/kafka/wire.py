"""How a record lies in a Kafka message, and what its neighbours make of it.

The value is the payload and nothing else, so that anybody may read the topics; the key is the record's key. Headers: `kind`; `at`, the
stamp of acceptance in microseconds; `n`, the number in the outbox, for what came that way; `traceparent` (W3C Trace Context), where
a trace was active. Journal offsets begin at 1: they are Kafka's plus one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from opentelemetry import trace

from connectors.ports.journal import Entry, NewRecord

REPEAT = "repeat"
"""The kind of an entry that says again what an earlier one said: published twice by an outbox's owner that had slept. Its payload is
an empty object; it keeps its offset, so that nothing seems to be missing."""
UNREADABLE = "unreadable"
"""The kind of an entry that is no record of ours: somebody else wrote to the topic. Its payload is the message's value."""

Headers = Sequence[tuple[str, bytes]]


class Message(Protocol):
    """What is read of an aiokafka ConsumerRecord."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def headers_of(kind: str, at: bytes, number: int = 0, traceparent: bytes | None = None) -> list[tuple[str, bytes]]:
    """Raises UnicodeEncodeError for a kind that is no text."""
    found = [("kind", kind.encode()), ("at", at)]
    if number:
        found.append(("n", b"%d" % number))
    if traceparent is not None:
        found.append(("traceparent", traceparent))
    return found


def present_trace() -> bytes | None:
    """The active span as a `traceparent`; None when there is none."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)


def size_of(record: NewRecord) -> int:
    """Bytes it takes in a batch, about."""
    return len(record.payload) + 4 * len(record.key) + 96


@dataclass(slots=True)
class Reckoning:
    """What all messages before `next` make of the one there: acceptance never decreases, a number of the outbox counts once.

    The same for every reader, wherever it began: it begins at a mark, which holds these three of an earlier reader.
    """

    next: int = 0
    """Kafka's offset of the next message."""
    floor: int = 0
    """The latest acceptance so far."""
    number: int = 0
    """The highest number of the outbox so far."""

    def take(self, stream: str, message: Message) -> Entry:
        """The entry that the next message is."""
        offset = message.offset
        self.next = offset + 1
        kind = at = None
        number = 0
        key = message.key
        try:
            for name, value in message.headers:
                if name == "at":
                    at = int(value)
                elif name == "kind":
                    kind = value.decode()
                elif name == "n":
                    number = int(value)
            text = key.decode() if key else ""
        except (ValueError, AttributeError):
            kind, text = None, ""
        if kind is None or at is None:
            return Entry(stream, offset + 1, self.floor, UNREADABLE, "", message.value or b"")
        if at > self.floor:
            self.floor = at
        if number:
            if number <= self.number:
                return Entry(stream, offset + 1, self.floor, REPEAT, text, b"{}")
            self.number = number
        return Entry(stream, offset + 1, self.floor, kind, text, message.value or b"")
