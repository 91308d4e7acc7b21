"""Exceptions and stack frames found in a signal's payload or text, whatever the sender calls the path to them.

Payloads follow Sentry's event format (https://develop.sentry.dev/sdk/data-model/event-payloads/exception/): the cause first and what was
raised last; frames oldest call first. Texts are tracebacks of Python, JavaScript, Java and Go.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.ports.reading import line, mapping, sequence, text
from schemas import Signal

MAX_FRAMES = 500
MAX_EXCEPTIONS = 50
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
    """One call; what is not known is empty. `file` as the sender shortened it, `path` in full where known; `line` counts from 1."""

    file: str
    path: str
    line: int | None
    function: str
    module: str = ""
    context_line: str = ""
    in_app: bool | None = None
    """Whether the sender calls it the application's own code; None when it does not say."""

    @property
    def own(self) -> bool:
        """Whether it is the application's own code: as the sender says, else by where the file lies."""
        return self.in_app if self.in_app is not None else not _LIBRARY.search(self.path)


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception of a chain, with its frames, oldest call first: the last one is where it was raised."""

    type: str
    value: str
    frames: tuple[Frame, ...]

    @property
    def headline(self) -> str:
        """`Type: value`, or the one of them there is."""
        return line(": ".join(part for part in (self.type, self.value) if part))


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
            if frame.own:
                return frame
    return None


def app_frames(chain: Sequence[Raised]) -> tuple[Frame, ...]:
    """Frames of the application's own code, nearest to the fault first, each file and line once."""
    seen: dict[tuple[str, int | None], Frame] = {}
    for each in chain:
        for frame in reversed(each.frames):
            if frame.own:
                seen.setdefault((frame.path or frame.file, frame.line), frame)
    return tuple(seen.values())


def chain_of(exception: object) -> tuple[Raised, ...]:
    """The chain under a payload's `exception`, which is an object with `values` or the bare list; empty when it is neither."""
    values = sequence(exception) or sequence(mapping(exception).get("values"))
    return tuple(_raised(value) for value in values[-MAX_EXCEPTIONS:] if isinstance(value, dict))


def _in_payload(raw: Any) -> tuple[Raised, ...]:
    return next((found for node in _objects(raw) if (found := chain_of(node.get("exception")))), ())


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


def _raised(value: Mapping[str, Any]) -> Raised:
    frames = sequence(mapping(value.get("stacktrace")).get("frames"))
    return Raised(
        type=line(value.get("type")),
        value=text(value.get("value")),
        frames=tuple(_frame(frame) for frame in frames[-MAX_FRAMES:] if isinstance(frame, dict)),
    )


def _frame(frame: Mapping[str, Any]) -> Frame:
    path, module, at = line(frame.get("abs_path"), 2_000), line(frame.get("module")), frame.get("lineno")
    file = line(frame.get("filename")) or path[:300] or module
    said = frame.get("in_app")
    return Frame(
        file=file,
        path=path or file,
        line=at if isinstance(at, int) and not isinstance(at, bool) and 0 < at < 2**31 else None,
        function=line(frame.get("function")),
        module=module,
        context_line=text(frame.get("context_line"), 200).rstrip(),
        in_app=said if isinstance(said, bool) else None,
    )


def _in_text(body: str) -> tuple[Raised, ...]:
    body = body[:_MAX_TEXT]
    for index, pattern in enumerate(_TEXT):
        frames = [
            Frame(
                file=match["file"],
                path=match["file"],
                line=int(match["line"]),
                function=(match.groupdict().get("function") or "").strip(),
            )
            for match in pattern.finditer(body)
        ]
        if frames:
            if index in _NEWEST_FIRST:
                frames.reverse()
            return (Raised("", "", tuple(frames[-MAX_FRAMES:])),)
    return ()
