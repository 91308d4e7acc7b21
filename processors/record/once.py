"""Each decision once: an id that comes again with other content means that the same cause was decided about twice, differently."""

import re
from collections.abc import Iterable
from zlib import crc32

from connectors.ports.journal import Entry

REMEMBERED = 50_000
_ID = re.compile(rb'"id":"([^"]{1,80})"')


class Contradictions:
    """Remembers the latest decisions by id, as far as one process records them: at least `least` of them, at most twice as many."""

    def __init__(self, least: int = REMEMBERED) -> None:
        self._least = least
        self._said: dict[bytes, int] = {}
        self._before: dict[bytes, int] = {}

    def among(self, entries: Iterable[Entry]) -> list[str]:
        """Ids of the decisions that say something else than one of that id before."""
        found: list[str] = []
        for entry in entries:
            # The id is the second field of a record: this finds it without decoding all that follows.
            if entry.kind != "decision" or (named := _ID.search(entry.payload, 0, 200)) is None:
                continue
            identity, content = named[1], crc32(entry.payload)
            if self._said.setdefault(identity, self._before.get(identity, content)) != content:
                found.append(identity.decode(errors="replace"))
            if len(self._said) >= self._least:
                self._before, self._said = self._said, {}
        return found
