"""CloudEvents 1.0, binary, structured and batched (https://github.com/cloudevents/spec: spec.md and its protocol bindings)."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from connectors.ports.json_body import too_deep
from connectors.ports.mapping.guess import FIELDS, Found

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
REQUIRED = ("id", "source", "specversion", "type")
_CORE = frozenset((*REQUIRED, "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"))
_JSON = re.compile(r"^[^;]*[/+]json\s*(;|$)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")


class NotAnEvent(Exception):
    """The content is no CloudEvent 1.0; the message says what is missing or wrong."""


def from_binary(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The event in the structured form, from `ce-*` headers of HTTP (percent-decoded) and a body that is its data. Raises NotAnEvent."""
    attributes = {name[3:]: _header(value) for name, value in headers.items() if name.startswith("ce-")}
    return from_attributes(attributes, headers.get("content-type"), body)


def from_attributes(attributes: Mapping[str, str], content_type: str | None, body: bytes) -> dict[str, Any]:
    """The event in the structured form, from its attributes as a binding carried them, and its data. Raises NotAnEvent."""
    event: dict[str, Any] = dict(attributes)
    event.pop("data", None)
    event.pop("data_base64", None)
    if content_type is not None:
        event["datacontenttype"] = content_type
    if body:
        event["data"] = _data(body, content_type)
    return _checked(event)


def from_structured(value: Any) -> dict[str, Any]:
    """The event as received, with `data_base64` decoded into `data`. Raises NotAnEvent."""
    if not isinstance(value, dict):
        raise NotAnEvent(f"a CloudEvent is a JSON object, found {type(value).__name__}")
    event = dict(value)
    encoded = event.pop("data_base64", None)
    if encoded is not None:
        try:
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise NotAnEvent(f"data_base64 is not base64: {error}") from error
        content_type = event.get("datacontenttype")
        event["data"] = _data(content, content_type if isinstance(content_type, str) else None)
    return _checked(event)


def guessable(event: Mapping[str, Any]) -> dict[str, Any]:
    """What fields are guessed from: extension attributes, and over them the data's own names."""
    found = {name: value for name, value in event.items() if name not in _CORE}
    data = event.get("data")
    if isinstance(data, dict):
        found.update(data)
    return found


def settle(guessed: Found, event: Mapping[str, Any]) -> Found:
    """The found fields completed with what the envelope says for certain: identity (`source` and `id`), time, labels; and a title
    and a group (`source` and `type`) where there is none yet."""
    found = dict(zip(FIELDS, guessed, strict=True))
    found["id"] = f"{event['source']} {event['id']}"
    if isinstance(event.get("time"), str):
        found["occurred_at"] = event["time"]
    subject = event.get("subject")
    if found["title"] is None:
        found["title"] = f"{event['type']}: {subject}" if subject else event["type"]
    labels = {f"ce_{name}": event[name] for name in ("type", "source", "subject") if event.get(name)}
    labels.update(
        {name: value for name, value in event.items() if name not in _CORE and not isinstance(value, dict | list)}
    )
    given = found["labels"]
    if isinstance(given, dict):
        labels.update(given)
    elif given is not None:
        labels["labels"] = given
    found["labels"] = labels
    if found["group_key"] is None:
        found["group_key"] = f"{event['source']} {event['type']}"
    return tuple(found.values())


def _checked(event: dict[str, Any]) -> dict[str, Any]:
    for name in REQUIRED:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            raise NotAnEvent(f"the attribute {name!r} is missing or no text; a CloudEvent needs {', '.join(REQUIRED)}")
    if not event["specversion"].startswith("1."):
        raise NotAnEvent(f"specversion {event['specversion']!r} is not known; expected '1.0'")
    return event


def _header(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    return unquote_to_bytes(value.encode("utf-8", "replace")).decode("utf-8", "replace")


def _data(content: bytes, content_type: str | None) -> Any:
    if content_type is None or _JSON.match(content_type):
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise NotAnEvent(f"the data is not JSON although datacontenttype says {content_type!r}: {error}") from error
        if too_deep(value):
            raise NotAnEvent("the data is nested too deep")
        return value
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
