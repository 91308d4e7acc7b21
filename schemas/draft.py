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


class Draft(TypedDict):
    """A `Signal` as JSON, without what `Drafts` says for all: moments are RFC 3339, what is None is left out. Made by hand it is nobody's
    but the connector's word that each field has its type and `id` is `signal_id` of source, occurrence and revision. Parts of
    it may be parts of another: it is not to be changed."""

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
    delivery_id: str
    occurrence_id: str
    revision: str
    group_key: str
    remember_s: int
    raw: Any


class Opening:
    """How the JSON of all signals of one instance of a connector begins. To be made once."""

    __slots__ = ("fields", "text")

    def __init__(self, source: str, instance: str) -> None:
        self.fields = {"schema_version": 1, "source": source, "instance": instance, "own": False}
        self.text = dumps(self.fields)[:-1]


class Drafts(Sequence[Signal]):
    """Signals as drafts, of one instance and received at one time. Each becomes a Signal anew whenever it is looked at."""

    __slots__ = ("drafts", "opening", "received_at")

    def __init__(self, drafts: Sequence[Draft], opening: Opening, received_at: Micros) -> None:
        self.drafts = drafts
        self.opening = opening
        self.received_at = received_at

    def written(self, trace: str, rehearsal: bool) -> list[bytes]:
        """The records, by that trace (a W3C traceparent).

        Raises ValueError when one holds what JSON cannot (half a surrogate pair, nested too deep)."""
        opening = b'%b,"received_at":"%b","rehearsal":%b,"trace":"%b",' % (
            self.opening.text,
            to_rfc3339(self.received_at).encode(),
            b"true" if rehearsal else b"false",
            trace.encode(),
        )
        try:
            return [opening + dumps(draft)[1:] for draft in self.drafts]
        except TypeError:  # what only the model can write, or refuses with its own words
            stamp = {"trace": trace, "rehearsal": rehearsal}
            return [signal.model_copy(update=stamp).to_json() for signal in self]

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
            return Drafts(self.drafts[index], self.opening, self.received_at)
        return Signal.model_validate({**self.opening.fields, "received_at": self.received_at, **self.drafts[index]})

    @override
    def __eq__(self, other: object) -> bool:
        """As a list of the same signals is equal."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @override
    def __repr__(self) -> str:
        return f"Drafts({list(self)!r})"
