"""Faults of playbook files: what is wrong, where, and what was probably meant."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong at a place of a file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class PlaybookFaults(Exception):
    """Files that cannot be used as they are, with every fault found in them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def near(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'a' or 'b'?`, or what there is when nothing is near, or nothing when there is nothing."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(repr(each) for each in close)}?"
    return f"; there is {', '.join(names[:12])}" if names else ""
