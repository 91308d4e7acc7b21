"""One Sentry event, read: the same questions answered alike whichever SDK or webhook it came from.

Follows https://develop.sentry.dev/sdk/data-model/event-payloads/, and the variants stock SDKs really send: `exception` as object or as bare
array (go), exceptions without a type (node's captureMessage), numeric levels and `sentry.interfaces.*` names (raven), tags as object or as
pairs, times as text or seconds. Chains are oldest cause first; the last exception is the outermost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.ports.reading import line, mapping, moment, sequence, text
from connectors.ports.stack import Frame, Raised, chain_of
from schemas.severity import Severity, severity_of

MAX_TAGS = 100

_PYTHON_LEVELS = {"50": "critical", "40": "error", "30": "warning", "20": "info", "10": "debug"}
_PARTS_OF_TITLE = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]+)*\b|\d+")


@dataclass(frozen=True, slots=True)
class Crumb:
    """Something that happened shortly before. `at` in microseconds."""

    at: int | None
    level: str
    category: str
    message: str


def thrown(event: Mapping[str, Any]) -> tuple[Raised, ...]:
    """The chain of exceptions, oldest cause first; empty for a plain message."""
    return chain_of(event.get("exception", event.get("sentry.interfaces.Exception")))


def culprit_frame(chain: tuple[Raised, ...]) -> Frame | None:
    """Where to look first: the innermost frame of the project's own code in the outermost exception that has one, else the innermost
    frame of any code."""
    for own_code in (True, False):
        for exception in reversed(chain):
            for frame in reversed(exception.frames):
                if frame.in_app or not own_code:
                    return frame
    return None


def message(event: Mapping[str, Any]) -> str:
    """The message as formatted for people; empty when there is none."""
    entry = _log_entry(event)
    plain = event.get("message")
    candidates = (entry.get("formatted"), plain, mapping(plain).get("formatted"), entry.get("message"))
    return next((found for found in map(text, candidates) if found), "")


def message_template(event: Mapping[str, Any]) -> str:
    """The message before its parameters were filled in; where the SDK sent none, the message with numbers and ids as `#`."""
    template = text(_log_entry(event).get("message"))
    if template and sequence(_log_entry(event).get("params")):
        return template
    return masked(template or message(event))


def masked(message: str) -> str:
    """The text with numbers and ids as `#`: what stays the same when the same thing is said again."""
    return _PARTS_OF_TITLE.sub("#", message)


def _log_entry(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(event.get("logentry") or event.get("sentry.interfaces.Message"))


def title(event: Mapping[str, Any]) -> str:
    """One line: the outermost exception, else Sentry's own title, else the message; never empty."""
    chain = thrown(event)
    metadata = mapping(event.get("metadata"))
    named = ": ".join(part for part in (line(metadata.get("type")), line(metadata.get("value"))) if part)
    candidates = (
        chain[-1].headline if chain else "",
        line(metadata.get("title")),
        line(message(event)),
        line(event.get("title")),
        named,
        line(event.get("culprit")),
    )
    return next((found for found in candidates if found), "(an event without a title)")


def tags(event: Mapping[str, Any]) -> dict[str, str]:
    """Tags by name, values cut to 200 characters; the first MAX_TAGS of them."""
    given = event.get("tags")
    pairs = [(key, value) for key, value in given.items()] if isinstance(given, dict) else _pairs(given)
    found = {line(key, 200): line(value, 200) for key, value in pairs[:MAX_TAGS]}
    return {key: value for key, value in found.items() if key and value}


def _pairs(given: object) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    for pair in sequence(given):
        if isinstance(pair, list) and len(pair) == 2:
            pairs.append((pair[0], pair[1]))
        elif isinstance(pair, dict):
            pairs.append((pair.get("key"), pair.get("value")))
    return pairs


def breadcrumbs(event: Mapping[str, Any]) -> tuple[Crumb, ...]:
    """What happened before, oldest first."""
    return tuple(
        Crumb(
            at=moment(crumb.get("timestamp")),
            level=line(crumb.get("level"), 20),
            category=line(crumb.get("category"), 100),
            message=line(crumb.get("message")) or line(mapping(crumb.get("data")).get("url")),
        )
        for crumb in _values(event.get("breadcrumbs"))
        if isinstance(crumb, dict)
    )


def happened_at(event: Mapping[str, Any], otherwise: int) -> int:
    """Event time in microseconds: `datetime` or `timestamp`, else `otherwise`."""
    return moment(event.get("datetime")) or moment(event.get("timestamp")) or otherwise


def severity(event: Mapping[str, Any]) -> tuple[Severity, tuple[str, ...]]:
    """The severity, and the word for it when nobody taught us that word (then it is info). An event that names no level is an error,
    as Sentry takes it."""
    return severity_of_level(event.get("level") or tags(event).get("level"))


def severity_of_level(level: object) -> tuple[Severity, tuple[str, ...]]:
    """The same for a level alone, as a word or as a number of Python's logging."""
    word = line(level, 40)
    if not word:
        return "error", ()
    known = severity_of(_PYTHON_LEVELS.get(word, word))
    return (known, ()) if known else ("info", (word,))


def package_of(release: object) -> str | None:
    """The package of a release named `package@version`, which is how Sentry asks releases to be named."""
    if not release:
        return None
    package, at, _ = line(release, 200).partition("@")
    return package if at and package else None


def _values(given: object) -> list[Any]:
    if isinstance(given, list):
        return given
    values = mapping(given).get("values")
    return values if isinstance(values, list) else []
