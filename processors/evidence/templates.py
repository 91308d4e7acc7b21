"""Templates: log lines alike but for what varies, counted before and after a moment; what is new, and what became more or less."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from processors.evidence.moments import leading
from processors.evidence.values import LogLine, PatternRead

_MASKS = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b"), "<mail>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b", re.I), "<id>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)
MASKED = 600


@dataclass(slots=True)
class Template:
    """Lines of one service that say the same. `first` and `last` are moments, None when no line has one."""

    service: str | None
    pattern: str
    rank: int
    example: LogLine
    first: int | None = None
    last: int | None = None
    before: int = 0
    after: int = 0
    untimed: int = 0
    lines: list[LogLine] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All lines."""
        return self.before + self.after + self.untimed

    @property
    def new(self) -> bool:
        """Whether there was none before."""
        return self.before == 0 and self.total > 0


def masked(text: str) -> str:
    """The text with what varies as placeholders, without the time it begins with."""
    timed = leading(text)
    text = (timed[1] if timed is not None else text)[:MASKED]
    for pattern, placeholder in _MASKS:
        text = pattern.sub(placeholder, text)
    return " ".join(text.split())


def templates(
    lines: Sequence[LogLine], moment: int | None, counted: Sequence[PatternRead] = ()
) -> tuple[Template, ...]:
    """By service and masked text, in order of their first line; a line at the moment or later counts as after it. `counted` are
    patterns a tool has counted already."""
    found: dict[tuple[str | None, str], Template] = {}
    for line in lines:
        key = (line.service, masked(line.text))
        known = found.get(key)
        if known is None:
            known = found[key] = Template(line.service, key[1], line.rank, line)
        if line.rank > known.rank:
            known.rank, known.example = line.rank, line
        if len(known.lines) < 50:
            known.lines.append(line)
        if line.at is None:
            known.untimed += 1
            continue
        known.first = line.at if known.first is None else min(known.first, line.at)
        known.last = line.at if known.last is None else max(known.last, line.at)
        if moment is not None and line.at < moment:
            known.before += 1
        else:
            known.after += 1
    for each in counted:
        example = LogLine(each.first, each.service, each.rank, each.example, each.cites)
        made = Template(each.service, each.pattern, each.rank, example, each.first, None, each.before, each.after)
        found.setdefault((each.service, each.pattern), made)
    return tuple(sorted(found.values(), key=lambda each: (each.first is None, each.first or 0, each.pattern)))
