"""Masking: personal data leaves every text before a model reads it, and comes back for the reader.

Equal values get equal tokens, numbered in the order in which they were met, so that a model can still see that two lines speak of one
user; the numbering depends on nothing else, so the same records give the same tokens on every worker. Names of people are masked where a field
says that one stands there, and from then on wherever they appear (see `people`).
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from processors.analyst.loop.people import People, is_person, plain_field

_TOKEN = re.compile(r"\[\[(?:email|ip|phone|card|iban|person|literal)-\d+\]\]")
_EMAIL = r"(?P<email>[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})"
_IP4 = r"(?P<ip4>(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]))"
_IP6 = r"(?P<ip6>(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}(?![\w:]))"
_IBAN = r"(?P<iban>\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b)"
_CARD = r"(?P<card>(?<![\d.-])(?:\d[ -]?){12,18}\d(?![\d.-]))"
_PHONE = r"(?P<phone>(?<![\w.])\+\d{1,3}[ /.-]?(?:\(?\d{1,5}\)?[ /.-]?){2,5}\d{2,}(?!\w))"
_SHAPES = re.compile(
    f"{_EMAIL}|{_IBAN}|{_PHONE}|{_CARD}|{_IP4}|{_IP6}|(?P<literal>{_TOKEN.pattern.replace('(?:', '(?:', 1)})"
)
_HINT = re.compile(r"@|\d{4}|\d\.\d|:[0-9A-Fa-f:]*:|\[\[|\+\d")
"""Cheap, and found in every text in which a shape is found."""
_PERSON = frozenset(
    {
        *("username", "fullname", "firstname", "lastname", "givenname", "familyname", "surname", "displayname"),
        *(
            "dateofbirth",
            "birthdate",
            "birthday",
            "ssn",
            "socialsecuritynumber",
            "passportnumber",
            "streetaddress",
            "postaladdress",
        ),
        *("customername", "customeremail", "phonenumber", "mobile", "telephone"),
    }
)
"""Fields that hold a person, whatever their value looks like; case, `_`, `-` and spaces do not count."""


class Mask:
    """The tokens of one investigation. `redact` takes secrets out first, for good."""

    def __init__(self, *, on: bool = True, redact: Callable[[str], str] | None = None) -> None:
        self._on, self._redact = on, redact
        self._tokens: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._people = People()

    def __len__(self) -> int:
        return len(self._values)

    def text(self, text: str) -> str:
        """Text a model may read."""
        if self._redact is not None:
            text = self._redact(text)
        if not self._on:
            return text
        if _HINT.search(text):
            text = _SHAPES.sub(self._found, text)
        return self._without_names(text)

    def value(self, value: Any, field: str = "") -> Any:
        """JSON a model may read; keys are left as they are. Who stands in it is met."""
        self.meet({field: value} if field else value)
        return self._value(value, field, person=False)

    def meet(self, value: Any) -> None:
        """Learn the names of the people in this JSON: from now on they are masked in every text."""
        if self._on:
            self._people.meet(value)

    def _without_names(self, text: str) -> str:
        """After the shapes: what stands in a mail address is part of it. No token holds a name."""
        parts, end = [], 0
        for start, stop in self._people.spans(text):
            parts += [text[end:start], self._token("person", text[start:stop])]
            end = stop
        text = "".join((*parts, text[end:])) if parts else text
        unspaced = self._people.unspaced
        return text if unspaced is None else unspaced.sub(lambda found: self._token("person", found[0]), text)

    def _value(self, value: Any, field: str, *, person: bool) -> Any:
        if isinstance(value, str):
            if self._on and value and self._is_name(value, field, person=person) and not _TOKEN.fullmatch(value):
                return self._token("person", value)
            return self.text(value)
        if isinstance(value, dict):
            here = is_person(field, value)
            return {key: self._value(each, str(key), person=here) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._value(each, field, person=person) for each in value]
        return value

    def _is_name(self, value: str, field: str, *, person: bool) -> bool:
        return plain_field(field) in _PERSON or self._people.holds(field, value, person=person)

    def reveal(self, text: str) -> str:
        """What a model wrote, with the values back in place; a token it made up stays as it is."""
        if "[[" not in text:
            return text
        return _TOKEN.sub(lambda found: self._values.get(found.group(), found.group()), text)

    def reveal_value(self, value: Any) -> Any:
        """The same for JSON."""
        if isinstance(value, str):
            return self.reveal(value)
        if isinstance(value, dict):
            return {key: self.reveal_value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.reveal_value(each) for each in value]
        return value

    def _found(self, found: re.Match[str]) -> str:
        kind, value = str(found.lastgroup), found.group()
        if kind in ("ip4", "ip6"):
            return self._token("ip", value) if _is_somebody_s(value) else value
        if (kind == "card" and not _is_card(value)) or (kind == "iban" and not _is_iban(value)):
            return value
        return self._token(kind, value)

    def _token(self, kind: str, value: str) -> str:
        known = self._tokens.get((kind, value))
        if known is not None:
            return known
        self._counts[kind] = number = self._counts.get(kind, 0) + 1
        token = f"[[{kind}-{number}]]"
        self._tokens[kind, value] = token
        self._values[token] = value
        return token


def _is_somebody_s(text: str) -> bool:
    """Addresses of our own networks say nothing about a person, and much about what failed."""
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def _is_card(text: str) -> bool:
    """Luhn's check, as ISO/IEC 7812 has it; and not the same digit all over."""
    digits = [int(char) for char in text if char.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """The check digits of ISO 13616."""
    plain = text.replace(" ", "")
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1
