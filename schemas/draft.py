"""Signals in the form they are written in, for connectors that many come through: most are stored without anybody looking at them."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, overload

import orjson
from typing_extensions import override

from schemas.severity import Severity
from schemas.signal import Signal, SignalStatus, SignalType


class DraftLink(TypedDict):
    """A `Link` as JSON."""

    rel: str
    url: str
    title: NotRequired[str]


class Draft(TypedDict):
    """A `Signal` as JSON: moments are RFC 3339, what is None is left out. Made by hand it is nobody's but the connector's word that
    each field has its type and `id` is `signal_id` of source, occurrence and revision."""

    schema_version: int
    id: str
    source: str
    instance: str
    type: SignalType
    status: SignalStatus
    severity: Severity
    title: str
    body: str
    service: NotRequired[str]
    environment: NotRequired[str]
    labels: dict[str, str]
    measures: dict[str, float]
    links: list[DraftLink]
    occurred_at: str
    received_at: str
    expires_at: NotRequired[str]
    delivery_id: str
    occurrence_id: str
    revision: str
    group_key: str
    remember_s: int
    own: bool
    rehearsal: bool
    raw: Any


def written(draft: Draft) -> bytes:
    """The bytes of the record. Raises ValueError for what JSON cannot hold (half a surrogate pair, nested too deep)."""
    try:
        return orjson.dumps(draft)
    except TypeError:  # what only the model can write, or refuses with its own words
        return Signal.model_validate(draft).to_json()


def drafted(signal: Signal) -> Draft:
    """The signal's draft."""
    draft: Draft = orjson.loads(signal.to_json())
    return draft


class Drafts(Sequence[Signal]):
    """Signals as drafts. Each becomes a Signal anew whenever it is looked at."""

    __slots__ = ("drafts",)

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts

    @override
    def __len__(self) -> int:
        return len(self.drafts)

    @overload
    def __getitem__(self, index: int) -> Signal: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Signal]: ...
    @override
    def __getitem__(self, index: int | slice) -> Signal | Sequence[Signal]:
        if isinstance(index, slice):
            return Drafts(self.drafts[index])
        return Signal.model_validate(self.drafts[index])

    @override
    def __eq__(self, other: object) -> bool:
        """As a list of the same signals is equal."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @override
    def __repr__(self) -> str:
        return f"Drafts({list(self)!r})"
