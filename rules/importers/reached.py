"""Takes out of an import the rules that no signal can reach, which our language refuses where other systems keep silent about them."""

from __future__ import annotations

from collections.abc import Sequence

from rules.cel import compile  # noqa: A004 (the language's own word for it)
from rules.cel.reach import implies, never
from rules.cel.syntax import Node
from rules.fields import SCHEMA
from rules.importers.sheet import Item


def leave_out_unreached(items: Sequence[Item], parent: Node | None = None) -> None:
    """Leaves out, with its reason, each rule that can never hold, or whose signals an earlier one of its tree takes."""
    earlier: list[tuple[str, Node]] = []
    for item in items:
        rule = item.rule
        if rule is None or "when" not in rule:
            continue
        node = compile(str(rule["when"]), schema=SCHEMA).ast
        taken = next((name for name, other in earlier if implies(node, other)), None)
        if never(node):
            _leave_out(item, "no signal can meet its condition")
        elif parent is not None and never(parent, node):
            _leave_out(item, "no signal that meets the condition above can meet this one")
        elif parent is not None and taken is not None:
            _leave_out(item, f"no signal reaches it: {taken!r} takes every one first")
        else:
            if parent is not None and not rule.get("continue") and rule.get("enabled", True):
                earlier.append((str(rule["name"]), node))
            leave_out_unreached(item.items, node)


def _leave_out(item: Item, why: str) -> None:
    for each in item.walk():
        each.rule = None
    item.note(why)
    for inner in item.items:
        inner.note("what stands above it is left out")
