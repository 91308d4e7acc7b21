"""What is wrong with a condition: faults in its text, found at load, and failures of one evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One static fault; `line` and `column` count from 1, columns in characters."""

    message: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class CelError(Exception):
    """The text is not a condition that can be loaded; `faults` holds every fault found, in the order of the text."""

    def __init__(self, message: str, offset: int, line: int, column: int, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.line = line
        self.column = column
        self.faults = faults or (Fault(message, line, column),)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class CelFailure(Exception):
    """One evaluation has no value: a missing field, a wrong kind, an overflow, a limit.

    Raised inside the evaluator and absorbed there as CEL prescribes; what is left over is handed to the caller as a value.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __repr__(self) -> str:
        return f"CelFailure({self.message!r})"


def error_at(source: str, faults: Iterable[tuple[int, str]]) -> CelError:
    """The error for faults given as (offset, message); its own message and place are those of the first one."""
    ordered = sorted(dict.fromkeys(faults))
    placed = tuple(Fault(message, *place(source, offset)) for offset, message in ordered)
    first = placed[0]
    return CelError(first.message, ordered[0][0], first.line, first.column, placed)


def place(source: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a character offset."""
    return source.count("\n", 0, offset) + 1, offset - (source.rfind("\n", 0, offset) + 1) + 1
