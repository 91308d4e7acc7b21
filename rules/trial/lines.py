"""Lines of a file of events: JSON objects with a time in seconds, the first of which is the beginning."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from rules.signals import BadInput, Fields, moment_of, signal_of
from schemas.ids import signal_id
from schemas.time import SECOND, from_rfc3339, to_rfc3339

BASE = from_rfc3339("2026-01-01T00:00:00Z")
"""The moment of t = 0 where nobody says another."""

_MOMENTS = ("occurred_at", "received_at", "expires_at")


class BadLine(ValueError):
    """A line cannot be read; the text says which one, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One input at its moment. `index` is the number of its line, from 0; a tick alone moves time."""

    at: int
    kind: Literal["signal", "command", "tick"]
    item: Fields
    index: int


def moment(value: object, base: int) -> int:
    """Microseconds of a time: seconds after the base, or RFC 3339 text. Raises ValueError."""
    if isinstance(value, datetime.datetime):
        value = value.isoformat()
    if isinstance(value, str):
        return from_rfc3339(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return base + round(value * SECOND)
    raise ValueError(f"{value!r} is no time; expected seconds after the beginning, or RFC 3339 text")


def read(
    text: str, base: int, clock: Callable[[object, int], int] = moment
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Of every line that is not blank its number from 0, its moment, and what it holds beside `t`. Raises BadLine.

    In order of time; lines of one time stay in the order of the file.
    """
    found = []
    for index, line in enumerate(filter(str.strip, text.splitlines())):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadLine(f"line {index + 1} is not JSON: {error}") from error
        if not isinstance(value, dict) or type(value.get("t")) not in (int, float):
            raise BadLine(f'line {index + 1} needs its time: {{"t": SECONDS, ...}}, found {line[:80]!r}')
        found.append((index, clock(value.pop("t"), base), value))
    yield from sorted(found, key=lambda entry: entry[1])


def events(text: str, base: int = BASE) -> list[Timed]:
    """The inputs of a file of events: lines with a `signal`, with a `command`, or with a time alone. Raises BadLine."""
    found = []
    for index, at, said in read(text, base):
        unknown = sorted(said.keys() - {"signal", "command"})
        if unknown:
            raise BadLine(f"line {index + 1}: unknown key {unknown[0]!r}; expected 'signal', 'command' or 't' alone")
        if "signal" in said:
            found.append(Timed(at, "signal", signal(said["signal"], at, base, index), index))
        if "command" in said:
            found.append(Timed(at, "command", command(said["command"], at, base, index), index))
        if not said:
            found.append(Timed(at, "tick", {}, index))
    return found


def signal(given: object, at: int, base: int, index: int) -> Fields:
    """A signal's fields, of which any may be missing: it is then a firing alert of its own, seen and heard at `at`.

    Times may be seconds after the base. Raises BadLine.
    """
    if not isinstance(given, Mapping):
        raise BadLine(f"line {index + 1}: a signal is an object with fields of Signal, found {given!r:.60}")
    fields: Fields = {"source": "test", "type": "alert", "revision": str(index), **given}
    fields.setdefault("title", str(fields.get("body") or f"signal {index}").split("\n", 1)[0][:200])
    fields.setdefault("occurrence_id", f"signal-{index}")
    fields.setdefault("group_key", str(given.get("title", fields["occurrence_id"])))
    try:
        for name in _MOMENTS:
            if fields.get(name) is not None:
                fields[name] = to_rfc3339(moment(fields[name], base))
        for name in ("occurred_at", "received_at"):
            fields.setdefault(name, to_rfc3339(at))
        fields.setdefault("id", signal_id(fields["source"], fields["occurrence_id"], fields["revision"]))
        checked = signal_of({key: value for key, value in fields.items() if value is not None})
        for name in _MOMENTS:
            if name in checked:
                moment_of(checked, name)
    except (BadInput, ValueError, TypeError, AttributeError) as error:
        raise BadLine(f"line {index + 1}: {error}") from error
    return checked


def command(given: object, at: int, base: int, index: int) -> Fields:
    """A command's fields; `until` and `starts_at` may be seconds after the base. Raises BadLine."""
    if not isinstance(given, Mapping) or "kind" not in given:
        raise BadLine(f"line {index + 1}: a command is an object with its 'kind', found {given!r:.60}")
    data = dict(given.get("data") or {})
    try:
        for name in ("until", "starts_at"):
            if name in data:
                data[name] = to_rfc3339(moment(data[name], base))
    except ValueError as error:
        raise BadLine(f"line {index + 1}: {error}") from error
    usual = {"id": f"cmd-{index}", "author": "human:test", "origin": "cli", "reason": "", "schema_version": 1}
    return {**usual, **given, "data": data, "at": to_rfc3339(at)}
