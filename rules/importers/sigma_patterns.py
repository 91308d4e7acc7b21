"""The texts of Sigma's values: wildcards and their escapes, dashes that stand for each other, what of Base64 stays the same."""

from __future__ import annotations

import base64
import itertools
import re

from rules.importers.sheet import NotImportable

_DASHES = ("-", "/", "–", "—", "―")  # noqa: RUF001 (the dashes the specification names)
_DASH = re.compile(r"\B[-/–—―]\b")  # noqa: RUF001
_PLACEHOLDER = re.compile(r"(?<!\\)%[^%]+(?<!\\)%")
_MOST_PERMUTATIONS = 125


class Wild(str):
    """A wildcard in a pattern, as opposed to the character."""

    __slots__ = ()


def written_of(value: object) -> list[str]:
    """A value as text; of a number with a point and nothing behind it, both ways to write it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return [str(int(value)), str(value)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def pattern_of(source: str, *, dashes: bool = False) -> list[str]:
    """The pieces of a value: text, and wildcards. A backslash takes the meaning of a wildcard or backslash behind it away.

    With `dashes`, those before a word stand for each other: they are the wildcard `-`.
    """
    places = {match.start() for match in _DASH.finditer(source)} if dashes else ()
    parts: list[str] = []
    at = 0
    while at < len(source):
        character = source[at]
        at += 1
        if at - 1 in places:
            parts.append(Wild("-"))
            continue
        if character == "\\" and source[at : at + 1] in ("*", "?", "\\") and at < len(source):
            character = source[at]
            at += 1
        elif character in "*?":
            parts.append(Wild(character))
            continue
        if parts and not isinstance(parts[-1], Wild):
            parts[-1] += character
        else:
            parts.append(character)
    return parts or [""]


def merged(parts: list[str]) -> list[str]:
    """Without wildcards beside each other, and without empty texts beside them."""
    kept: list[str] = []
    for part in parts:
        if (isinstance(part, Wild) and part == "*" and kept and isinstance(kept[-1], Wild) and kept[-1] == "*") or (
            part == "" and len(parts) > 1
        ):
            continue
        kept.append(part)
    return kept


def dashes(value: str) -> list[str]:
    places = [match.start() for match in _DASH.finditer(value)]
    if len(_DASHES) ** len(places) > _MOST_PERMUTATIONS:
        raise NotImportable(f"windash of {value!r} has more than {_MOST_PERMUTATIONS} permutations")
    found = []
    for chosen in itertools.product(_DASHES, repeat=len(places)):
        characters = list(value)
        for place, dash in zip(places, chosen, strict=True):
            characters[place] = dash
        found.append("".join(characters))
    return found


def without_placeholders(source: str) -> str:
    """A value for `expand` that has no placeholder. Raises NotImportable where it has one."""
    if found := _PLACEHOLDER.search(source):
        raise NotImportable(f"{source!r:.60} has the placeholder {found[0]}; put its values in its place")
    return source.replace("\\%", "%")


def as_bytes(value: str | bytes, encoding: str = "utf-8") -> bytes:
    """A value to be encoded: wildcards are no wildcards in it, and what escapes them is not part of it."""
    return value if isinstance(value, bytes) else "".join(pattern_of(value)).encode(encoding)


def offsets(value: bytes) -> list[str]:
    """What of the value's Base64 stays the same at each of the three places in which it may begin. Raises NotImportable where nothing does."""
    starts, ends = (0, 2, 3), (None, -3, -2)
    found = [
        base64.b64encode(b" " * offset + value)[starts[offset] : ends[(len(value) + offset) % 3]].decode()
        for offset in range(3)
    ]
    if not any(found):
        raise NotImportable("base64offset of an empty value would be found everywhere")
    # Of a single byte nothing stays at one of the places.
    return [each for each in found if each]
