"""Takes out of an import the rules that our language cannot hold, such as one with too long a span: each with its reason."""

from __future__ import annotations

import re

from rules.importers.sheet import Item, Sheet
from rules.importers.written import write
from rules.load import RulesInvalid, load_texts

_NAMED = re.compile(r"\s*- name: (\S+)")


def leave_out_refused(sheet: Sheet) -> None:
    """Leaves out what a load of the written rules finds at fault, and then what was to go by that or be a part of it."""
    _leave_out_faulty(sheet)
    for item in sheet.items:
        if item.within and all(other.rule is None for other in item.within):
            item.inside = ""
            item.note("what it is a part of is left out")


def _leave_out_faulty(sheet: Sheet) -> None:
    while True:
        text = write(sheet)
        try:
            load_texts({sheet.source: text}, reached=False)
        except RulesInvalid as refused:
            lines = text.split("\n")
            items = {
                str(item.rule["name"]): item for top in sheet.items for item in top.walk() if item.rule is not None
            }
            taken = [_left_out(items, lines, fault.line, fault.message) for fault in refused.faults]
            if not any(taken):
                return
        else:
            return


def _left_out(items: dict[str, Item], lines: list[str], line: int, why: str) -> bool:
    """Whether the fault is one of a rule, which then is none any more."""
    for text in reversed(lines[:line]):
        if (named := _NAMED.match(text)) and (item := items.get(named[1].strip("'\""))) is not None:
            for each in item.walk():
                each.rule = None
            item.note(why)
            for inner in item.items:
                inner.note("what stands above it is left out")
            return True
    return False
