"""Cases: one file of them, read once.

Reference answers are no part of this and are never opened here."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class CasesUnreadable(Exception):
    """The file of cases cannot be used. The message says what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `id` names the answer and is shown to nobody who investigates; `folder` is where its files lie."""

    id: str
    suite: str
    input: dict[str, Any]
    folder: Path


def read_cases(path: Path, suite: str) -> list[Case]:
    """All cases of a file, in its order, `.gz` added where only that is there. Raises CasesUnreadable."""
    found = beside(path)
    if found is None:
        raise CasesUnreadable(f"{str(path)!r} is not there; expected a file of cases, one JSON object a line")
    cases: list[Case] = []
    for number, line in enumerate(lines_of(found), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            case = Case(str(row["id"]), str(row.get("suite", suite)), dict(row["input"]), path.parent)
        except (ValueError, KeyError, TypeError) as error:
            raise CasesUnreadable(
                f"{path}:{number}: {type(error).__name__}: {error}; expected an object with id, suite and input"
            ) from error
        if case.suite != suite:
            raise CasesUnreadable(f"{path}:{number}: a case of suite {case.suite!r}, and {suite!r} was asked for")
        cases.append(case)
    if not cases:
        raise CasesUnreadable(f"{path} holds no case")
    return cases


def beside(path: Path) -> Path | None:
    """The file, or the gzipped one in its place; None when neither is there."""
    zipped = path.with_name(path.name + ".gz")
    return path if path.is_file() else zipped if zipped.is_file() else None


def text_of(path: Path) -> str:
    """The whole text of a file, unzipped. Raises CasesUnreadable."""
    found = beside(path)
    if found is None:
        raise CasesUnreadable(f"{str(path)!r}, which a case names, is not there")
    return "".join(lines_of(found))


def lines_of(path: Path) -> Iterator[str]:
    """Lines with their ends."""
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8", errors="replace")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8", errors="replace") as file
        ):
            yield from file
    except OSError as error:
        raise CasesUnreadable(f"{path} cannot be read: {error}") from error
