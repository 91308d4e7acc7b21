"""What came of an import: rules of our language with a comment at each thing that could not be carried over exactly, and the count of both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.document import near


class NotImportable(ValueError):
    """The file is none of the system it is said to be from; the text says what was found and what was expected."""


@dataclass(slots=True)
class Item:
    """One thing of the other system: the rule it became, None where it was left out or is `inside` of others, and what is not exact about it."""

    kind: str
    name: str
    rule: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    inside: str = ""
    """What other rules it is a part of, where it is carried over in them."""
    within: list[Item] = field(default_factory=list)
    """Those, where it is lost if they are all left out."""
    compares: list[str] = field(default_factory=list)
    """Fields that it compares with what was there before."""
    counted: bool = True
    """Whether it is a thing of the other system, not one that others need here."""
    keys: dict[str, str] = field(default_factory=dict)
    """What the other system calls the values of its groups, by our expressions."""

    def note(self, text: str) -> None:
        """Something of it is not carried over exactly."""
        if text not in self.notes:
            self.notes.append(text)

    def walk(self) -> Iterator[Item]:
        yield self
        for item in self.items:
            yield from item.walk()


@dataclass(slots=True)
class Sheet:
    """A whole import. `times` are named intervals; `silences` are what the other system keeps as data: arguments of `tocsin silence add`."""

    system: str
    source: str
    items: list[Item] = field(default_factory=list)
    times: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    silences: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What is said at the head of the file."""
    names: Names = field(default_factory=lambda: Names())

    @property
    def counts(self) -> Mapping[str, int]:
        """How many things were carried over exactly, with a comment, and not at all."""
        found = [each for item in self.items for each in item.walk() if each.counted]
        kept = [each for each in found if each.rule is not None or each.inside]
        noted = sum(bool(each.notes) for each in kept)
        exact = len(kept) - noted + len(self.times)
        return {"exact": exact, "with_comment": noted, "left_out": len(found) - len(kept)}

    @property
    def playbooks(self) -> list[str]:
        """The playbooks that the rules name, in order: they are still to be written."""
        named = [each.rule.get("playbook") for item in self.items for each in item.walk() if each.rule is not None]
        return list(dict.fromkeys(name for name in named if name))

    def beside(self, keys: Iterable[str], why: str) -> None:
        """Keys that say nothing of rules are not carried over: said at the head of the file."""
        if named := ", ".join(f"`{key}`" for key in dict.fromkeys(keys)):
            self.remarks.append(f"Not carried over: {named}; {why}.")

    def add(self, item: Item) -> Item:
        self.items.append(item)
        return item


@dataclass(slots=True)
class Names:
    """Rule names made of the other system's: ours allow letters, digits, `.`, `_` and `-`, and each only once."""

    given: dict[str, str] = field(default_factory=dict)
    """Ours to theirs."""

    def take(self, theirs: str, fallback: str = "rule") -> str:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", theirs).strip("-._")[:90] or fallback
        name, number = plain, 2
        while name in self.given:
            name, number = f"{plain}-{number}", number + 1
        self.given[name] = theirs
        return name


def mapping(value: Any, what: str) -> dict[str, Any]:
    """A mapping with text keys. Raises NotImportable."""
    if not isinstance(value, Mapping):
        raise NotImportable(f"{what} is no mapping but {type(value).__name__}: {value!r:.80}")
    return {str(key): item for key, item in value.items()}


def listing(value: Any, what: str) -> list[Any]:
    """A list; nothing is an empty one. Raises NotImportable."""
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        raise NotImportable(f"{what} is no list but {type(value).__name__}: {value!r:.80}")
    return list(value)


def texts(value: Any) -> list[str]:
    """One text or several, as a list."""
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else [] if value is None else [str(value)]


def unknown_keys(item: Item, given: Iterable[str], known: Iterable[str]) -> None:
    """A note for every key that this import does not know."""
    names = sorted(known)
    for key in sorted(set(given) - set(names)):
        item.note(f"the key {key!r} is not carried over{near(key, names) if len(names) < 40 else ''}")
