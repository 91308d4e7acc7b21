"""The documents of a Sigma file: detections, correlations and filters, with what documents share and hand on to each other.

Aggregations behind a pipe, which correlations have replaced, become a detection and the correlation that says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.importers.sheet import Item, NotImportable, mapping

_AGGREGATION = re.compile(
    r"(?P<search>[^|]+)\|\s*(?P<what>count|min|max|avg|sum)\s*\(\s*(?P<field>[^()\s]*)\s*\)\s*(?:by\s+(?P<group>\S+)\s*)?"
    r"(?P<operator>>=|<=|==|=|>|<)\s*(?P<number>-?\d+(?:\.\d+)?)\s*",
    re.IGNORECASE,
)
_KINDS = ("correlation", "filter", "detection")
_OPERATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq", "==": "eq"}


@dataclass(slots=True)
class Source:
    """One document of a Sigma file. `condition` is what its events meet; None where that cannot be said, for the reason `refused`."""

    given: dict[str, Any]
    item: Item
    names: tuple[str, ...]
    condition: str | None = None
    refused: str = ""
    never: bool = False
    """Whether it is a correlation that can never hold."""
    filters: list[str] = field(default_factory=list)
    rule: str | None = None
    """The name of its own rule of ours, once it has one."""
    groups: dict[str, str] = field(default_factory=dict)
    """Of a correlation, where the event that made it fire has what its groups are made of, by its own names for them."""
    generates: bool = True

    @property
    def is_correlation(self) -> bool:
        return "correlation" in self.given


def documents(content: object) -> list[Source]:
    """The documents of a file, each with what those before it share with it or hand on to it."""
    shared: dict[str, Any] = {}
    before: dict[str, Any] = {}
    found = []
    for document in content if isinstance(content, list) else [content]:
        if not isinstance(document, Mapping):
            found.append(_odd({}, f"it is no mapping but {document!r:.60}"))
            continue
        given = mapping(document, "a Sigma rule")
        action = given.pop("action", None)
        if action == "global":
            shared = before = given
            continue
        if action == "reset":
            shared = {}
            continue
        if action == "repeat":
            given = before = _merged(before, given)
        elif action is not None:
            found.append(_odd(given, f"the action of a document is global, reset or repeat, found {action!r}"))
            continue
        elif not given.keys() & {"correlation", "filter"}:
            given = before = _merged(shared, given)
        if given.get("logsource", {}) is None:
            del given["logsource"]
        kind = next((each for each in _KINDS if each in given), None)
        if kind is None:
            found.append(
                _odd(given, "a Sigma rule has a 'detection', a 'correlation' or a 'filter'; this document has none")
            )
        elif odd := [key for key in (*_KINDS, "logsource") if not isinstance(given.get(key, {}), Mapping)]:
            found.append(_odd(given, f"its {odd[0]!r} is no mapping but {given[odd[0]]!r:.60}"))
        else:
            found += _read(given, kind)
    if all(one.item.kind == "document" for one in found):
        raise NotImportable(found[0].item.notes[0] if found else "the file holds no rules")
    return found


def _read(given: dict[str, Any], kind: str) -> Iterator[Source]:
    """The document, or the two that an aggregation comes to."""
    title = _title(given)
    names = tuple(str(given[key]) for key in ("id", "name") if given.get(key)) or (title,)
    said = given.get("detection") if kind == "detection" else None
    found = (
        _AGGREGATION.fullmatch(str(said["condition"])) if isinstance(said, Mapping) and "condition" in said else None
    )
    if (
        not isinstance(said, Mapping)
        or found is None
        or "timeframe" not in said
        or not (found["field"] or found["what"].lower() == "count")
    ):
        yield Source(given, Item(kind, title), names)
        return
    what, counted = found["what"].lower(), f"{names[0]} (its events)"
    searches = {
        **{key: value for key, value in said.items() if key != "timeframe"},
        "condition": found["search"].strip(),
    }
    events = Item("detection", counted, counted=False)
    yield Source({**given, "title": counted, "id": None, "name": counted, "detection": searches}, events, (counted,))
    number = {_OPERATORS[found["operator"]]: float(found["number"])}
    correlation = {
        "type": f"value_{what}" if found["field"] else "event_count",
        "rules": [counted],
        "group-by": [found["group"]] if found["group"] else [],
        "timespan": said["timeframe"],
        "condition": {**number, "field": found["field"]} if found["field"] else number,
    }
    item = Item("detection", title)
    item.note(
        "it is an aggregation of Sigma 1; here it is the correlation that replaced it, which looks back at each event"
    )
    yield Source(
        {**{key: value for key, value in given.items() if key != "detection"}, "correlation": correlation}, item, names
    )


def _odd(given: dict[str, Any], why: str) -> Source:
    """A document that is none of Sigma's."""
    item = Item("document", _title(given))
    item.note(why)
    return Source({}, item, (), refused=why)


def _title(given: Mapping[str, Any]) -> str:
    return str(given.get("title") or given.get("name") or given.get("id") or "rule")


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both, maps below them too; where they differ, the second."""
    found = dict(first)
    for key, value in second.items():
        old = found.get(key)
        found[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return found


def named(sources: Sequence[Source]) -> dict[str, Source]:
    """The documents by what they may be referred to by; a title is the last resort."""
    found: dict[str, Source] = {}
    for one in sources:
        for name in one.names:
            if name in found and "filter" not in one.given:
                one.item.note(f"another document is called {name!r} as well; what refers to it means that one")
            found.setdefault(name, one)
    for one in sources:
        found.setdefault(one.item.name, one)
    return found
