"""A document a person wrote: YAML whose every value knows its line and column, so that a fault can be pointed at."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in one place; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class DocumentInvalid(ValueError):
    """The document cannot be used. `faults` are all that were found, in order of their places."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, slots=True)
class Document:
    """Parsed YAML: plain values in `content`, places by path."""

    file: str
    content: Any
    line_offset: int = 0

    def at(self, path: Path) -> tuple[int, int]:
        """Line and column of the deepest part of `path` that is written in the document."""
        line, column, node = 0, 0, self.content
        for part in path:
            if isinstance(node, CommentedMap) and part in node:
                line, column = node.lc.key(part)
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line, column = node.lc.item(part)
            else:
                break
            node = node[part]
        return line + 1 + self.line_offset, column + 1

    def fault(self, path: Path, message: str) -> Fault:
        """A fault at the place of `path`."""
        return Fault(self.file, *self.at(path), message)

    def value_at(self, path: Path) -> tuple[int, int]:
        """Line and column where the value of the last key of `path` begins (for texts that have positions of their own)."""
        node = self.content
        for part in path[:-1]:
            node = node[part]
        if isinstance(node, CommentedMap):
            line, column = node.lc.value(path[-1])
            return line + 1 + self.line_offset, column + 1
        return self.at(path)


def parse_yaml(text: str, file: str, *, line_offset: int = 0) -> Document:
    """YAML 1.2 (so `on` is a word, not true), duplicate keys refused. Raises DocumentInvalid."""
    try:
        return Document(file, YAML(typ="rt").load(text), line_offset)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentInvalid(
            [Fault(file, line + line_offset, column, f"not YAML: {error.problem or error.context}")]
        ) from error
    except (YAMLError, ValueError) as error:
        raise DocumentInvalid([Fault(file, 1 + line_offset, 1, f"not YAML: {error}")]) from error


def validate(document: Document, model: type[M]) -> M:
    """The content as `model`. Raises DocumentInvalid with every fault, near names for unknown keys."""
    try:
        return model.model_validate(document.content)
    except ValidationError as error:
        raise DocumentInvalid(faults_of(error, document, model)) from error


def faults_of(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Fault]:
    """Each of pydantic's complaints as a fault at its place, in words for the person who wrote the document."""
    faults = []
    for detail in error.errors(include_url=False):
        path = _written(document, detail["loc"])
        name = str(detail["loc"][-1]) if detail["loc"] else ""
        if detail["type"] == "extra_forbidden":
            message = f"unknown key {name!r}{near(name, _keys(model, detail['loc'][:-1]))}"
        elif name == "[key]" and detail["type"] == "literal_error":
            known = re.findall("'([^']*)'", detail["ctx"]["expected"])
            message = f"unknown key {detail['input']!r}{near(str(detail['input']), known)}"
        elif detail["type"] == "missing":
            message = f"{name!r} is missing here"
        else:
            message = f"{'.'.join(map(str, path)) or 'the document'}: {detail['msg'].removeprefix('Value error, ')}"
            if not isinstance(detail["input"], dict | list):  # whole sections may hold secrets
                message += f", found {_short(_as_written(document, path, detail['input']))}"
        faults.append(document.fault(path, message))
    return faults


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or what is possible, or nothing: to end an error message with."""
    names = sorted(set(known))
    close = get_close_matches(word, names, n=2, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    return f"; expected one of {', '.join(names)}" if 0 < len(names) < 40 else ""


def _written(document: Document, location: Path) -> Path:
    """The location without the parts pydantic adds for unions and validators (names that are no key here)."""
    node: Any = document.content
    path: list[str | int] = []
    for part in location:
        if _has(node, part):
            node = node[part]
            path.append(part)
    return tuple(path)


def _as_written(document: Document, path: Path, value: object) -> object:
    """The text that stands in the document when it refers to something else (`${NAME}`): what it stands for may be a secret."""
    node = document.content
    for part in path:
        node = node[part]
    return node if isinstance(node, str) and "$" in node else value


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)


def _keys(model: type[BaseModel], location: Path) -> list[str]:
    """The keys allowed at a location, as far as the annotations say."""
    current: type[BaseModel] | None = model
    for part in location:
        field = current.model_fields.get(str(part)) if current else None
        if field is not None:
            current = _model_in(field.annotation)
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for found in map(_model_in, get_args(annotation)) if found), None)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
