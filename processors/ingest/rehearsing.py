"""Rehearsing: what is only played has names of its own, so that neither is taken for a repetition of the other."""

from typing import TypeVar

from connectors.ports.source import Received
from schemas import LogBatch, Signal, digest
from schemas.draft import Draft, Drafts

_Kind = TypeVar("_Kind", Signal, LogBatch)


def rehearsed(received: Received) -> Received:
    """The same under the ids of a rehearsal: playing an alert that fires, or will fire, must not cost the real one its decision. The same
    played twice is a repetition."""
    signals = received.signals
    if isinstance(signals, Drafts):
        drafts: list[Draft] = [{**draft, "id": _name(draft["id"])} for draft in signals.drafts]
        signals = Drafts(drafts, signals.opening, signals.received_at)
    else:
        signals = [_renamed(signal) for signal in signals]
    return received._replace(signals=signals, batches=[_renamed(batch) for batch in received.batches])


def _renamed(record: _Kind) -> _Kind:
    return record.model_copy(update={"id": _name(record.id)})


def _name(identity: str) -> str:
    return digest(identity.partition("_")[0], "rehearsal", identity)
