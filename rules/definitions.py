"""What a rule file says for its rules together: defaults, macros, constants, allowed lateness, and the files it takes these from."""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from pydantic import ValidationError

from rules.cel import CelError, compile_value
from rules.correlation.said import StormOfAll
from rules.fields import SCHEMA
from rules.match.tables import Table, read_table
from rules.places import inside
from schemas.document import Document, Fault, near
from schemas.spans import parse_span

FOLDER_FILES = ("_defaults.yaml", "_defaults.yml")
"""The file of a folder whose definitions hold for every file in it."""
TABLE = "table:"
"""What a source's name begins with that is no rule file, but a table."""
TOPOLOGY = "topology:"
"""The same, of what says which services need which."""
KEYS = frozenset({"defaults", "macros", "constants", "include", "lateness", "times", "dedup", "storm"})
_NO_DEFAULTS = frozenset({"name", "when", "match", "rules", "continue"})


@dataclass(frozen=True)
class RuleText:
    """A rule file as it was read."""

    document: Document
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def name(self) -> str:
        return self.document.file

    def said(self, key: str) -> Mapping[str, Any]:
        """The mapping under a key of the file; empty where it is none."""
        content = self.document.content
        found = content.get(key) if isinstance(content, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def includes(self) -> list[str]:
        """The files it includes, by their names as sources."""
        content = self.document.content
        found = content.get("include") if isinstance(content, dict) else None
        listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return [beside(self.name, name) for name in listed if isinstance(name, str)]


@dataclass(frozen=True)
class Definitions:
    """What holds for the rules of one file. `defaults` come with the file in which they are written."""

    macros: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    defaults_of: Mapping[str, RuleText] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


def beside(file: str, name: str) -> str:
    """The name as a source of a file that another one names from its own folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), name))


def definitions_of(
    files: Iterable[RuleText], sources: Mapping[str, str], faults: list[Fault]
) -> dict[str, Definitions]:
    """Of every file, its own over those of the files it includes, over those of its folder; faults are added, each once."""
    known = {file.name: file for file in files}
    for file in known.values():
        _check(file, known, faults)
    tables = _tables(sources, faults)
    found = {}
    for file in known.values():
        above = [known[name] for name in _above(file, known)]
        macros: dict[str, str] = {}
        defaults: dict[str, Any] = {}
        defaults_of: dict[str, RuleText] = {}
        for one in above:
            macros.update(_texts(one))
            # What is included brings names, not habits: those come from the folder and the file itself.
            if one is file or posixpath.basename(one.name) in FOLDER_FILES:
                for key, value in one.said("defaults").items():
                    both = isinstance(value, dict) and isinstance(defaults.get(key), dict)
                    defaults[key] = {**defaults[key], **value} if both else value
                    defaults_of[key] = one
        folder = posixpath.dirname(file.name)
        near_tables = {posixpath.relpath(name, folder or "."): table for name, table in tables.items()}
        found[file.name] = Definitions(macros, defaults, defaults_of, near_tables)
    _check_macros(known.values(), found, faults)
    return found


def lateness_of(files: Iterable[RuleText], faults: list[Fault]) -> dict[str, int]:
    """The allowed lateness by source, of all files."""
    found: dict[str, int] = {}
    for file in files:
        for source, said in file.said("lateness").items():
            try:
                span = 0 if said == 0 else parse_span(said)
            except ValueError:
                continue  # The shape of the file has been found at fault already.
            if found.setdefault(str(source), span) != span:
                message = f"another file allows signals of {source!r} another lateness; say it once"
                faults.append(file.document.fault(("lateness", source), message))
    return found


def storm_of(files: Iterable[RuleText], faults: list[Fault]) -> StormOfAll | None:
    """What all files say together of storms of all rules."""
    found: StormOfAll | None = None
    for file in files:
        content = file.document.content
        if not isinstance(content, dict) or not isinstance(content.get("storm"), dict):
            continue
        try:
            said = StormOfAll.model_validate(content["storm"])
        except ValidationError:
            continue  # The shape of the file has been found at fault already.
        if found is not None and found != said:
            faults.append(file.document.fault(("storm",), "another file says otherwise what a storm is; say it once"))
        found = found or said
    return found


def _above(file: RuleText, known: Mapping[str, RuleText]) -> list[str]:
    """The files whose definitions hold in this one, itself last; a circle of includes ends where it closes."""
    found: dict[str, None] = {}

    def take(name: str, on_way: frozenset[str]) -> None:
        if name not in known or name in on_way:
            return
        folder = posixpath.dirname(name)
        for common in FOLDER_FILES:
            if posixpath.join(folder, common) in known:
                found.setdefault(posixpath.join(folder, common))
        for included in known[name].includes:
            take(included, on_way | {name})
        found.pop(name, None)
        found[name] = None

    take(file.name, frozenset())
    return list(found)


def _check(file: RuleText, known: Mapping[str, RuleText], faults: list[Fault]) -> None:
    faults += [
        file.document.fault(("defaults", name), f"{name!r} has no default: it is what a rule is")
        for name in file.said("defaults")
        if name in _NO_DEFAULTS
    ]
    for number, name in enumerate(file.includes):
        if name not in known:
            at = ("include", number) if isinstance(file.document.content["include"], list) else ("include",)
            faults.append(file.document.fault(at, f"there is no rule file {name!r}{near(name, known)}"))
    for kind in ("macros", "constants"):
        for name in file.said(kind):
            if not str(name).isidentifier():
                message = f"{name!r} is not a name; expected letters, digits and '_'"
                faults.append(file.document.fault((kind, name), message))
            elif name in SCHEMA.fields:
                message = f"{name!r} is a field of signals; choose another name"
                faults.append(file.document.fault((kind, name), message))


def _check_macros(files: Iterable[RuleText], found: Mapping[str, Definitions], faults: list[Fault]) -> None:
    """The text of each macro, where it is written."""
    for file in files:
        for name, text in file.said("macros").items():
            if not isinstance(text, str) or not str(name).isidentifier():
                continue
            macros = found[file.name].macros
            try:
                compile_value(text, SCHEMA, constants={key: macros[key] for key in macros if key != name})
            except CelError as error:
                for fault in error.faults:
                    place = inside(file.document, file.lines, ("macros", name), line=fault.line, column=fault.column)
                    faults.append(Fault(file.name, *place, f"macro {name!r}: {fault.message}"))


def _texts(file: RuleText) -> dict[str, str]:
    """Macros and constants as CEL text."""
    macros = {str(name): text for name, text in file.said("macros").items() if isinstance(text, str)}
    constants = {str(name): _literal(value) for name, value in file.said("constants").items()}
    return {**macros, **constants}


def _literal(value: Any) -> str:
    """A plain value as CEL writes it, which for numbers, texts, lists and maps is as JSON does."""
    return orjson.dumps(value, default=str).decode()


def _tables(sources: Mapping[str, str], faults: list[Fault]) -> dict[str, Table]:
    found = {}
    for name, text in sources.items():
        if name.startswith(TABLE):
            path = name.removeprefix(TABLE)
            try:
                found[path] = read_table(path, text)
            except ValueError as error:
                faults.append(Fault(path, 1, 1, str(error)))
    return found
