"""Secrets leave a record here: known shapes of them become `[secret:KIND:8hex]`, the same token for the same secret.

The token is a keyed hash (HMAC-SHA256 under a key of this installation), so equal secrets stay equal and nobody without the key
can test a guess. What is recognised is the table in `processors.ingest.shapes`, and the fields it knows by name.

A secret of no known shape, in no field of a telling name, stays. So does a password that is short of its end: an unquoted value
ends at white space, a quote, `&`, `,` or `;`.
"""

import hashlib
import hmac
from typing import Any

import re2
from pydantic_core import from_json, to_json

from processors.ingest.shapes import FIELD_HINT, SHAPES, field_kind

_TOKEN = rb"\[secret:[a-z_]+:[0-9a-f]{8}\]"
_MASKS = frozenset(
    {"[Filtered]", "[REDACTED]", "[redacted]", "<redacted>", "REDACTED", "***", "null", "None", "none", "true", "false"}
)
_WORDS = frozenset(
    b"incorrect invalid expired required wrong missing null none nil true false undefined empty unset not is was are must has"
    b" for of and or should cannot mismatch failed rejected denied".split()
)
_UNTOUCHED = frozenset({"id", "schema_version", "trace", "received_at", "occurred_at"})
"""Fields of a record that Tocsin itself makes."""
_ANY = re2._Anchor.UNANCHORED


def _compiled(pattern: str, *, captures: bool) -> Any:
    options = re2.Options()
    options.encoding = (
        re2.Options.Encoding.LATIN1
    )  # patterns are ASCII; bytes above it belong to values, whatever they spell
    options.max_mem = 64 << 20
    options.never_capture = not captures
    # The wrapper's search() builds a Match through a generator; the object below it answers in a third of the time.
    return re2.compile(pattern.encode(), options)._regexp


_HINTS = "|".join(dict.fromkeys([*(shape.hint for shape in SHAPES if shape.hint), FIELD_HINT]))
_HINT = _compiled(_HINTS, captures=False)
_ALL = _compiled(f"({_TOKEN.decode()})|" + "|".join(shape.pattern for shape in SHAPES), captures=True)
_WHOLE_TOKEN = _compiled(_TOKEN.decode(), captures=False)


