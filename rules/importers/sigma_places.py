"""Where Sigma's detections look: a field of the event by its dotted name, or any text of the whole event."""

from __future__ import annotations

from dataclasses import dataclass

from rules.cel.written import below, bracketed, either, present, text

ITEM = "each"
"""The variable by which tests speak of one text."""


@dataclass(frozen=True, slots=True)
class Place:
    """A field of the event by its dotted name, which may be one key with dots or keys below keys."""

    name: str

    def any(self, test: str, *, lowered: bool = False, item: str = ITEM) -> str:
        """The test that one of the field's texts meets another test, which calls it `each`: a list has several, what is missing none."""
        return f"{'lowered' if lowered else 'texts'}({self._where}).exists({item}, {test})"

    @property
    def _where(self) -> str:
        return f"raw, {text(self.name)}"

    @property
    def value(self) -> str:
        parts = self.name.split(".")
        if len(parts) == 1:
            return below("raw", self.name)
        return f"({text(self.name)} in raw ? {below('raw', self.name)} : {below('raw', *parts)})"

    @property
    def there(self) -> str:
        """The test that the event has it, reached through no list."""
        parts = self.name.split(".")
        if len(parts) == 1:
            return present("raw", self.name)
        return bracketed(either([f"{text(self.name)} in raw", present("raw", *parts)]))

    @property
    def exists(self) -> str:
        """The test that the event has it, whatever its value is, null included."""
        return self.there if "." not in self.name else bracketed(either([self.there, self.filled]))

    @property
    def filled(self) -> str:
        """The test that it has a text, number or truth value."""
        return f"size(texts({self._where})) > 0"

    @property
    def empty(self) -> str:
        """The test that it is missing, or null."""
        found = f"!{bracketed(self.there)} || {self.value} == null"
        return bracketed(found) if "." not in self.name else f"({found}) && size(texts({self._where})) == 0"


@dataclass(frozen=True, slots=True)
class Anywhere(Place):
    """Any text of the event."""

    name: str = ""

    @property
    def _where(self) -> str:
        return "[body, raw]"
