"""Which events are the same fact, and which are the same problem."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.ports.reading import sequence, text
from connectors.ports.stack import Raised
from connectors.sentry.event import masked, message_template, thrown, title
from schemas.ids import digest

_DEFAULT = re.compile(r"^\{\{\s*default\s*\}\}$")
_ISSUE_IN_URL = re.compile(r"/issues/(\d+)(?:/|$|\?)")


def event_id(event: Mapping[str, Any], content: bytes, envelope_id: object = None) -> str:
    """The event's id without dashes, in lower case; of an event that has none, a hash of its bytes. The same by SDK and by webhook."""
    for given in (event.get("event_id"), envelope_id):
        found = text(given, 200).replace("-", "").strip().lower()
        if found:
            return found
    return hashlib.sha256(content).hexdigest()[:32]


def issue_id(event: Mapping[str, Any]) -> str | None:
    """The Sentry issue a webhook's event belongs to; out of its URLs where the field is missing (before about 2022)."""
    found = text(event.get("issue_id"), 40)
    if found:
        return found
    for name in ("issue_url", "web_url"):
        match = _ISSUE_IN_URL.search(text(event.get(name)))
        if match:
            return match.group(1)
    return None


def group_key(event: Mapping[str, Any], project: str) -> str:
    """`sentry:issue:ID` where Sentry has grouped already; else `sentry:PROJECT:` and a hash of the fingerprint.

    A fingerprint is the SDK's own, with `{{ default }}` standing for what we would take: types of the exceptions with the frames of the
    project's own code (function and module, no line numbers, so that an edit nearby does not part them); without such frames their
    values with numbers masked; without exceptions the template of the message.
    """
    issue = issue_id(event)
    if issue:
        return f"sentry:issue:{issue}"
    return f"sentry:{project}:{digest('fp', *_fingerprint(event))[3:19]}"


def _fingerprint(event: Mapping[str, Any]) -> list[str]:
    given = [text(part, 1_000) for part in sequence(event.get("fingerprint"))[:50]]
    if not any(given):
        return _default(event)
    parts: list[str] = []
    for part in given:
        parts.extend(_default(event) if _DEFAULT.match(part.strip()) else [part])
    return parts


def _default(event: Mapping[str, Any]) -> list[str]:
    chain = thrown(event)
    if not chain:
        return ["message", message_template(event) or masked(title(event))]
    return ["exception", *_of_chain(chain)]


def _of_chain(chain: Sequence[Raised]) -> list[str]:
    parts: list[str] = []
    framed = any(frame.in_app for exception in chain for frame in exception.frames)
    for exception in chain:
        parts.append(exception.type)
        parts.extend(f"{frame.module or frame.file} {frame.function}" for frame in exception.frames if frame.in_app)
    if not framed:
        parts.extend(masked(exception.value) for exception in chain)
    return parts