class Redactor:
    """Replaces secrets under one installation's key. Pure: the same text under the same key gives the same text.

    All methods are idempotent, and give back the very object they were given when there is nothing to replace.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError(
                f"the redaction key has {len(key)} bytes, expected at least 16; make one with `os.urandom(32)`"
            )
        self._key = key

    def suspects(self, encoded: bytes) -> bool:
        """Whether this JSON may hold a secret: one scan. False is certain; True is worth a closer look."""
        return bool(_HINT.Match(_ANY, encoded, 0, len(encoded))[0][0] != -1)

    def record(self, encoded: bytes) -> bytes:
        """A record's JSON without its secrets; what Tocsin itself computed (`id`, `trace`, times) is left alone.

        Raises ValueError when it is not JSON, or nested deeper than the reader allows.
        """
        if not self.suspects(encoded):
            return encoded
        before = from_json(encoded)
        after = {name: value if name in _UNTOUCHED else self._value(value, name) for name, value in before.items()}
        return encoded if all(after[name] is before[name] for name in before) else to_json(after)

    def text(self, text: str) -> str:
        """Text without its secrets."""
        if len(text) < 6:
            return text
        before = text.encode("utf-8", "surrogatepass")
        after = self.content(before)
        return text if after is before else after.decode("utf-8", "surrogatepass")

    def content(self, content: bytes, *, cards: bool = True) -> bytes:
        """Bytes of any encoding that ASCII is part of, without their secrets."""
        if not self.suspects(
            content
        ):  # hints hold in plain text as well, and cost a tenth of looking for what they hint at
            return content
        while True:
            # Until nothing is left: a replacement can make a word boundary that was none. Each round has fewer bytes outside of
            # tokens than the one before, so it ends.
            replaced = self._once(content, cards)
            if replaced is content:
                return content
            content = replaced

    def token(self, kind: str, secret: bytes) -> bytes:
        """What stands for a secret."""
        return b"[secret:%b:%b]" % (kind.encode(), hmac.new(self._key, secret, hashlib.sha256).hexdigest()[:8].encode())

    def _once(self, content: bytes, cards: bool) -> bytes:
        pieces: list[bytes] = []
        done = position = 0
        while True:
            spans = _ALL.Match(_ANY, content, position, len(content))
            if spans[0][0] == -1:
                break
            start, end, index = next((low, high, number) for number, (low, high) in enumerate(spans[1:]) if low != -1)
            if index == 0:
                position = end
                continue
            shape = SHAPES[index - 1]
            secret = content[start:end]
            if not plausible(shape.check, content, spans[0][0], start, end, cards=cards):
                position = max(start, spans[0][0] + 1)  # a secret may begin inside of what was no secret
                continue
            kind = shape.kind if shape.kind not in ("named", "option") else _named(content[spans[0][0] : start])
            pieces += (content[done:start], self.token(kind, secret))
            done = position = end
        return b"".join((*pieces, content[done:])) if pieces else content

    def _value(self, value: Any, name: str) -> Any:
        """The value of a field called `name`, or the value itself when nothing in it is secret."""
        match value:
            case str():
                kind = field_kind(name)
                if kind is not None and value.strip():
                    return self._whole(kind, value)
                if len(value) < 6:
                    return value
                before = value.encode("utf-8", "surrogatepass")
                after = self.content(before, cards=not _names_an_id(name))
                return value if after is before else after.decode("utf-8", "surrogatepass")
            case dict():
                return self._object(value, name)
            case list():
                return self._list(value, name)
            case bool() | None:
                return value
            case int() | float():
                kind = field_kind(name)
                return value if kind not in ("password", "card_number") else self._whole(kind, str(value))
            case _:
                return value

    def _object(self, value: dict[str, Any], name: str) -> dict[str, Any]:
        inherited = name if field_kind(name) is not None else None
        told = value.get(
            "name", value.get("key")
        )  # {"key": "password", "value": ...}, as OpenTelemetry and HAR write fields
        telling = told if isinstance(told, str) and field_kind(told) is not None else None
        after: dict[str, Any] = {}
        same = True
        for key, inner in value.items():
            by = inherited or (telling if telling is not None and key not in ("name", "key") else key)
            new, named = self._value(inner, by), self.text(key)
            same = same and new is inner and named is key
            after[named] = new
        return value if same else after

    def _list(self, value: list[Any], name: str) -> list[Any]:
        match value:
            case [str(told), inner] if field_kind(told) is not None and field_kind(name) is None:
                new = self._value(inner, told)  # ["Authorization", "Bearer ..."], as Sentry writes headers
                return value if new is inner else [told, new]
            case _:
                after = [self._value(inner, name) for inner in value]
                return value if all(new is old for new, old in zip(after, value, strict=True)) else after

    def _whole(self, kind: str, value: str) -> str:
        if value in _MASKS or not value.strip("*x•"):
            return value
        content = value.encode("utf-8", "surrogatepass")
        return value if _is_token(content) else self.token(kind, content).decode()


def plausible(check: str, content: bytes, begin: int, start: int, end: int, *, cards: bool = True) -> bool:
    """Whether `content[start:end]`, of a match that begins at `begin`, is a secret by what its pattern cannot say.

    - every shape: it is not a token of ours, nor a mask
    - dense: it has a digit, or 20 characters and more
    - assigned (`name=value`): it is no word such as `null`
    - loose (`name: value`, `name = value`): after a word for a password anything but a common word or an expression in code;
      after `token`, `secret`, `key` at least 8 characters, one of them a digit
    - card: Luhn's sum is right, it is no part of a path or a longer word, and the field is not one that holds an id
    """
    secret = content[start:end]
    if _is_token(secret) or not secret.strip(b"*"):
        return False
    match check:
        case "":
            return secret.decode("latin-1") not in _MASKS
        case "dense":
            return len(secret) >= 20 or (len(secret) >= 8 and any(48 <= byte <= 57 for byte in secret))
        case "assigned":
            return secret.decode("latin-1") not in _MASKS
        case "loose":
            if _named(content[begin:start]) == "password":
                bare = secret.strip(b".!?)]}").lower()
                return bare not in _WORDS and bare != b"" and b"(" not in secret
            return len(secret) >= 8 and b"(" not in secret and any(48 <= byte <= 57 for byte in secret)
        case "card":
            before, after = content[start - 1 : start], content[end : end + 1]
            return cards and before not in (b"/", b".", b"-", b"+") and after not in (b"/", b"-") and _luhn(secret)
        case _:
            raise ValueError(f"{check!r} is no check of a shape")


def _is_token(content: bytes) -> bool:
    spans = _WHOLE_TOKEN.Match(re2._Anchor.ANCHOR_BOTH, content, 0, len(content))
    return bool(spans[0][0] != -1)


def _named(lead: bytes) -> str:
    """The kind of a `name=` or `--name`, by the name."""
    name = lead.decode("latin-1").strip(" \t\r\n:=>\\\"'-").removesuffix("%3D").removesuffix("%3d")
    return field_kind(name) or "password"


def _names_an_id(name: str) -> bool:
    plain = name.lower()
    return plain in ("project", "organization", "issue", "number") or plain.endswith(("id", "ids"))


def _luhn(digits: bytes) -> bool:
    numbers = [byte - 48 for byte in digits if 48 <= byte <= 57][::-1]
    doubled = (sum(divmod(2 * number, 10)) for number in numbers[1::2])
    return len(set(numbers)) > 1 and (sum(numbers[::2]) + sum(doubled)) % 10 == 0
