"""Values of Sigma's detections, their wildcards and modifiers, as tests on one field of an event.

Read as https://sigmahq.io/docs/basics/modifiers.html and the specification's modifiers appendix (2.1) say: values are compared as
text without regard to case, `*` and `?` are wildcards, and several values are alternatives unless `all` is said.
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rules.cel import CelFailure
from rules.cel.patterns import search
from rules.cel.written import below, both, bracketed, constant, either, negated, present, text
from rules.importers.sheet import NotImportable

_SCALARS = "[string, int, uint, double, bool]"
_NUMBERS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_DASHES = ("-", "/", "–", "—", "―")  # noqa: RUF001 (the dashes the specification names)
_DASH = re.compile(r"\B[-/]\b")
_TIMES = {
    "minute": "getMinutes()", "hour": "getHours()", "day": "getDate()", "month": "getMonth() + 1", "year": "getFullYear()",
}  # fmt: skip
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
    | {"base64", "base64offset", "expand", "week", *_NUMBERS, *_TIMES, *_ENCODINGS}
)
_DECIMAL = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"
_MOST_PERMUTATIONS = 125


@dataclass(frozen=True, slots=True)
class Place:
    """A field of the event by its dotted name, which may be one key with dots or keys below keys."""

    name: str

    @property
    def value(self) -> str:
        parts = self.name.split(".")
        if len(parts) == 1:
            return below("raw", self.name)
        return f"({text(self.name)} in raw ? {below('raw', self.name)} : {below('raw', *parts)})"

    @property
    def there(self) -> str:
        parts = self.name.split(".")
        if len(parts) == 1:
            return present("raw", self.name)
        return bracketed(either([f"{text(self.name)} in raw", present("raw", *parts)]))


@dataclass(frozen=True, slots=True)
class Test:
    """A test on a field. Where the field is missing or of another kind it fails; `total` is false there instead, for use under a `not`."""

    plain: str
    guard: str = "true"

    @property
    def total(self) -> str:
        return both([part for part in (self.guard, self.plain) if part != "true"])


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


def _alternatives(place: Place, modifiers: Sequence[str], values: Sequence[object]) -> Test | None:
    """Several plain values, of which the field is one: a list reads better than as many comparisons."""
    patterns = [_pattern(value) for value in values if value is not None]
    if list(modifiers) not in ([], ["cased"]) or len(patterns) < len(values):
        return None
    if any(len(pattern) > 1 or isinstance(pattern[0], Wild) or not pattern[0].isascii() for pattern in patterns):
        return None
    cased = "cased" in modifiers
    found = [pattern[0] if cased else pattern[0].lower() for pattern in patterns]
    return Test(f"{_subject(place.value, cased=cased)} in {constant(list(dict.fromkeys(found)))}", _scalar(place))


class Wild(str):
    """A wildcard in a pattern, as opposed to the character."""

    __slots__ = ()


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
    if "week" in said:
        raise NotImportable(f"{place.name!r}: the week of a date is not a function of conditions")
    if operators := said & set(_NUMBERS):
        written = f"double({place.value}) {_NUMBERS[operators.pop()]} {constant(float(str(value)))}"
        return Test(written, f"{_scalar(place)} && string({place.value}).matches({text(_DECIMAL)})")
    return _textual(place, modifiers, value)


def _textual(place: Place, modifiers: Sequence[str], value: object) -> Test:
    written: list[str | bytes] = [str(value).lower() if isinstance(value, bool) else str(value)]
    encoded = False
    for modifier in modifiers:
        match modifier:
            case "windash":
                written = [other for one in written for other in _dashes(str(one))]
            case "base64":
                written, encoded = [base64.b64encode(_bytes(one)).decode() for one in written], True
            case "base64offset":
                written, encoded = [other for one in written for other in _offsets(_bytes(one))], True
            case name if name in _ENCODINGS:
                written = [str(one).encode(_ENCODINGS[name]) for one in written]
    before = [Wild("*")] if {"contains", "endswith"} & set(modifiers) else []
    after = [Wild("*")] if {"contains", "startswith"} & set(modifiers) else []
    tests = []
    for one in written:
        plain = one.decode("latin-1") if isinstance(one, bytes) else one
        inner = [plain] if encoded or isinstance(one, bytes) else _pattern(plain)
        tests.append(_matching(place, _merged([*before, *inner, *after]), cased="cased" in modifiers or encoded))
    return Test(either(each.plain for each in tests), tests[0].guard)


def _pattern(value: object) -> list[str]:
    """The pieces of a value: text, and wildcards. A backslash takes the meaning of a wildcard or backslash behind it away."""
    source = str(value).lower() if isinstance(value, bool) else str(value)
    parts: list[str] = []
    at = 0
    while at < len(source):
        character = source[at]
        at += 1
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


def _merged(parts: list[str]) -> list[str]:
    """Without wildcards beside each other, and without empty texts beside them."""
    kept: list[str] = []
    for part in parts:
        if (isinstance(part, Wild) and part == "*" and kept and isinstance(kept[-1], Wild) and kept[-1] == "*") or (
            part == "" and len(parts) > 1
        ):
            continue
        kept.append(part)
    return kept


def _matching(place: Place, parts: list[str], *, cased: bool) -> Test:
    subject = _subject(place.value, cased=cased)
    shape = "".join(str(part) if isinstance(part, Wild) else "t" for part in parts)
    literal = "".join(part for part in parts if not isinstance(part, Wild))
    simple = {"t": "{} == {}", "t*": "{}.startsWith({})", "*t": "{}.endsWith({})", "*t*": "{}.contains({})"}
    if shape == "*":
        return Test(place.there)
    if shape in simple and (cased or literal.isascii()):
        return Test(simple[shape].format(subject, text(literal if cased else literal.lower())), _scalar(place))
    wild = {"*": ".*", "?": "."}
    body = "".join(wild[part] if isinstance(part, Wild) else re.escape(part) for part in parts)
    pattern = f"(?{'' if cased else 'i'}s)^{body}$"
    return Test(f"string({place.value}).matches({text(pattern)})", _scalar(place))


def _subject(value: str, *, cased: bool) -> str:
    return f"string({value})" if cased else f"string({value}).lowerAscii()"


def _scalar(place: Place) -> str:
    return f"{place.there} && type({place.value}) in {_SCALARS}"


def _regex(place: Place, said: set[str], pattern: str) -> Test:
    flags = "".join(flag for flag in "ims" if flag in said)
    written = f"(?{flags}){pattern}" if flags else pattern
    try:
        search(written)
    except CelFailure as failure:
        raise NotImportable(f"{place.name!r}: {failure.message}") from None
    return Test(f"string({place.value}).matches({text(written)})", _scalar(place))


def _network(place: Place, block: str) -> Test:
    try:
        network = ipaddress.ip_network(block, strict=False)
    except ValueError as error:
        raise NotImportable(f"{place.name!r}: {error}") from None
    looks = f'string({place.value}).matches("^[0-9A-Fa-f:.]+$")'
    return Test(f'cidr(string({place.value}), "{network}")', both([_scalar(place), looks]))


def _referring(place: Place, said: set[str], name: str) -> Test:
    other = Place(name)
    mine, theirs = (_subject(each.value, cased="cased" in said) for each in (place, other))
    call: dict[str, str] = {"startswith": "startsWith", "endswith": "endsWith", "contains": "contains"}
    found = [call[modifier] for modifier in call if modifier in said]
    written = f"{mine}.{found[0]}({theirs})" if found else f"{mine} == {theirs}"
    return Test(written, both([_scalar(place), _scalar(other)]))


def _calendar(place: Place, part: str, said: set[str], value: object) -> Test:
    operator = next((_NUMBERS[each] for each in _NUMBERS if each in said), "==")
    written = f"timestamp({place.value}).{_TIMES[part]} {operator} {int(str(value))}"
    return Test(
        written,
        f'{place.there} && type({place.value}) == string && {place.value}.matches("^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T.*(Z|[+-][0-9:]{{5}})$")',
    )


def _dashes(value: str) -> list[str]:
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


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _offsets(value: bytes) -> list[str]:
    """What of the value's Base64 stays the same at each of the three places in which it may begin."""
    starts, ends = (0, 2, 3), (None, -3, -2)
    return [
        base64.b64encode(b" " * offset + value)[starts[offset] : ends[(len(value) + offset) % 3]].decode()
        for offset in range(3)
    ]
