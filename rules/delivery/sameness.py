"""When two signals are one problem, and what is no news about it."""

from dataclasses import dataclass

from rules.cel import Expression

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sameness:
    """`fields` make two signals one problem, without them the occurrence does; a change at `ignore` is no news."""

    fields: tuple[Expression, ...] = ()
    ignore: tuple[Path, ...] = ()
