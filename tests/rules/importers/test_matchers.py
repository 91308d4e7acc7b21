"""Alertmanager's matchers mean the same as conditions: an absent label is the empty text, patterns match the whole value."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import cel
from rules.fields import SCHEMA
from rules.importers.matchers import Matcher, condition, read, silence
from rules.importers.sheet import NotImportable

VALUES = ("", "a", "A", "ab", "warn", "warning", "a|b", "x y", "a.b", "1")
PATTERNS = ("", "a", ".*", ".+", "a|b", "a|zz", "warn.*", "(a|b)?", "a.b", "[ab]+", "|a", "a\\.b", "1|2|", "(?i:A)")


def says(operator: str, pattern: str, value: str) -> bool:
    """What Alertmanager's documentation says, in as many words."""
    match operator:
        case "=" | "!=":
            return (value == pattern) is (operator == "=")
    return bool(re2.fullmatch(pattern, value)) is (operator == "=~")


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(PATTERNS + VALUES),
    st.sampled_from([None, *VALUES]),
    st.sampled_from(["sev", "a-b", "in", "x.y"]),
)
def test_a_matcher_and_its_condition_agree(operator: str, pattern: str, value: str | None, name: str) -> None:
    loaded = cel.compile(Matcher(name, operator, pattern).condition, schema=SCHEMA)
    labels = {"other": "a"} if value is None else {name: value}
    assert loaded.matches({"labels": labels}) is says(operator, pattern, value or "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('severity="critical"', [("severity", "=", "critical")]),
        (' job =~ "api|web" ', [("job", "=~", "api|web")]),
        ("team=ops", [("team", "=", "ops")]),
        ('{a="1", b!~"x,y",}', [("a", "=", "1"), ("b", "!~", "x,y")]),
        ('"with space"="v"', [("with space", "=", "v")]),
        (r'a="quote \" back \\ line \n other \d"', [("a", "=", 'quote " back \\ line \n other \\d')]),
        ('nope=""', [("nope", "=", "")]),
        ("nope=", [("nope", "=", "")]),
        ("{}", []),
        # Where the older parser takes a line, it decides; what it does not take is read by the newer one.
        ("été=v", [("été", "=", "v")]),
        ("a.b=~v.*", [("a.b", "=~", "v.*")]),
        (r'a="\t\u00e9"', [("a", "=", r"\t\u00e9")]),
        (r'"a"="\t\u00e9\x41\101"', [("a", "=", "\té" + "AA")]),
        (r'"\"q\" 🙂"="v"', [('"q" 🙂', "=", "v")]),
        ("a='1'", [("a", "=", "'1'")]),
        ("a=x y", [("a", "=", "x y")]),
        # Braces need not be in pairs for the older one, and one that ends a line is none of the value.
        ('{a="b"', [("a", "=", "b")]),
        ("a=~[0-9]{2}", [("a", "=~", "[0-9]{2")]),
        ("a={x,b=y}", [("a", "=", "{x"), ("b", "=", "y")]),
        # It does not take a pattern that is none once its escapes are read.
        (r'a=~"\u00fc"', [("a", "=~", "ü")]),
    ],
)
def test_matchers_are_read(line: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(one.name, one.operator, one.value) for one in read(line)] == expected


@pytest.mark.parametrize("line", ["severity", 'a=b"c', 'a=="b"', 'a="b" b="c"', "=x", r'"a"="\d"', "a!b=1"])
def test_what_is_no_matcher_is_refused(line: str) -> None:
    with pytest.raises(NotImportable):
        read(line)


def test_a_pattern_that_re2_refuses_is_told() -> None:
    with pytest.raises(NotImportable, match="RE2 refuses"):
        condition(read('a=~"(?=x)"'))


def test_a_silence_of_the_api_is_a_condition() -> None:
    given = [
        {"name": "alertname", "value": "B|Down", "isRegex": True, "isEqual": True},
        {"name": "cl", "value": "1", "isRegex": False, "isEqual": False},
        {"name": "team", "value": "x"},
    ]
    expected = 'labels.alertname in ["B", "Down"] && (!has(labels.cl) || labels.cl != "1") && labels.team == "x"'
    assert silence(given) == expected
