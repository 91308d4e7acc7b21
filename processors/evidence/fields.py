"""Fields of a row by the names senders give them, compared in lower case without `_`, `-` and `.`."""

import json
import re
from collections.abc import Mapping
from typing import Any

from processors.evidence.moments import moment

TIMES = (
    "timestamp", "time", "at", "ts", "date", "datetime", "start", "starttime", "startedat", "starttimeunixnano", "timeunixnano",
    "occurredat", "lasttime", "lastseen", "last", "firsttime", "createdat", "eventtime", "@timestamp", "deployedat", "committedat",
)  # fmt: skip
MESSAGES = ("message", "msg", "body", "log", "line", "text", "signature", "description", "detail", "title", "summary")
LEVELS = ("severitytext", "severity", "level", "loglevel", "status", "type", "lvl", "sentiment")
SERVICES = (
    "service", "servicename", "app", "application", "component", "workload", "deployment", "podname", "pod", "containername",
    "sourceidentifier", "dbinstanceidentifier", "instance", "host",
)  # fmt: skip
_LEVEL_WORDS = {
    **dict.fromkeys(("fatal", "critical", "emergency", "alert", "panic", "crit", "emerg"), 5),
    **dict.fromkeys(("error", "err", "failed", "failure", "severe", "negative"), 4),
    **dict.fromkeys(("warning", "warn"), 3),
    **dict.fromkeys(("info", "information", "notice", "ok", "normal", "neutral", "positive"), 2),
    **dict.fromkeys(("debug", "trace", "verbose"), 1),
}
_POD = re.compile(r"^(?P<name>[a-z0-9]([a-z0-9.-]*?[a-z0-9])?)-(?:[a-z0-9]{8,10}-[a-z0-9]{5}|[bcdf-hj-np-tv-z2-9]{5})$")


class Row:
    """One object with its fields found under any of their usual names."""

    __slots__ = ("fields", "raw")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.fields: dict[str, Any] = {}
        for key, value in raw.items():
            self.fields.setdefault(plain(str(key)), value)

    def has(self, *names: str) -> bool:
        """Whether any of the names is there with a value."""
        return any(self.fields.get(name) not in (None, "") for name in names)

    def text(self, *names: str) -> str:
        """The first of the names that holds a text or a number, as text."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, str) and value:
                return value
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return str(value)
        return ""

    def number(self, *names: str) -> float | None:
        """The first of the names that holds a number."""
        for name in names:
            found = number(self.fields.get(name))
            if found is not None:
                return found
        return None

    def at(self) -> int | None:
        """Its moment."""
        for name in TIMES:
            if name in self.fields:
                found = moment(self.fields[name])
                if found is not None:
                    return found
        return None

    def rank(self) -> int | None:
        """Its severity as a rank, None when no field says one."""
        for name in LEVELS:
            value = self.fields.get(name)
            if isinstance(value, str):
                found = level(value)
                if found is not None:
                    return found
        return None

    def service(self) -> str | None:
        """The service it speaks of; a pod's name without its hashes."""
        for name in SERVICES:
            value = self.fields.get(name)
            if isinstance(value, str) and value and len(value) <= 200:
                return workload(value)
        return None


def plain(name: str) -> str:
    """A field's name as it is compared."""
    return name.lower().replace("_", "").replace("-", "").replace(".", "").replace(" ", "")


def level(word: str) -> int | None:
    """The rank of a severity word, as `schemas.severity_rank` counts; None for a word that is none."""
    return _LEVEL_WORDS.get(word.strip().lower())


def workload(name: str) -> str:
    """A pod's name without the hashes of its replica set and its own; any other name as it is."""
    found = _POD.match(name)
    return found["name"] if found is not None and re.search(r"\d", name[len(found["name"]) :]) else name


def number(value: Any) -> float | None:
    """A finite number, also one written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value) if abs(value) < 1e300 else None
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\s*", value):
        return float(value)
    return None


def attributes(row: Mapping[str, Any], *, without: tuple[str, ...] = (), limit: int = 200) -> dict[str, str]:
    """The row's other scalar fields as text."""
    return {
        str(key): str(value)[:limit]
        for key, value in row.items()
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and plain(str(key)) not in without
    }


_ERROR = re.compile(r"\bERROR\b|\bFATAL\b|\bSEVERE\b|\b[Ee]rror\b|\b[Ff]ailed\b|Exception|Traceback|\bpanic\b")
_WARNING = re.compile(r"\bWARN(?:ING)?\b")


def unwrapped(text: str) -> tuple[str, int | None]:
    """The message within a line that is JSON, as container runtimes and structured loggers write it, with its own severity."""
    rank: int | None = None
    for _ in range(3):
        if not text.startswith("{") or not text.rstrip().endswith("}"):
            break
        try:
            row = Row(json.loads(text))
        except ValueError:
            break
        inner = row.text("log", "message", "msg", "body")
        if not inner:
            break
        said = row.rank()
        text, rank = inner.strip(), said if said is not None else rank
    return text, rank


def rank_of(text: str) -> int:
    """The severity a line without one shows by its words."""
    return 4 if _ERROR.search(text[:400]) else 3 if _WARNING.search(text[:200]) else 2
