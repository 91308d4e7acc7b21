"""Names that lead to keys: nearly always to one, so that a set for each would be most of the memory."""

from collections.abc import Collection


class Several:
    """Keys by name, in no order."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, str | set[str]] = {}

    def add(self, name: str, key: str) -> None:
        known = self._by_name.setdefault(name, key)
        if isinstance(known, set):
            known.add(key)
        elif known != key:
            self._by_name[name] = {known, key}

    def drop(self, name: str, key: str) -> None:
        known = self._by_name.get(name)
        if isinstance(known, set):
            known.discard(key)
            if not known:
                del self._by_name[name]
        elif known == key:
            del self._by_name[name]

    def of(self, name: str) -> Collection[str]:
        """The keys a name leads to; do not change them meanwhile."""
        known = self._by_name.get(name, ())
        return (known,) if isinstance(known, str) else known

    def __contains__(self, name: str) -> bool:
        return name in self._by_name
