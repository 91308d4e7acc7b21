"""Quarantine: input that could not be read, kept whole with its reason until it is tried again."""

import base64
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from schemas.payload import Quarantined
from schemas.record import Record
from schemas.time import Micros


def _decoded(value: object) -> object:
    return base64.b64decode(value) if isinstance(value, str) else value


Content = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
"""Bytes in Python, base64 in JSON."""


class Quarantine(Record):
    """One part of a request, or one accepted input, that could not be read; `content` has its known secrets replaced."""

    id: str
    source: str
    instance: str = "default"
    reason: str
    received_at: Micros
    content: Content

    def told(self) -> Quarantined:
        """What a decision says of it."""
        return Quarantined(
            quarantine_id=self.id,
            source=self.source,
            instance=self.instance,
            reason=self.reason,
            size=len(self.content),
        )
