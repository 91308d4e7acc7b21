"""Puts rule files into one shape: indentation, one blank line between rules, keys in the order of the language; comments stay where they are."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rules.model import Rule, RuleFile
from schemas.document import DocumentInvalid, Fault

WIDTH = 120

_FILE_KEYS = [*(key for key in RuleFile.model_fields if key != "rules"), "rules"]
_RULE_KEYS = [field.alias or name for name, field in Rule.model_fields.items() if (field.alias or name) != "rules"]


def formatted(text: str, file: str) -> str:
    """The text in its one shape; formatting it again changes nothing. Raises DocumentInvalid for what is no YAML.

    What it says stays the same. A mapping in which comments stand keeps the order of its keys.
    """
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        content = yaml.load(text)
    except (YAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise DocumentInvalid([Fault(file, line, column, f"not YAML: {error}")]) from error
    if content is None:
        return text
    if isinstance(content, CommentedMap):
        _ordered(content, _FILE_KEYS)
        _rules(content.get("rules"))
    out = io.StringIO()
    yaml.dump(content, out)
    plain = YAML(typ="safe", pure=True)
    spaced = _spaced(out.getvalue())
    # Blank lines and spaces at the end of lines may be part of a text over several lines.
    return spaced if plain.load(spaced) == plain.load(text) else out.getvalue()


def _rules(listed: Any) -> None:
    for rule in listed if isinstance(listed, CommentedSeq) else ():
        if isinstance(rule, CommentedMap):
            _ordered(rule, [*_RULE_KEYS, "rules"])
            _rules(rule.get("rules"))


def _ordered(mapping: CommentedMap, order: Sequence[str]) -> None:
    """Known keys first, in their order; what is not known stays behind them in its own."""
    if _commented(mapping):
        return
    place = {key: number for number, key in enumerate(order)}
    keys = sorted(mapping, key=lambda key: place.get(key, len(order)))
    for key in keys:
        mapping.move_to_end(key)


def _commented(node: Any) -> bool:
    """Whether a comment stands anywhere within: it hangs on the key before it, and would move with that."""
    if not isinstance(node, (CommentedMap, CommentedSeq)):
        return False
    if node.ca.comment is not None or any(_said(token) for token in node.ca.items.values()):
        return True
    return any(map(_commented, node.values() if isinstance(node, CommentedMap) else node))


def _said(token: Any) -> bool:
    """Whether a comment token, or a list of them, holds more than blank lines."""
    if isinstance(token, (list, tuple)):
        return any(map(_said, token))
    return token is not None and "#" in str(getattr(token, "value", ""))


def _spaced(text: str) -> str:
    """One blank line at most between lines, none at the ends, no space at the end of a line."""
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
