"""The rows of a state in memory: those in use as they are, the others packed, so that a million groups fit into a gigabyte."""

import zlib
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import orjson
from typing_extensions import override

Row = dict[str, Any]
HOT_MOST = 20_000
"""So many rows of the kinds that may be many stay unpacked."""
_PACKED = ("group/", "window/", "steps/", "absence/", "waiting/", "delivery/")
"""What there may be a million of. Rows of other kinds are few, and others hold on to them."""
_USUAL = (
    b'"environment":"production","status":"resolved","severity":"critical","severity":"warning","source":"sentry","labels":{"namespace":"'
    b'"job":"","instance":"10.0.0.","cluster":"","team":"","pod":"","alertname":"'
    b'{"rule":"","group":{"labels.alertname":"","labels.cluster":"","group_key":"","service":""},"gid":"grp_","episode":1,"id":"inc_'
    b'","status":"open","severity":"error","title":"","source":"alertmanager","labels":{"alertname":"","annotations":{},"first":1795'
    b',"last":1795,"opened":1795,"at":1795,"n":1,"dup":0,"firing":{"alertmanager occurrence_id ":0},"head":["sig_"],"tail":[],'
    b'"links":[],"external":[],"feedback":[],"rehearsal":false,"said":0,"unsaid":0,"running":1795,"rev":2,"service":"","playbook":"'
    b'","resolve_after":86400000000,"due":1795'
)
"""What rows mostly consist of: names and values that deflate then only points to (RFC 1951, a preset dictionary)."""
_WINDOW, _MEMORY = -12, 5
_PACKER = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _USUAL)
_UNPACKER = zlib.decompressobj(_WINDOW, _USUAL)


class Rows(MutableMapping[str, Row]):
    """Rows by key. A row that is looked up is unpacked and may be changed in place until `rest` is called; then whoever held it looks
    it up anew."""

    def __init__(self) -> None:
        self._hot: dict[str, Row] = {}
        self._cold: dict[str, bytes] = {}

    @override
    def get(self, key: str, default: Any = None) -> Any:
        row = self._hot.get(key)
        if row is None:
            packed = self._cold.pop(key, None)
            if packed is None:
                return default
            row = self._hot[key] = _unpacked(packed)
        return row

    def rest(self, most: int = HOT_MOST) -> None:
        """Nobody holds a row any more: pack those looked up longest ago, until at most `most` are left that could be packed."""
        over = len(self._hot) - most
        if over <= 0:
            return
        for key in [key for key in self._hot if key.startswith(_PACKED)][:over]:
            self._cold[key] = _packed(self._hot.pop(key))

    def adopt(self, key: str, row: Row) -> None:
        """Take in a row that nobody looks up soon."""
        if len(self._hot) < HOT_MOST or not key.startswith(_PACKED):
            self._hot[key] = row
        else:
            self._cold[key] = _packed(row)

    def peek(self, key: str) -> Row | None:
        """A row to look at alone: what is changed in one that was packed is lost."""
        row = self._hot.get(key)
        if row is None and (packed := self._cold.get(key)) is not None:
            return _unpacked(packed)
        return row

    def looked_through(self) -> Iterator[tuple[str, Row]]:
        """All rows in the order of their keys, each to `peek` at; rows may go meanwhile."""
        for key in sorted(self):
            row = self.peek(key)
            if row is not None:
                yield key, row

    def named(self, prefixes: str | tuple[str, ...]) -> Iterable[str]:
        """Keys that begin so; no row is unpacked."""
        return [key for key in self if key.startswith(prefixes)]

    @override
    def __getitem__(self, key: str) -> Row:
        row: Row | None = self.get(key)
        if row is None:
            raise KeyError(key)
        return row

    @override
    def __setitem__(self, key: str, row: Row) -> None:
        self._cold.pop(key, None)
        self._hot[key] = row

    @override
    def __delitem__(self, key: str) -> None:
        if self._hot.pop(key, None) is None:
            del self._cold[key]

    @override
    def __contains__(self, key: object) -> bool:
        return key in self._hot or key in self._cold

    @override
    def __iter__(self) -> Iterator[str]:
        return iter([*self._hot, *self._cold])  # looking one up moves it

    @override
    def __len__(self) -> int:
        return len(self._hot) + len(self._cold)


def _packed(row: Row) -> bytes:
    packing = _PACKER.copy()
    return packing.compress(orjson.dumps(row)) + packing.flush()


def _unpacked(packed: bytes) -> Row:
    row: Row = orjson.loads(_UNPACKER.copy().decompress(packed))
    return row
