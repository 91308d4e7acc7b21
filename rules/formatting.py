"""Puts rule files into one shape: indentation, one blank line between rules, keys in the order of the language; comments stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rules.layout import Block, Entry, Reader, Unfit
from rules.model import Rule, RuleFile
from schemas.document import DocumentInvalid, Fault

_FILE_KEYS = [*(key for key in RuleFile.model_fields if key != "rules"), "rules"]
_RULE_KEYS = [*(name for key, field in Rule.model_fields.items() if (name := field.alias or key) != "rules"), "rules"]


def formatted(text: str, file: str) -> str:
    """The text in its one shape; formatting it again changes nothing. Raises DocumentInvalid for what is no YAML.

    What it says stays the same, every text letter by letter. A mapping in which comments stand keeps the order of its keys. What is written in
    a way that few use (several documents, keys over several lines) is left as it is.
    """
    text = text.replace("\r\n", "\n")
    said = _loaded(text, file)
    if said is None:
        return text
    try:
        reader = Reader(text)
        head, content = reader.read()
    except Unfit:
        return text
    if not reader.has_aliases:
        # What an alias stands for has to come before it.
        _file(content)
    made = "\n".join([*head, *content.written()]) + "\n"
    return made if _loaded(made, file) == said else text


def _loaded(text: str, file: str) -> object:
    yaml = YAML(typ="rt")
    try:
        found: object = yaml.load(text)
    except (YAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise DocumentInvalid([Fault(file, line, column, f"not YAML: {error}")]) from error
    return found


def _file(content: Block) -> None:
    if _ordered(content.entries, _FILE_KEYS):
        _apart(content.entries)
    for entry in content.entries:
        if entry.head == "rules:" and entry.below is not None:
            _apart(entry.below.entries)
            _rules(entry.below)


def _rules(listed: Block) -> None:
    for item in listed.entries:
        if item.below is not None and item.below.entries[0].head != "-":
            _ordered(item.below.entries, _RULE_KEYS)
            for entry in item.below.entries:
                if entry.head == "rules:" and entry.below is not None:
                    _rules(entry.below)
        elif item.pairs:
            place = {key: number for number, key in enumerate(_RULE_KEYS)}
            pairs = sorted(item.pairs, key=lambda pair: place.get(pair[0], len(place)))
            item.said = f"{{{', '.join(text for _, text in pairs)}}}"


def _ordered(entries: list[Entry], order: Sequence[str]) -> bool:
    """Known keys first, in their order, and what is not known behind them in its own; whether that moved anything."""
    place = {f"{key}:": number for number, key in enumerate(order)}
    sorted_entries = sorted(entries, key=lambda entry: place.get(entry.head, len(order)))
    if sorted_entries == entries or any(entry.commented for entry in entries):
        return False
    for entry in sorted_entries:
        entry.before = []
    entries[:] = sorted_entries
    return True


def _apart(entries: Sequence[Entry]) -> None:
    """A blank line between entries of more than one line."""
    for above, entry in pairwise(entries):
        if (above.is_long or entry.is_long) and entry.before[:1] != [""]:
            entry.before.insert(0, "")
