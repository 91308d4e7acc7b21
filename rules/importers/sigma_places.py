"""Where Sigma's detections look: a field of the event by its dotted name, or any text of the whole event."""

from __future__ import annotations

from dataclasses import dataclass

from rules.cel.written import below, both, bracketed, either, present, text

_SCALARS = "[string, int, uint, double, bool]"


@dataclass(frozen=True, slots=True)
class Place:
    """A field of the event by its dotted name, which may be one key with dots or keys below keys."""

    name: str

    @property
    def scalar(self) -> str:
        """The test that it is there with a value that can be written as text."""
        return f"{self.there} && type({self.value}) in {_SCALARS}"

    @property
    def text(self) -> str:
        return f"string({self.value})"

    @property
    def value(self) -> str:
        parts = self.name.split(".")
        if len(parts) == 1:
            return below("raw", self.name)
        return f"({text(self.name)} in raw ? {below('raw', self.name)} : {below('raw', *parts)})"

    @property
    def there(self) -> str:
        parts = self.name.split(".")
        if len(parts) == 1:
            return present("raw", self.name)
        return bracketed(either([f"{text(self.name)} in raw", present("raw", *parts)]))


@dataclass(frozen=True, slots=True)
class Anywhere(Place):
    """Any text of the event: one after another goes by the name `each`."""

    name: str = ""

    @property
    def scalar(self) -> str:
        return "true"

    @property
    def text(self) -> str:
        return self.value

    @property
    def value(self) -> str:
        return "each"

    @property
    def there(self) -> str:
        return "true"


@dataclass(frozen=True, slots=True)
class Test:
    """A test on a field. Where the field is missing or of another kind it fails; `total` is false there instead, for use under a `not`."""

    plain: str
    guard: str = "true"

    @property
    def total(self) -> str:
        return both([part for part in (self.guard, self.plain) if part != "true"])
