"""The shape all stored records share: frozen, versioned, and keeping what a newer writer added."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A stored record. Unknown fields survive a round trip, so an older reader passes on what a newer writer said."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    schema_version: int = 1

    def to_json(self) -> bytes:
        """UTF-8 JSON on one line, without fields that are None."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Raises pydantic.ValidationError naming each field that is wrong."""
        return cls.model_validate_json(content)


class Part(BaseModel):
    """A piece of a record: frozen, and open for what a newer writer added."""

    model_config = ConfigDict(frozen=True, extra="allow")
