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
from rules.cel.written import both, constant, either, negated, text
from rules.importers.sheet import NotImportable
from rules.importers.sigma_patterns import Wild, as_bytes, dashes, merged, offsets, pattern_of, written_of
from rules.importers.sigma_places import Anywhere, Place, Test

_NUMBERS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_TIMES = {
    "minute": "getMinutes()", "hour": "getHours()", "day": "getDate()", "month": "getMonth() + 1", "year": "getFullYear()", "week": "",
}  # fmt: skip
_MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$"
_ENCODINGS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16"}
_KNOWN = frozenset(
    {
        "all",
        "startswith",
        "endswith",
        "contains",
        "exists",
        "cased",
        "neq",
        "re",
        "i",
        "m",
        "s",
        "cidr",
        "fieldref",
        "windash",
    }
    | {"base64", "base64offset", "expand", *_NUMBERS, *_TIMES, *_ENCODINGS}
)
_ANYWHERE = frozenset(
    {
        "all",
        "re",
        "i",
        "m",
        "s",
        "cased",
        "contains",
        "startswith",
        "endswith",
        "windash",
        "base64",
        "base64offset",
        *_ENCODINGS,
    }
)
"""What may be said of keywords."""
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = f"^({_OCTET}[.]){{3}}{_OCTET}$"
_V6 = "^([0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}$"
_DECIMAL = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"


def field_test(field: str, modifiers: Sequence[str], values: Sequence[object]) -> Test:
    """The test of a field with its modifiers and values. Raises NotImportable."""
    for modifier in modifiers:
        if modifier not in _KNOWN:
            raise NotImportable(f"the modifier {modifier!r} of {field!r} is not known")
    if "expand" in modifiers:
        raise NotImportable(f"{field!r} takes placeholders; put the values in their place")
    place, said = Place(field), set(modifiers)
    tests = [_one(place, modifiers, value) for value in values] or [Test("false")]
    if "neq" in said:
        return Test(both([place.there, *(negated(each.total) for each in tests)]))
    if (whole := _whole_numbers(place, modifiers, values)) is not None:
        return whole
    if (
        len(tests) > 1
        and not said & {"all", "re", "cidr", "fieldref", "exists"}
        and (same := _alternatives(place, modifiers, values))
    ):
        return same
    plain = (both if "all" in said else either)(each.plain for each in tests)
    guards = {each.guard for each in tests}
    if len(guards) == 1:
        return Test(plain, guards.pop())
    return Test(
        plain if "all" in said else either(each.total for each in tests), both(guards) if "all" in said else "true"
    )


def keyword_test(modifiers: Sequence[str], values: Sequence[object]) -> str:
    """The test that words stand anywhere in the event: one of them, or with `all` each. Raises NotImportable."""
    for modifier in modifiers:
        if modifier not in _ANYWHERE:
            raise NotImportable(f"the modifier {modifier!r} needs a field")
    said = [*modifiers, *([] if {"re", "startswith", "endswith", "contains"} & set(modifiers) else ["contains"])]
    tests = [_one(Anywhere(), said, value).plain for value in values if value is not None]
    if "all" in modifiers:
        return both(f"texts([body, raw]).exists(each, {test})" for test in tests)
    return f"texts([body, raw]).exists(each, {either(tests)})"


def _whole_numbers(place: Place, modifiers: Sequence[str], values: Sequence[object]) -> Test | None:
    """Whole numbers, of which the field is one, as a number or as its text: what can be looked up without looking at each rule."""
    if list(modifiers) not in ([], ["cased"]) or not values or any(type(value) is not int for value in values):
        return None
    found = [written for value in dict.fromkeys(values) for written in (value, str(value))]
    return Test(f"{place.value} in {constant(found)}", place.there)


def _alternatives(place: Place, modifiers: Sequence[str], values: Sequence[object]) -> Test | None:
    """Several plain values, of which the field is one: a list reads better than as many comparisons."""
    patterns = [pattern_of(text) for value in values if value is not None for text in written_of(value)]
    if list(modifiers) not in ([], ["cased"]) or None in values:
        return None
    if any(len(pattern) > 1 or isinstance(pattern[0], Wild) or not pattern[0].isascii() for pattern in patterns):
        return None
    cased = "cased" in modifiers
    found = [pattern[0] if cased else pattern[0].lower() for pattern in patterns]
    return Test(f"{_subject(place, cased=cased)} in {constant(list(dict.fromkeys(found)))}", place.scalar)


def _one(place: Place, modifiers: Sequence[str], value: object) -> Test:
    said = set(modifiers)
    if "exists" in said:
        return Test(place.there if value is True or str(value).lower() == "true" else negated(place.there))
    if value is None:
        return Test(either([negated(place.there), f"{place.value} == null"]))
    if "fieldref" in said:
        return _referring(place, said, str(value))
    if "cidr" in said:
        return _network(place, str(value))
    if "re" in said:
        return _regex(place, said, str(value))
    if parts := said & set(_TIMES):
        return _calendar(place, parts.pop(), said, value)
    if operators := said & set(_NUMBERS):
        written = f"double({place.value}) {_NUMBERS[operators.pop()]} {constant(float(str(value)))}"
        return Test(written, f"{place.scalar} && {place.text}.matches({text(_DECIMAL)})")
    return _textual(place, modifiers, value)


