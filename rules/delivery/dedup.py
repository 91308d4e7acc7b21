"""What says again what was said before: the same problem with the same content as the last time.

Two signals are one problem when their values in `fields` are equal (without any: when they are of one occurrence). They say the same when
all else that they say is equal, but for `ignore`. Only the last content counts: A, B, A is three. Rows are `same/SCOPE/PROBLEM`.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from rules.delivery.sameness import Path, Sameness
from rules.incidents import UNIT, unit_of
from rules.signals import Fields
from rules.texts import as_text
from rules.turn import Turn
from schemas.ids import digest
from schemas.spans import UNITS

PREFIX = "same/"
REMEMBERED = 2 * UNITS["d"]
"""How long the last content is known when it is not heard again."""
_ENVELOPE = frozenset(
    {
        *(
            "schema_version",
            "id",
            "delivery_id",
            "occurrence_id",
            "revision",
            "received_at",
            "occurred_at",
            "expires_at",
        ),
        *("occurred_micros", "expires_micros", "remember_s", "trace", "fact", "incident", "instance", "group_key"),
        UNIT,
    }
)
"""What differs between two tellings of the same."""


def repeats(turn: Turn, said: Sameness, scope: str, fields: Fields) -> bool:
    """Whether the signal says what the last one of its problem said; what it says is the last one from here on."""
    values = [as_text(part.get(fields)) for part in said.fields] or [unit_of(fields)]
    side = "rehearsal:" if fields.get("rehearsal") else ""
    key = f"{PREFIX}{side}{scope}/{digest('same', *values)}"
    content = content_of(fields, said.ignore)
    row = turn.state.rows.get(key)
    if row is None:
        row = {"last": ""}
        turn.state.put(key, row)
    known, row["last"] = row["last"], content
    turn.state.sweep(key, row, turn.at + REMEMBERED)
    return bool(known == content)


def content_of(fields: Fields, ignore: tuple[Path, ...]) -> str:
    """The hash of all that a signal says, without its envelope and what is to be ignored."""
    content: dict[str, Any] = {name: value for name, value in fields.items() if name not in _ENVELOPE}
    for path in ignore:
        content = _without(content, path)
    return digest("said", orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode())


def _without(node: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A copy that lacks what is at the path; nothing else is copied."""
    first, *rest = path
    if first not in node:
        return dict(node)
    if not rest:
        return {name: value for name, value in node.items() if name != first}
    below = node[first]
    return {**node, first: _without(below, tuple(rest))} if isinstance(below, dict) else dict(node)
