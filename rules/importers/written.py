"""Writes an import as a rule file: a person's YAML, each comment above the rule it belongs to."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from rules.importers.sheet import Item, Sheet

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*|\d+(?:ms|s|m|h|d|w)(?:\d+(?:ms|s|m|h|d|w))*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_WIDTH = 118


def write(sheet: Sheet) -> str:
    """The text of the rule file."""
    counts = sheet.counts
    lines = [
        f"# Imported from {sheet.system} ({sheet.source}): {counts['exact']} carried over exactly, {counts['with_comment']} with a comment,",
        f"# {counts['left_out']} left out.",
    ]
    if sheet.playbooks:
        lines += _comment(f"Playbooks still to be written: {', '.join(sheet.playbooks)}.", 0)
    for remark in sheet.remarks:
        lines += _comment(remark, 0)
    for silence in sheet.silences:
        lines += _comment(f"Silence: {json.dumps(silence, ensure_ascii=False)}", 0)
    if sheet.defaults:
        lines += [
            "defaults:",
            *(line for key, value in sheet.defaults.items() for line in _entry(key, value, "  ")),
            "",
        ]
    lines.append("rules:" if any(each.rule for item in sheet.items for each in item.walk()) else "rules: []")
    for item in sheet.items:
        lines += _item(item, 2)
    if sheet.times:
        lines += ["", "times:"]
        for name, intervals in sheet.times.items():
            lines.append(f"  {_scalar(name)}:{'' if intervals else ' []'}")
            lines += [f"    - {_flow(interval)}" for interval in intervals]
    return "\n".join(lines) + "\n"


def _item(item: Item, indent: int) -> list[str]:
    lines = [""] if indent == 2 else []
    if item.inside:
        lines += _comment(f"{item.kind} {item.name!r}: {item.inside}", indent)
        for note in item.notes:
            lines += _comment(f"Not exact: {note}", indent)
    elif item.rule is None:
        lines += _comment(f"Left out: {item.kind} {item.name!r}: {'; '.join(item.notes)}", indent)
    else:
        for note in item.notes:
            lines += _comment(f"Not exact: {note}", indent)
        pad = " " * indent
        for number, (key, value) in enumerate(item.rule.items()):
            lines += _entry(key, value, f"{pad}- " if number == 0 else f"{pad}  ")
    if item.items:
        if item.rule is not None and any(each.rule is not None for each in item.items):
            lines.append(f"{' ' * indent}  rules:")
        for child in item.items:
            lines += _item(child, indent + 4)
    return lines


def _entry(key: str, value: Any, start: str) -> list[str]:
    written = f"{start}{_scalar(key)}: {_flow(value)}"
    if len(written) <= _WIDTH or not isinstance(value, (dict, list)) or not value:
        return [written]
    pad = " " * (len(start) + 2)
    lines = [f"{start}{_scalar(key)}:"]
    if isinstance(value, dict):
        for inner, item in value.items():
            lines += _entry(inner, item, pad)
    else:
        lines += [f"{pad}- {_flow(item)}" for item in value]
    return lines


def _comment(text: str, indent: int) -> list[str]:
    pad = " " * indent
    printable = "".join(c if c.isprintable() else " " for c in text)
    return [f"{pad}# {line}" for line in textwrap.wrap(printable, _WIDTH - indent - 2, break_on_hyphens=False)]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if value.isprintable():
        return f"'{value.replace(chr(39), chr(39) * 2)}'"
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"
