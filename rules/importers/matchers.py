"""Alertmanager's matchers as conditions: a label that is not there is the empty text, and a regular expression matches the whole value.

Read as https://prometheus.io/docs/alerting/latest/configuration/#matcher says, quoted label names (UTF-8) included.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from rules.cel import CelFailure
from rules.cel.patterns import search
from rules.cel.written import below, both, either, negated, present, text
from rules.importers.sheet import NotImportable, mapping, texts

_SPACE = r"[\t\n\f\r ]*"
_CLASSIC = re.compile(rf"{_SPACE}([A-Za-z_:][A-Za-z0-9_:]*){_SPACE}(=~|=|!=|!~){_SPACE}(.*?){_SPACE}", re.DOTALL)
"""What the older of Alertmanager's two parsers takes, which decides wherever it takes a whole line."""
_NAME = r"""(?:[^\s{}!=~,"'`\\]+|"(?:[^"\\]|\\.)*")"""
_ONE = re.compile(rf'\s*({_NAME})\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^",{{}}]*?)\s*(?:,|$)', re.DOTALL)
_ESCAPE = re.compile(
    r"""\\(?:([abfnrtv\\"])|([0-7]{3})|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.?))""", re.DOTALL
)
_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_OPEN = re.compile(r'((?:[^"\\]|\\.)*\\?)("?)', re.DOTALL)
"""A value and the quote that closes it, if one does."""
_PLAIN = re.compile(r"[A-Za-z0-9 _/:@=%#,'\"<>~;!-]*")


@dataclass(frozen=True, slots=True)
class Matcher:
    name: str
    operator: str
    value: str

    @property
    def condition(self) -> str:
        """The matcher over a signal's labels. Raises NotImportable for a pattern that RE2 refuses."""
        field, has = below("labels", self.name), present("labels", self.name)
        match self.operator:
            case "=":
                return f"{field} == {text(self.value)}" if self.value else _absent(field, has)
            case "!=":
                return either([negated(has), f"{field} != {text(self.value)}"]) if self.value else _there(field, has)
        found, empty = self.pattern(field)
        if self.operator == "=~":
            return either([negated(has), found]) if empty else found
        return both([has, negated(found)]) if empty else either([negated(has), negated(found)])

    def pattern(self, field: str) -> tuple[str, bool]:
        """The test of the pattern on a label that is there, and whether it matches the empty text."""
        try:
            empty = search(f"^(?:{self.value})$")("")
        except CelFailure as failure:
            raise NotImportable(f"the matcher {self}: {failure.message}") from None
        if self.value in (".*", ".+"):
            return ("true" if self.value == ".*" else f'{field} != ""'), empty
        parts = self.value.split("|")
        if all(_PLAIN.fullmatch(part) for part in parts):
            if len(parts) == 1:
                return f"{field} == {text(self.value)}", empty
            return f"{field} in [{', '.join(map(text, dict.fromkeys(parts)))}]", empty
        return f"{field}.matches({text(f'^(?:{self.value})$')})", empty

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"


def _absent(field: str, has: str) -> str:
    return either([negated(has), f'{field} == ""'])


def _there(field: str, has: str) -> str:
    return both([has, f'{field} != ""'])


def read(line: str) -> list[Matcher]:
    """The matchers of one text: one of them, or several in braces. Raises NotImportable."""
    if (classic := _classic(line)) is not None:
        return classic
    body = line.strip()
    if body.startswith("{"):
        if not body.endswith("}"):
            raise NotImportable(f"the matchers {line!r} begin with a brace and do not end with one")
        body = body[1:-1]
    found: list[Matcher] = []
    at = 0
    while at < len(body.rstrip()):
        match = _ONE.match(body, at)
        if match is None:
            raise NotImportable(f'{line!r} is no matcher; expected one such as severity="critical" or job=~"api|web"')
        found.append(Matcher(_unquoted(match[1]), match[2], _unquoted(match[3])))
        at = match.end()
    return found


def _classic(line: str) -> list[Matcher] | None:
    """The matchers as the older parser reads them; None for a line that it does not take. Braces need not be in pairs there."""
    found = []
    for token in _tokens(line.removeprefix("{").removesuffix("}")):
        match = _CLASSIC.fullmatch(token)
        value = _classic_value(match[3]) if match is not None else None
        if match is None or value is None or (match[2].endswith("~") and not _is_pattern(value)):
            return None
        found.append(Matcher(match[1], match[2], value))
    return found


def _is_pattern(value: str) -> bool:
    try:
        search(f"^(?:{value})$")
    except CelFailure:
        return False
    return True


def _tokens(text: str) -> list[str]:
    """What stands between commas that are not in quotes; nothing after the last one is none."""
    tokens, token, quoted, escaped = [], "", False, False
    for character in text:
        if character == "," and not quoted:
            tokens.append(token)
            token = ""
            continue
        if character == '"':
            quoted ^= not escaped
            escaped = False
        elif character == "\\":
            escaped = not escaped
        elif character != ",":
            escaped = False
        token += character
    return [*tokens, token] if token.strip() else tokens


def _classic_value(raw: str) -> str | None:
    """A value with three escapes, anything else behind a backslash as it is; None where quotes are not in order."""
    quoted = raw.startswith('"')
    inner = _OPEN.fullmatch(raw[1:] if quoted else raw)
    if inner is None or bool(inner[2]) is not quoted:
        return None
    return re.sub(r'\\([\\"n])', lambda found: "\n" if found[1] == "n" else found[1], inner[1])


def _unquoted(value: str) -> str:
    """What stands in quotes, with the escapes of Go, as the newer parser has it."""
    if not value.startswith('"'):
        return value

    def meant(found: re.Match[str]) -> str:
        if found[1]:
            return _NAMED[found[1]]
        if found[6] is not None:
            raise NotImportable(f"{value} has an escape that texts beside such names do not know: {found[0]!r}")
        code = int(found[2], 8) if found[2] else int(found[3] or found[4] or found[5], 16)
        return chr(code)

    return _ESCAPE.sub(meant, value[1:-1])


def of_node(
    node: dict[str, Any], lists: tuple[str, ...], plain: tuple[str, ...], patterns: tuple[str, ...]
) -> list[Matcher]:
    """All matchers of a route or one side of an inhibition: the list's, and those of the older maps."""
    found = [matcher for key in lists for line in texts(node.get(key)) for matcher in read(line)]
    for keys, operator in ((plain, "="), (patterns, "=~")):
        for key in keys:
            found += [
                Matcher(name, operator, _text(value)) for name, value in mapping(node.get(key) or {}, key).items()
            ]
    return found


def _text(value: object) -> str:
    """A value as the file has it; YAML reads some of them as something else."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def condition(matchers: list[Matcher]) -> str:
    """All of them at once."""
    return both(matcher.condition for matcher in matchers)


def silence(matchers: list[Any]) -> str:
    """The condition of a silence as the API has it: `name`, `value`, `isRegex`, `isEqual`."""
    found = []
    for each in matchers:
        given = mapping(each, "a silence's matcher")
        operator = ("=" if given.get("isEqual", True) else "!") + ("~" if given.get("isRegex") else "=")
        operator = {"==": "=", "!=": "!=", "=~": "=~", "!~": "!~"}[operator]
        found.append(Matcher(str(given.get("name")), operator, str(given.get("value", ""))))
    return condition(found)
