"""A unit of work: what shall happen together, collected first, decided and done inside one transaction."""

from typing_extensions import override

from connectors.journal.collected import CollectedUnit
from connectors.journal.kafka.wire import present_trace, size_of
from connectors.ports.journal import JournalError, Lease, NewRecord

RECORD_MOST = 8 << 20
"""Bytes a record may have; topics take messages of so much and a little more."""


class KafkaUnit(CollectedUnit):
    """`trace`: what was active when it was begun."""

    def __init__(self, lease: Lease | None) -> None:
        super().__init__(lease)
        self.trace = present_trace()

    @override
    def append(self, stream: str, record: NewRecord) -> None:
        refuse_too_large(stream, record)
        super().append(stream, record)


def refuse_too_large(stream: str, record: NewRecord) -> None:
    """Raises JournalError: no repetition would make it smaller, and an outbox that holds it would never get past it."""
    if (size := size_of(record)) > RECORD_MOST:
        raise JournalError(
            f"a record of {size!r} bytes for {stream!r}: Kafka takes {RECORD_MOST!r} at most; send it in parts"
        )
