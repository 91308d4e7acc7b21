"""Values of Sigma's detections, their wildcards and modifiers, as tests on one field of an event.

Read as https://sigmahq.io/docs/basics/modifiers.html and the specification's modifiers appendix (2.1) say: values are compared as
text without regard to case, `*` and `?` are wildcards, and several values are alternatives unless `all` is said.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Sequence

from rules.cel import CelFailure
from rules.cel.patterns import search
from rules.cel.strings import small
from rules.cel.written import both, constant, either, negated, text
from rules.importers.sheet import NotImportable
from rules.importers.sigma_modifiers import ENCODINGS, NUMBERS, TIMES, checked, checked_anywhere
from rules.importers.sigma_patterns import (
    Wild,
    as_bytes,
    dashes,
    merged,
    offsets,
    pattern_of,
    without_placeholders,
    written_of,
)
from rules.importers.sigma_places import ITEM, Anywhere, Place

_MOMENT = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
_SECONDS = "^[0-9]{5,11}([.][0-9]+)?$"
_MILLIS = "^[0-9]{12,14}([.][0-9]+)?$"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = f"^({_OCTET}[.]){{3}}{_OCTET}$"
_V6_WHOLE = "^([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$"
_V6_SHORT = "^([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,5})?::([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,5})?$"
_DECIMAL = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$"


def field_test(field: str, modifiers: Sequence[str], values: Sequence[object]) -> str:
    """The test of a field with its modifiers and values, which no missing or strange field makes fail. Raises NotImportable."""
    said = checked(field, modifiers, values)
    place = Place(field)
    if "exists" in said:
        return either(place.exists if _is_true(field, value) else negated(place.exists) for value in values)
    if "all" in said:
        met = both(_one(place, said, value) for value in values)
    else:
        met = _alternatives(place, said, values) or either(_one(place, said, value) for value in values)
    return both([place.exists, negated(met)]) if "neq" in said else met


def keyword_test(modifiers: Sequence[str], values: Sequence[object]) -> str:
    """The test that words stand anywhere in the event: one of them, or with `all` each. Raises NotImportable."""
    said = checked_anywhere(modifiers, values)
    if not {"re", "startswith", "endswith", "contains"} & set(said):
        said = [*said, "contains"]
    tests = [_one(Anywhere(), said, value) for value in values if value is not None]
    return both(tests) if "all" in modifiers else _alternatives(Anywhere(), said, values) or either(tests)


def _alternatives(place: Place, said: Sequence[str], values: Sequence[object]) -> str:
    """Several texts or patterns, of which one must be met: one look at the field for all of them; empty where they are something else."""
    if any(value is None for value in values) or {"cidr", "fieldref", *NUMBERS, *TIMES} & set(said):
        return ""
    if "re" in said:
        return place.any(either(_regex(place.name, said, str(value)) for value in values))
    patterns = [pattern for value in values for pattern in _patterns(said, value)]
    shapes = [_shape(pattern) for pattern in patterns]
    if "*" in shapes:
        return place.filled
    literals = "".join(part for pattern in patterns for part in pattern if not isinstance(part, Wild))
    # What has no letters needs no look at small ones, and can be looked up.
    cased = "cased" in said or literals.lower() == literals.upper()
    plain = [pattern[0] for pattern, shape in zip(patterns, shapes, strict=True) if shape == "t"]
    exact = list(dict.fromkeys(one if cased else small(one) for one in plain))
    tests = [f"{ITEM} in {constant(exact)}"] if len(exact) > 1 else [f"{ITEM} == {text(one)}" for one in exact]
    others = [
        _matching(pattern, shape, cased=cased) for pattern, shape in zip(patterns, shapes, strict=True) if shape != "t"
    ]
    return place.any(either([*tests, *others]), lowered=not cased)


def _one(place: Place, said: Sequence[str], value: object) -> str:
    if value is None:
        return place.empty
    if "fieldref" in said:
        return _referring(place, said, str(value))
    if "cidr" in said:
        return _network(place, str(value))
    if parts := [modifier for modifier in said if modifier in TIMES]:
        return _calendar(place, parts[0], said, value)
    if operators := [NUMBERS[modifier] for modifier in said if modifier in NUMBERS]:
        return place.any(f"{ITEM}.matches({text(_DECIMAL)}) && double({ITEM}) {operators[0]} {_number(place, value)}")
    return _alternatives(place, said, [value])


_ANY = [Wild("*")]


def _shape(pattern: Sequence[str]) -> str:
    """Its wildcards, with `t` for each text."""
    return "".join(str(part) if isinstance(part, Wild) else "t" for part in pattern)


def _patterns(said: Sequence[str], value: object) -> list[list[str]]:
    """The pieces of a value, in each of the ways in which its modifiers write it."""
    written: list[str | bytes] = [*written_of(value)]
    if "expand" in said:
        written = [without_placeholders(str(one)) for one in written]
    encodes = "base64" in said or "base64offset" in said
    modifiers = set(said)
    if "base64offset" in said and not {"startswith", "endswith"} & modifiers:
        # What stays the same wherever it begins is a part of what is encoded.
        modifiers.add("contains")
    encoded = False
    for modifier in said:
        match modifier:
            case "windash" if encodes:
                written = [other for one in written for other in dashes(str(one))]
            case "base64":
                written, encoded = [base64.b64encode(as_bytes(one)).decode() for one in written], True
            case "base64offset":
                written, encoded = [other for one in written for other in offsets(as_bytes(one))], True
            case name if name in ENCODINGS:
                written = [as_bytes(one, ENCODINGS[name]) for one in written]
    before = _ANY if {"contains", "endswith"} & modifiers else []
    after = _ANY if {"contains", "startswith"} & modifiers else []
    found = []
    for one in written:
        plain = one.decode("latin-1") if isinstance(one, bytes) else one
        inner = (
            [plain]
            if encoded or isinstance(one, bytes)
            else pattern_of(plain, dashes="windash" in said and not encodes)
        )
        found.append(merged([*before, *inner, *after]))
    return found


def _matching(parts: list[str], shape: str, *, cased: bool) -> str:
    literal = "".join(part for part in parts if not isinstance(part, Wild))
    literal = literal if cased else small(literal)
    simple = {"t*": "{}.startsWith({})", "*t": "{}.endsWith({})", "*t*": "{}.contains({})"}
    if shape in simple:
        return simple[shape].format(ITEM, text(literal))
    start, end = "" if shape[0] == "*" else "^", "" if shape[-1] == "*" else "$"
    inner = parts[0 if start else 1 : len(parts) if end else -1]
    wild = {"*": ".*", "?": ".", "-": "[-/–—―]"}  # noqa: RUF001 (the dashes the specification names)
    body = "".join(
        wild[part] if isinstance(part, Wild) else re.escape(part if cased else small(part)) for part in inner
    )
    pattern = f"(?s){start}{body}{end}"
    _accepted("a value", pattern)
    return f"{ITEM}.matches({text(pattern)})"


def _regex(name: str, said: Sequence[str], pattern: str) -> str:
    flags = "".join(flag for flag in "ims" if flag in said)
    start, end = "^" if "startswith" in said else "", "$" if "endswith" in said else ""
    written = f"{start}(?:{pattern}){end}" if start or end else pattern
    written = f"(?{flags}){written}" if flags else written
    _accepted(repr(name), written)
    return f"{ITEM}.matches({text(written)})"


def _accepted(what: str, pattern: str) -> None:
    try:
        search(pattern)
    except CelFailure as failure:
        raise NotImportable(f"{what}: {failure.message}") from None


def _network(place: Place, block: str) -> str:
    try:
        network = ipaddress.ip_network(block, strict=False)
    except ValueError as error:
        raise NotImportable(f"{place.name!r}: {error}") from None
    looks = [_V4] if network.version == 4 else [_V6_WHOLE, _V6_SHORT]
    guard = either(f"{ITEM}.matches({text(pattern)})" for pattern in looks)
    return place.any(both([guard, f'cidr({ITEM}, "{network}")']))


def _referring(place: Place, said: Sequence[str], name: str) -> str:
    call = {"startswith": "startsWith", "endswith": "endsWith", "contains": "contains"}
    lowered = "cased" not in said
    found = [call[modifier] for modifier in call if modifier in said]
    test = f"{ITEM}.{found[0]}(other)" if found else f"{ITEM} == other"
    return place.any(Place(name).any(test, lowered=lowered, item="other"), lowered=lowered)


def _calendar(place: Place, part: str, said: Sequence[str], value: object) -> str:
    """A part of a time: RFC 3339, which without a zone is that of UTC; or seconds, or so many of them that they are milliseconds."""
    operator = next((NUMBERS[each] for each in NUMBERS if each in said), "==")
    zoned = f'timestamp({ITEM}.replace(" ", "T") + ({ITEM}.matches("(Z|[+-][0-9:]{{5}})$") ? "" : "Z"))'
    moments = {
        _MOMENT: zoned,
        _SECONDS: f"timestamp(int(double({ITEM})))",
        _MILLIS: f"timestamp(int(double({ITEM}) / 1000.0))",
    }
    number = _number(place, value)
    tests = []
    for pattern, moment in moments.items():
        if part == "week":
            # The week of a day is the one that its Thursday has in the year.
            to_thursday = f'duration(string((3 - ({moment}.getDayOfWeek() + 6) % 7) * 24) + "h")'
            found = f"({moment} + {to_thursday}).getDayOfYear() / 7 + 1"
        else:
            found = f"{moment}.{TIMES[part]}"
        tests.append(f"{ITEM}.matches({text(pattern)}) && double({found}) {operator} {number}")
    return place.any(either(f"({test})" for test in tests))


def _number(place: Place, value: object) -> str:
    try:
        if isinstance(value, bool):
            raise ValueError
        return constant(float(str(value)))
    except ValueError:
        raise NotImportable(f"{place.name!r} is compared with a number, found {value!r:.60}") from None


def _is_true(field: str, value: object) -> bool:
    if str(value).lower() in ("true", "yes"):
        return True
    if str(value).lower() in ("false", "no"):
        return False
    raise NotImportable(f"whether {field!r} exists is said by true or false, found {value!r:.60}")
