"""Exceptions and stack frames found in a signal's payload or text, whatever the sender calls the path to them.

Payloads follow Sentry's event format (https://develop.sentry.dev/sdk/data-model/event-payloads/exception/): `exception.values`, the
cause first and what was raised last; frames oldest call first. Texts are tracebacks of Python, JavaScript, Java and Go.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas import Signal

MAX_FRAMES = 100
_MAX_NODES = 20_000
_MAX_DEPTH = 10
_MAX_TEXT = 20_000

_TEXT = (
    re.compile(r'File "(?P<file>[^"\n]{1,300})", line (?P<line>\d{1,7})(?:, in (?P<function>[^\n]{1,100}))?'),
    re.compile(r"\bat (?P<function>[\w.$<>]{1,150}) \((?P<file>[^()\n:]{1,300}):(?P<line>\d{1,7}):\d+\)"),
    re.compile(r"\bat (?P<function>[\w.$<>]{1,150})\((?P<file>[\w$]{1,100}\.(?:java|kt|scala)):(?P<line>\d{1,7})\)"),
    re.compile(r"^\s+(?P<file>/[^\s:]{1,300}\.go):(?P<line>\d{1,7})(?: \+0x[0-9a-f]+)?$", re.MULTILINE),
)
_NEWEST_FIRST = (1, 2, 3)
"""Which of the texts list the latest call first."""
_LIBRARY = re.compile(
    r"site-packages|dist-packages|node_modules|/usr/lib/|/usr/local/lib/|/usr/local/go/|<frozen|^node:|/go/pkg/mod/|/vendor/"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One call. `file` as the sender shortened it, `path` in full where known; `line` counts from 1."""

    file: str
    path: str
    line: int | None
    function: str | None
    in_app: bool


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception of a chain, with its frames, oldest call first."""

    type: str
    value: str
    frames: tuple[Frame, ...]


def raised(signals: Sequence[Signal]) -> tuple[Raised, ...]:
    """The exceptions of the first signal that has any: the cause first, what was raised at last last."""
    for signal in signals:
        for found in (_in_payload(signal.raw), _in_text(signal.body)):
            if found:
                return found
    return ()


def culprit(chain: Sequence[Raised]) -> Frame | None:
    """The frame where it went wrong: of the cause, the latest call in the application's own code; else of what followed."""
    for each in chain:
        for frame in reversed(each.frames):
            if frame.in_app:
                return frame
    return None


def app_frames(chain: Sequence[Raised]) -> tuple[Frame, ...]:
    """Frames of the application's own code, nearest to the fault first, each file and line once."""
    seen: dict[tuple[str, int | None], Frame] = {}
    for each in chain:
        for frame in reversed(each.frames):
            if frame.in_app:
                seen.setdefault((frame.path or frame.file, frame.line), frame)
    return tuple(seen.values())


def _in_payload(raw: Any) -> tuple[Raised, ...]:
    for node in _objects(raw):
        listed = node.get("exception")
        values = listed.get("values") if isinstance(listed, dict) else listed
        if isinstance(values, list):
            found = tuple(_raised(each) for each in values[:20] if isinstance(each, dict))
            if found:
                return found
    return ()


def _objects(raw: Any) -> Iterator[dict[str, Any]]:
    """Every object of a payload, outer ones first, within bounds."""
    level: list[Any] = [raw]
    nodes = 0
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            nodes += 1
            if nodes > _MAX_NODES:
                return
            if isinstance(node, dict):
                yield node
                below += (each for each in node.values() if isinstance(each, (dict, list)))
            elif isinstance(node, list):
                below += (each for each in node if isinstance(each, (dict, list)))
        level = below


def _raised(value: dict[str, Any]) -> Raised:
    trace = value.get("stacktrace")
    listed = trace.get("frames") if isinstance(trace, dict) else None
    frames = (
        [_frame(each) for each in listed[-MAX_FRAMES:] if isinstance(each, dict)] if isinstance(listed, list) else []
    )
    return Raised(_text(value.get("type")), _text(value.get("value")), tuple(frames))


def _frame(value: dict[str, Any]) -> Frame:
    line = value.get("lineno")
    file = _text(value.get("filename")) or _text(value.get("module"))
    path = _text(value.get("abs_path")) or file
    said = value.get("in_app")
    return Frame(
        file=file,
        path=path,
        line=line if isinstance(line, int) and not isinstance(line, bool) and 0 < line < 10_000_000 else None,
        function=_text(value.get("function")) or None,
        in_app=said if isinstance(said, bool) else not _LIBRARY.search(path),
    )


def _in_text(text: str) -> tuple[Raised, ...]:
    text = text[:_MAX_TEXT]
    for index, pattern in enumerate(_TEXT):
        frames = [
            Frame(
                file=match["file"],
                path=match["file"],
                line=int(match["line"]),
                function=(match.groupdict().get("function") or "").strip() or None,
                in_app=not _LIBRARY.search(match["file"]),
            )
            for match in pattern.finditer(text)
        ]
        if frames:
            if index in _NEWEST_FIRST:
                frames.reverse()
            return (Raised("", "", tuple(frames[-MAX_FRAMES:])),)
    return ()


def _text(value: Any) -> str:
    return value[:2000] if isinstance(value, str) else ""