def _textual(place: Place, modifiers: Sequence[str], value: object) -> Test:
    written: list[str | bytes] = [*written_of(value)]
    encoded = False
    if "base64offset" in modifiers and not {"startswith", "endswith"} & set(modifiers):
        # What stays the same wherever it begins is a part of what is encoded.
        modifiers = [*modifiers, "contains"]
    for modifier in modifiers:
        match modifier:
            case "windash":
                written = [other for one in written for other in dashes(str(one))]
            case "base64":
                written, encoded = [base64.b64encode(as_bytes(one)).decode() for one in written], True
            case "base64offset":
                written, encoded = [other for one in written for other in offsets(as_bytes(one))], True
            case name if name in _ENCODINGS:
                written = [as_bytes(one, _ENCODINGS[name]) for one in written]
    before = [Wild("*")] if {"contains", "endswith"} & set(modifiers) else []
    after = [Wild("*")] if {"contains", "startswith"} & set(modifiers) else []
    tests = []
    for one in written:
        plain = one.decode("latin-1") if isinstance(one, bytes) else one
        inner = [plain] if encoded or isinstance(one, bytes) else pattern_of(plain)
        tests.append(_matching(place, merged([*before, *inner, *after]), cased="cased" in modifiers or encoded))
    return Test(either(each.plain for each in tests), tests[0].guard)


def _matching(place: Place, parts: list[str], *, cased: bool) -> Test:
    subject = _subject(place, cased=cased)
    shape = "".join(str(part) if isinstance(part, Wild) else "t" for part in parts)
    literal = "".join(part for part in parts if not isinstance(part, Wild))
    simple = {"t": "{} == {}", "t*": "{}.startsWith({})", "*t": "{}.endsWith({})", "*t*": "{}.contains({})"}
    if shape == "*":
        return Test("true" if place.there == "true" else f"{place.value} != null", place.there)
    if shape in simple and (cased or literal.isascii()):
        return Test(simple[shape].format(subject, text(literal if cased else literal.lower())), place.scalar)
    wild = {"*": ".*", "?": "."}
    body = "".join(wild[part] if isinstance(part, Wild) else re.escape(part) for part in parts)
    pattern = f"(?{'' if cased else 'i'}s)^{body}$"
    return Test(f"{place.text}.matches({text(pattern)})", place.scalar)


def _subject(place: Place, *, cased: bool) -> str:
    return place.text if cased else f"{place.text}.lowerAscii()"


def _regex(place: Place, said: set[str], pattern: str) -> Test:
    flags = "".join(flag for flag in "ims" if flag in said)
    written = f"(?{flags}){pattern}" if flags else pattern
    try:
        search(written)
    except CelFailure as failure:
        raise NotImportable(f"{place.name!r}: {failure.message}") from None
    return Test(f"{place.text}.matches({text(written)})", place.scalar)


def _network(place: Place, block: str) -> Test:
    try:
        network = ipaddress.ip_network(block, strict=False)
    except ValueError as error:
        raise NotImportable(f"{place.name!r}: {error}") from None
    looks = f"{place.text}.matches({text(_V4 if network.version == 4 else _V6)})"
    return Test(f'cidr({place.text}, "{network}")', both([place.scalar, looks]))


def _referring(place: Place, said: set[str], name: str) -> Test:
    other = Place(name)
    mine, theirs = (_subject(each, cased="cased" in said) for each in (place, other))
    call: dict[str, str] = {"startswith": "startsWith", "endswith": "endsWith", "contains": "contains"}
    found = [call[modifier] for modifier in call if modifier in said]
    written = f"{mine}.{found[0]}({theirs})" if found else f"{mine} == {theirs}"
    return Test(written, both([place.scalar, other.scalar]))


def _calendar(place: Place, part: str, said: set[str], value: object) -> Test:
    """A part of a time: RFC 3339, which without a zone is that of UTC, or seconds."""
    operator = next((_NUMBERS[each] for each in _NUMBERS if each in said), "==")
    zoned = f'{place.value}.replace(" ", "T") + ({place.value}.matches("(Z|[+-][0-9:]{{5}})$") ? "" : "Z")'
    moment = f"timestamp(type({place.value}) == int ? {place.value} : {zoned})"
    if part == "week":
        # The week of a day is the one that its Thursday has in the year.
        to_thursday = f'duration(string((3 - ({moment}.getDayOfWeek() + 6) % 7) * 24) + "h")'
        found = f"({moment} + {to_thursday}).getDayOfYear() / 7 + 1"
    else:
        found = f"{moment}.{_TIMES[part]}"
    looks = f"type({place.value}) == string && {place.value}.matches({text(_MOMENT)})"
    return Test(f"{found} {operator} {int(str(value))}", f"{place.there} && (type({place.value}) == int || {looks})")
