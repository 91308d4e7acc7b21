"""Queries with blanks for the incident's own names: `%{service}`, `%{environment}`, `%{labels.NAME}`."""

import re
from typing import Literal, assert_never

from connectors.ports.tool import ToolFailed
from schemas import Incident

BLANK = re.compile(r"%\{([^}]*)\}")
_NAMES = ("service", "environment", "title", "rule", "severity")


def blanks(template: str) -> list[str]:
    """Names of the blanks in a template, in order."""
    return BLANK.findall(template)


def wrong(template: str) -> list[str]:
    """Blanks that nothing could fill: to be refused when the configuration is read."""
    return [name for name in blanks(template) if name not in _NAMES and not re.fullmatch(r"labels\.[^\s}]+", name)]


def fill(template: str, incident: Incident, *, how: Literal["quoted", "plain", "raw"] = "quoted") -> str:
    """The template with its blanks filled: `quoted` escapes values to stand inside a double-quoted string, as PromQL (and Go) write
    them; `plain` takes them only when they are plain names; `raw` takes them as they are, for a value that travels by itself.

    Raises ToolFailed when the incident has no such value, or one that cannot stand there.
    """

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        label = name.removeprefix("labels.")
        value = incident.labels.get(label) if name != label else getattr(incident, name, None)
        if not value:
            known = ", ".join([*_NAMES, *(f"labels.{each}" for each in sorted(incident.labels))])
            raise ToolFailed(
                f"{template!r} needs %{{{name}}}, which this incident has not; it could have: {known[:500]}"
            )
        match how:
            case "quoted":
                return _quoted(str(value), name)
            case "plain":
                return _plain(str(value), name)
            case "raw":
                return str(value)
            case _:
                assert_never(how)

    return BLANK.sub(value_of, template)


def _quoted(value: str, name: str) -> str:
    if not value.isprintable() or "`" in value:
        raise ToolFailed(f"%{{{name}}} is {value!r}: backticks and control characters cannot stand in a query")
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")


def _plain(value: str, name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.:/@+-]{0,252}", value):
        raise ToolFailed(f"%{{{name}}} is {value!r}: expected a plain name of letters, digits and _ . : / @ + -")
    return value
