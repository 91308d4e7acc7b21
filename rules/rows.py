"""The rows of a state in memory: those in use as they are, the others packed, so that a million groups fit into a gigabyte."""

import zlib
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from itertools import islice
from typing import Any

import orjson
from typing_extensions import override

Row = dict[str, Any]
HOT_MOST = 10_000
"""So many rows of the kinds that may be many stay as they are used..."""
LIGHT_MOST = 50_000
"""... so many of delivery, which are small as they are, and all asked for whenever their group is looked at..."""
WARM_MOST = 30_000
"""... and so many of the others as JSON, from which they are quickly back: a group is looked at again soon after it began, or not for long."""
_HEAVY = ("group/", "window/", "steps/", "absence/", "waiting/", "earlier/")
_LIGHT = "delivery/"
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
SAMPLES = 64
"""So many rules have a dictionary of their own, made of their first row: what their rows share then costs nothing."""


class _Packer:
    """Deflates rows that are alike, given what they mostly consist of."""

    __slots__ = ("_deflate", "_inflate")

    def __init__(self, usual: bytes) -> None:
        self._deflate = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, usual)
        self._inflate = zlib.decompressobj(_WINDOW, usual)

    def packed(self, row: bytes) -> bytes:
        packing = self._deflate.copy()
        return packing.compress(row) + packing.flush()

    def unpacked(self, packed: bytes) -> Row:
        row: Row = orjson.loads(self._inflate.copy().decompress(packed))
        return row


_PLAIN = _Packer(_USUAL)


class Rows(MutableMapping[str, Row]):
    """Rows by key. A row that is looked up is unpacked and may be changed in place until `rest` is called; then whoever held it looks
    it up anew."""

    def __init__(self) -> None:
        self._hot: dict[str, Row] = {}
        self._heavy: dict[str, None] = {}
        self._light: dict[str, None] = {}
        """Keys of hot rows that may be put away, in the order in which they came."""
        self._warm: dict[str, bytes] = {}
        self._cold: dict[str, bytes] = {}
        self._packers: dict[str, _Packer] = {}

    @override
    def get(self, key: str, default: Any = None) -> Any:
        row = self._hot.get(key)
        if row is None:
            if (written := self._warm.pop(key, None)) is not None:
                row = orjson.loads(written)
            elif (packed := self._cold.pop(key, None)) is not None:
                row = self._packer(key).unpacked(packed)
            else:
                return default
            self._heat(key, row)
        return row

    def rest(self, most: int = HOT_MOST, warm: int = WARM_MOST, light: int = LIGHT_MOST) -> None:
        """Nobody holds a row any more: put away those looked up longest ago, until at most `most` are left that could be, and `light` of
        delivery, and pack what was put away first, beyond `warm` rows."""
        for keys, number in ((self._heavy, most), (self._light, light)):
            for key in list(islice(keys, max(0, len(keys) - number))):
                del keys[key]
                # A copy is as long as it is; what orjson gives keeps 8 KB.
                self._warm[key] = bytes(memoryview(orjson.dumps(self._hot.pop(key))))
        over = len(self._warm) - warm
        if over > 0:
            for key in list(islice(self._warm, over)):
                self._pack(key, self._warm.pop(key))

    def adopt(self, key: str, row: Row) -> None:
        """Take in a row that nobody looks up soon."""
        if (key.startswith(_HEAVY) and len(self._heavy) >= HOT_MOST) or (
            key.startswith(_LIGHT) and len(self._light) >= LIGHT_MOST
        ):
            self._pack(key, orjson.dumps(row))
        else:
            self._heat(key, row)

    def peek(self, key: str) -> Row | None:
        """A row to look at alone: what is changed in one that was put away is lost."""
        row = self._hot.get(key)
        if row is None and (written := self._warm.get(key)) is not None:
            row = orjson.loads(written)
        elif row is None and (packed := self._cold.get(key)) is not None:
            row = self._packer(key).unpacked(packed)
        return row

    def looked_through(self, wanted: Callable[[str], bool] | None = None) -> Iterator[tuple[str, Row]]:
        """All rows, or those under wanted keys, in the order of their keys, each to `peek` at; rows may go meanwhile."""
        for key in sorted(filter(wanted, self)):
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
        if self._warm.pop(key, None) is None:
            self._cold.pop(key, None)
        self._heat(key, row)

    @override
    def __delitem__(self, key: str) -> None:
        if self._hot.pop(key, None) is not None:
            self._heavy.pop(key, None)
            self._light.pop(key, None)
        elif self._warm.pop(key, None) is None:
            del self._cold[key]

    @override
    def __contains__(self, key: object) -> bool:
        return key in self._hot or key in self._warm or key in self._cold

    @override
    def __iter__(self) -> Iterator[str]:
        return iter([*self._hot, *self._warm, *self._cold])  # looking one up moves it

    @override
    def __len__(self) -> int:
        return len(self._hot) + len(self._warm) + len(self._cold)

    def _heat(self, key: str, row: Row) -> None:
        self._hot[key] = row
        if key.startswith(_LIGHT):
            self._light[key] = None
        elif key.startswith(_HEAVY):
            self._heavy[key] = None

    def _pack(self, key: str, row: bytes) -> None:
        kind = _kind(key)
        if kind not in self._packers and len(self._packers) < SAMPLES:
            self._packers[kind] = _Packer((_USUAL + row)[-(1 << -_WINDOW) :])
        self._cold[key] = self._packer(key).packed(row)

    def _packer(self, key: str) -> _Packer:
        """What packs all rows like that key's: once one was packed, it stays the same."""
        return self._packers.get(_kind(key), _PLAIN)


def _kind(key: str) -> str:
    """What a row is like: those of one rule and kind are, and those of one kind of delivery."""
    return "/".join(key.split("/", 2)[:2])
