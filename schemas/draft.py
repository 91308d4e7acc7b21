"""Signals in the form they are written in, for connectors that many come through: most are stored without anybody looking at them."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, overload

from orjson import dumps
from typing_extensions import override

from schemas.severity import Severity
from schemas.signal import Signal, SignalStatus, SignalType
from schemas.time import Micros, to_rfc3339


class DraftLink(TypedDict):
    """A `Link` as JSON."""

    rel: str
    url: str
    title: NotRequired[str]


class Shared(TypedDict):
    """What the signals that came together have in common, as JSON."""

    schema_version: int
    source: str
    instance: str
    received_at: str
    delivery_id: NotRequired[str]
    own: bool
    rehearsal: bool
    trace: NotRequired[str]


class Draft(TypedDict):
    """The rest of a `Signal` as JSON: moments are RFC 3339, what is None is left out. Made by hand it is nobody's but the connector's word
    that each field has its type and `id` is `signal_id` of source, occurrence and revision. Parts of it may be parts of
    another: it is not to be changed."""

    id: str
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
    expires_at: NotRequired[str]
    delivery_id: NotRequired[str]
    occurrence_id: str
    revision: str
    group_key: str
    remember_s: int
    raw: Any


class Drafts(Sequence[Signal]):
    """Signals as drafts. Each becomes a Signal anew whenever it is looked at. No field stands in `shared` and in a draft."""

    __slots__ = ("drafts", "shared")

    def __init__(self, drafts: Sequence[Draft], shared: Shared) -> None:
        self.drafts = drafts
        self.shared = shared

    def written(self, received_at: Micros, trace: str, rehearsal: bool) -> list[bytes]:
        """The records, as received then, by that trace; what is a rehearsal stays one.

        Raises ValueError when one holds what JSON cannot (half a surrogate pair, nested too deep)."""
        shared: Shared = {
            **self.shared, "received_at": to_rfc3339(received_at), "rehearsal": rehearsal or self.shared["rehearsal"], "trace": trace,
        }  # fmt: skip
        opening = dumps(shared)[:-1] + b","
        try:
            return [opening + dumps(draft)[1:] for draft in self.drafts]
        except TypeError:  # what only the model can write, or refuses with its own words
            return [Signal.model_validate({**shared, **draft}).to_json() for draft in self.drafts]

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
            return Drafts(self.drafts[index], self.shared)
        return Signal.model_validate({**self.shared, **self.drafts[index]})

    @override
    def __eq__(self, other: object) -> bool:
        """As a list of the same signals is equal."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @override
    def __repr__(self) -> str:
        return f"Drafts({list(self)!r})"
