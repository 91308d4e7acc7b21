"""The modifiers of Sigma's values: which there are, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.importers.sheet import NotImportable

NUMBERS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
TIMES = {
    "minute": "getMinutes()", "hour": "getHours()", "day": "getDate()", "month": "getMonth() + 1", "year": "getFullYear()", "week": "",
}  # fmt: skip
ENCODINGS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16"}

_SAME = {"ignorecase": "i", "multiline": "m", "dotall": "s"}
_PARTS = frozenset({"startswith", "endswith", "contains"})
_FLAGS = frozenset({"i", "m", "s"})
_WRITTEN = frozenset({"base64", "base64offset", "windash", "expand", *ENCODINGS})
"""What changes how a text is written."""
_WITH: Mapping[str, frozenset[str]] = {
    "re": _PARTS | _FLAGS | {"cased"},
    "cidr": frozenset(),
    "exists": frozenset(),
    "fieldref": _PARTS | {"cased"},
    **{modifier: frozenset(TIMES) for modifier in NUMBERS},
    **{modifier: frozenset(NUMBERS) for modifier in TIMES},
}
"""What each of the modifiers that say how values are compared takes beside it, but for `all` and `neq`; the others take all that is left."""
_KNOWN = frozenset({"all", "neq", "cased", *_PARTS, *_FLAGS, *_WRITTEN, *_WITH})


def checked(field: str, modifiers: Sequence[str], values: Sequence[object]) -> list[str]:
    """The modifiers by their usual names. Raises NotImportable for those that are unknown, or say nothing together with the others."""
    said = [_SAME.get(modifier, modifier) for modifier in modifiers]
    for modifier in said:
        if modifier not in _KNOWN:
            raise NotImportable(f"the modifier {modifier!r} of {field!r} is not known")
    _of_values(repr(field), said, values)
    return said


def checked_anywhere(modifiers: Sequence[str], values: Sequence[object]) -> list[str]:
    """The same of keywords, which have no field."""
    said = [_SAME.get(modifier, modifier) for modifier in modifiers]
    for modifier in said:
        if modifier not in {"all", "re", "cased", *_PARTS, *_FLAGS, *_WRITTEN}:
            raise NotImportable(f"the modifier {modifier!r} needs a field")
    _of_values("a keyword", said, values)
    return said


def _of_values(what: str, said: Sequence[str], values: Sequence[object]) -> None:
    for modifier in said:
        others = {other for other in said if other != modifier} - {"all", "neq"}
        if modifier in _WITH and (odd := sorted(others - _WITH[modifier])):
            raise NotImportable(f"the modifiers {modifier!r} and {odd[0]!r} of {what} do not go together")
        if modifier in _FLAGS and "re" not in said:
            raise NotImportable(f"the modifier {modifier!r} of {what} belongs to 're'")
    if len(_PARTS & set(said)) > 1:
        raise NotImportable(f"the modifiers {' and '.join(sorted(_PARTS & set(said)))} of {what} do not go together")
    if not values:
        raise NotImportable(f"{what} has an empty list of values")
    for value in values:
        if isinstance(value, (dict, list, tuple)):
            raise NotImportable(f"a value of {what} is no text or number but {value!r:.60}")
        if value is None and set(said) - {"all", "neq", "cased"}:
            raise NotImportable(f"{what} has null as a value, which {said[0]!r} has no meaning for")
