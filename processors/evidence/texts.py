"""Texts of several lines: logs, tables of a command line, CSV, JSON lines, and what is none of these, line by line."""

import csv
import io
import json
import re
from typing import Any

from processors.evidence.fields import level, plain
from processors.evidence.moments import leading
from processors.evidence.values import LogLine, Said

MOST_LINES = 20_000
LONGEST_LINE = 2_000
_LEVEL = re.compile(
    r"^\W{0,2}(?P<level>FATAL|CRITICAL|PANIC|ERROR|ERR|SEVERE|WARNING|WARN|INFO|NOTICE|DEBUG|TRACE)\b[\]:\s]*",
    re.IGNORECASE,
)
_INNER_LEVEL = re.compile(r"\b(?P<level>FATAL|CRITICAL|ERROR|WARNING|WARN|INFO|DEBUG)\b")
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_EVENT = re.compile(r"^\s*(?:\S+\s+)?(?P<type>Warning|Normal)\s{2,}(?P<reason>[A-Z]\w+)\s{2,}")


class Lines:
    """What the lines of one text are: `rows` of a table or of JSON lines, `logs`, and `said`, the rest."""

    def __init__(self, text: str, cites: str, about: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self.logs: list[LogLine] = []
        self.said: list[Said] = []
        self._cites, self._about = cites, about
        whole = _json(text.strip())
        if isinstance(whole, (dict, list)):
            self.rows = [each for each in (whole if isinstance(whole, list) else [whole]) if isinstance(each, dict)]
            return
        table = _table(text)
        if table is not None:
            self.rows = table
            return
        for line in text.split("\n")[:MOST_LINES]:
            self._line(line.rstrip("\r")[:LONGEST_LINE])

    def _line(self, line: str) -> None:
        bare = _CONTROL.sub("", line).strip()
        if not bare:
            return
        if bare[0] == "{" and bare[-1] == "}":
            row = _json(bare)
            if isinstance(row, dict):
                self.rows.append(row)
                return
        event = _EVENT.match(bare)
        if event is not None:
            if event["type"] == "Warning":
                self.said.append(Said(bare, self._cites, about=self._about, level=2, quote=line.strip()))
            return
        timed = leading(bare)
        rest = timed[1] if timed is not None else bare
        found = _LEVEL.match(rest) or (_INNER_LEVEL.search(rest[:80]) if timed is not None else None)
        if timed is None and found is None:
            self.said.append(Said(bare, self._cites, about=self._about, quote=line.strip()))
            return
        rank = level(found["level"]) if found is not None else None
        at = timed[0] if timed is not None else None
        self.logs.append(
            LogLine(at, None, rank if rank is not None else 2, line.strip(), self._cites, about=self._about)
        )


def _json(text: str) -> Any:
    if not text or text[0] not in "{[":
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _table(text: str) -> list[dict[str, Any]] | None:
    """The rows of comma-separated values whose first line names the columns, one of them a time; None when it is no such table."""
    head, _, _ = text.partition("\n")
    names = [name.strip() for name in head.split(",")]
    if len(names) < 3 or any(not re.fullmatch(r"[A-Za-z][\w .()%-]{0,40}", name) for name in names):
        return None
    if not {plain(name) for name in names} & {"timestamp", "time", "date", "starttimeunixnano", "timeunixnano"}:
        return None
    return [dict(row) for row, _ in zip(csv.DictReader(io.StringIO(text)), range(MOST_LINES * 2), strict=False)]
