"""Cuts the text of a condition into tokens (cel-spec doc/langdef.md, section Syntax)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rules.cel.faults import error_at
from rules.cel.values import INT_MIN, UINT_MAX, Uint

Kind = Literal["name", "quoted", "value", "mark", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    at: int
    value: object = None


_TOKEN = re.compile(
    r"""
      (?P<space>  [ \t\n\f\r]+ | //[^\n]* )
    | (?P<double> [0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)? | [0-9]+[eE][+-]?[0-9]+ | \.[0-9]+(?:[eE][+-]?[0-9]+)? )
    | (?P<int>    (?:0[xX][0-9a-fA-F]+|[0-9]+)[uU]? )
    | (?P<raw>    (?:[rR][bB]?|[bB][rR])(?:\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3}|\"[^\"\r\n]*\"|'[^'\r\n]*') )
    | (?P<text>   [bB]?(?:\"{3}(?s:(?:[^\\]|\\.)*?)\"{3}|'{3}(?s:(?:[^\\]|\\.)*?)'{3}
                  |\"(?:[^\"\\\r\n]|\\.)*\"|'(?:[^'\\\r\n]|\\.)*') )
    | (?P<name>   [A-Za-z_][A-Za-z0-9_]* )
    | (?P<quoted> `[A-Za-z0-9_.\-/ ]+` )
    | (?P<mark>   && | \|\| | [=!<>]= | [-+*/%<>!?:,.(){}\[\]] )
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:[xX](?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-3][0-7]{2})|(?P<c>[abfnrtv\\?\"'`])|(?P<bad>.|\Z))",
    re.DOTALL,
)
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def tokens(source: str) -> list[Token]:
    """All tokens, closed by one of kind "end"; raises CelError at the first character that begins none."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise error_at(source, [(at, _stray(source[at]))])
        text = match.group()
        if match.lastgroup != "space":
            found.append(_token(source, match.lastgroup or "", text, at))
        at = match.end()
    found.append(Token("end", "", len(source)))
    return found


def _stray(character: str) -> str:
    match character:
        case '"' | "'":
            return f"a string that begins with {character} is not closed on its line"
        case "`":
            return "a quoted field name is not closed, or holds more than letters, digits and _ . - / and space"
        case "&" | "|":
            return f"found {character!r}: the operators are '&&' and '||'"
        case "=":
            return "found '=': equality is '=='"
    return f"found {character!r}, which begins no word of the language"


def _token(source: str, group: str, text: str, at: int) -> Token:
    match group:
        case "double":
            return Token("value", text, at, float(text))
        case "int":
            return Token("value", text, at, _integer(source, text, at))
        case "raw" | "text":
            return Token("value", text, at, _string(source, text, at, raw=group == "raw"))
        case "quoted":
            return Token("quoted", text[1:-1], at)
        case "name":
            return Token("name", text, at)
    return Token("mark", text, at)


def _integer(source: str, text: str, at: int) -> int:
    unsigned = text[-1] in "uU"
    digits = text.rstrip("uU")
    if len(digits) > 25:
        raise error_at(source, [(at, f"the number {digits[:20] + '...'!r} is out of range")])
    number = int(digits, 16 if digits[:2] in ("0x", "0X") else 10)
    if unsigned:
        if number > UINT_MAX:
            raise error_at(source, [(at, f"{text!r} is out of range: the largest uint is {UINT_MAX}u")])
        return Uint(number)
    # One more than the largest int may stand here: the parser accepts it behind a minus alone.
    if number > -INT_MIN:
        raise error_at(source, [(at, f"{text!r} is out of range: an int has 64 bits")])
    return number


def _string(source: str, text: str, at: int, *, raw: bool) -> str | bytes:
    prefix = len(text) - len(text.lstrip("rRbB"))
    is_bytes = "b" in text[:prefix].lower()
    quote = 3 if text[prefix : prefix + 3] in ('"""', "'''") else 1
    body = text[prefix + quote : len(text) - quote]
    start = at + prefix + quote
    if raw:
        return body.encode("utf-8") if is_bytes else body
    parts: list[bytes] = []
    last = 0
    for match in _ESCAPE.finditer(body):
        parts.append(body[last : match.start()].encode("utf-8", "surrogatepass"))
        parts.append(_escape(source, match, start + match.start(), is_bytes=is_bytes))
        last = match.end()
    parts.append(body[last:].encode("utf-8", "surrogatepass"))
    joined = b"".join(parts)
    return joined if is_bytes else joined.decode("utf-8", "surrogatepass")


def _escape(source: str, match: re.Match[str], at: int, *, is_bytes: bool) -> bytes:
    group = match.lastgroup
    digits = match[group] if group else ""
    match group:
        case "c":
            return _CONTROL.get(digits, digits).encode()
        case "bad" | None:
            raise error_at(
                source,
                [(at, f"{match.group()!r} is no escape; write '\\\\' for a backslash, or a raw string r\"...\"")],
            )
        case "u" | "U" if is_bytes:
            raise error_at(
                source, [(at, f"{match.group()!r} is a character, not a byte; bytes take \\x.. and octal escapes")]
            )
    code = int(digits, 8 if group == "o" else 16)
    if is_bytes:
        return bytes((code,))
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise error_at(source, [(at, f"{match.group()!r} is not a Unicode character")])
    return chr(code).encode()
