"""The shape all stored records share: frozen, versioned, and keeping what a newer writer added."""

from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict

_T = TypeVar("_T", bound=BaseModel)
_new, _set = object.__new__, object.__setattr__


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


def unchecked(kind: type[_T], values: dict[str, Any], given: set[str]) -> _T:
    """A record of these values, which are taken as they are: all fields, in the order of the model, each of its type.

    A fifth of the cost of validating, and of `model_construct`. For constructors alone whose signature lets the type checker say
    what validation would. `given`: the fields that count as set; not copied.
    """
    made = _new(kind)
    _set(made, "__dict__", values)
    _set(made, "__pydantic_fields_set__", given)
    _set(made, "__pydantic_extra__", {})
    _set(made, "__pydantic_private__", None)
    return made
