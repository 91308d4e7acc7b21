"""Ids in half their memory, where a million of them are kept: of `PREFIX_` and 32 hexadecimal digits the 16 bytes."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from typing_extensions import override

from schemas.ids import LENGTH

Short = str | bytes


def short(name: str, prefix: str) -> Short:
    """The bytes of an id with that prefix; any other text as it is."""
    if len(name) == LENGTH + len(prefix) and name.startswith(prefix):
        digits = name[len(prefix) :]
        try:
            found = bytes.fromhex(digits)
        except ValueError:
            return name
        if found.hex() == digits:
            return found
    return name


def full(kept: Short, prefix: str) -> str:
    """What `short` was given."""
    return f"{prefix}{kept.hex()}" if isinstance(kept, bytes) else kept


class Ids(MutableMapping[str, str]):
    """Texts by id."""

    __slots__ = ("_by_id", "_prefix")

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._by_id: dict[Short, str] = {}

    @override
    def get(self, key: str, default: Any = None) -> Any:
        return self._by_id.get(short(key, self._prefix), default)

    @override
    def __getitem__(self, key: str) -> str:
        return self._by_id[short(key, self._prefix)]

    @override
    def __setitem__(self, key: str, value: str) -> None:
        self._by_id[short(key, self._prefix)] = value

    @override
    def __delitem__(self, key: str) -> None:
        del self._by_id[short(key, self._prefix)]

    @override
    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and short(key, self._prefix) in self._by_id

    @override
    def __iter__(self) -> Iterator[str]:
        return (full(kept, self._prefix) for kept in self._by_id)

    @override
    def __len__(self) -> int:
        return len(self._by_id)
