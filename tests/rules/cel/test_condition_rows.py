"""What other engines' conditions do differently, row by row, and what ours do: a missing field, kinds, patterns, and/or, severities."""

from __future__ import annotations

from typing import Any

import pytest

from rules import cel
from rules.fields import SCHEMA

SIGNAL: dict[str, Any] = {
    "source": "sentry",
    "severity": "error",
    "labels": {"env": "prod", "code": "500"},
    "measures": {"load": 5.0},
    "raw": {"n": 5, "text": "7", "nothing": None, "list": [1, "a"], "yes": True},
}


def loaded(source: str) -> cel.Condition:
    return cel.compile(source, schema=SCHEMA)


@pytest.mark.parametrize(
    ("source", "matches", "erred"),
    [
        ('labels.gone == "x"', False, True),
        ('labels.gone != "x"', False, True),
        ('!(labels.gone == "x")', False, True),
        ('labels.gone == "x" || source == "sentry"', True, False),
        ('source == "sentry" || labels.gone == "x"', True, False),
        ('labels.gone == "x" && source == "other"', False, False),
        ("has(labels.gone)", False, False),
        ('!has(labels.gone) || labels.gone != "x"', True, False),
        ("raw.deep.deeper == 1", False, True),
    ],
)
def test_missing_field(source: str, *, matches: bool, erred: bool) -> None:
    """An error is no match, absorbed as CEL says, told apart from a plain "no", and explained."""
    condition = loaded(source)
    assert (condition.matches(SIGNAL), condition.erred(SIGNAL)) == (matches, erred)
    if erred:
        failure = condition.evaluate(SIGNAL)
        assert isinstance(failure, cel.CelFailure)
        assert "gone" in failure.message or "deep" in failure.message


@pytest.mark.parametrize(
    ("source", "matches", "erred"),
    [
        ("raw.text > 5", False, True),
        ("raw.text == 7", False, False),
        ("raw.text != 7", True, False),
        ("raw.nothing > 5", False, True),
        ("raw.nothing != 5", True, False),
        ("raw.n == 5.0", True, False),
        ("raw.yes == 1", False, False),
        ("raw.list == [1.0, 'a']", True, False),
        ("raw.list[7] == 1", False, True),
    ],
)
def test_type_mismatch(source: str, *, matches: bool, erred: bool) -> None:
    """Kinds are unequal without an error, their order across kinds is one, and nothing is coerced."""
    condition = loaded(source)
    assert (condition.matches(SIGNAL), condition.erred(SIGNAL)) == (matches, erred)


def test_type_mismatch_that_the_schema_shows_is_a_fault_at_load() -> None:
    with pytest.raises(cel.CelError, match="never equal"):
        loaded("labels.code == 500")


def test_regex() -> None:
    """A search anywhere in the text, compiled at load, in linear time; what RE2 refuses is a fault at load."""
    assert loaded('labels.env.matches("ro")').matches(SIGNAL)
    assert not loaded('labels.env.matches("^ro")').matches(SIGNAL)
    assert not loaded('raw.text.matches("(a+)+$")').matches({"raw": {"text": "a" * 50_000 + "b"}})
    with pytest.raises(cel.CelError, match="RE2 refuses"):
        loaded('labels.env.matches("(?=p)")')


def test_and_or() -> None:
    """CEL's precedence, brackets or not; never by cutting the text apart."""
    assert loaded('source == "sentry" || source == "x" && severity == "info"').matches(SIGNAL)
    assert not loaded('(source == "sentry" || source == "x") && severity == "info"').matches(SIGNAL)
    assert loaded('labels.env == ") || (" || labels.env == "prod"').matches(SIGNAL)


def test_severity_order() -> None:
    """One order, the same in every place where a condition stands."""
    assert [least for least in cel.SEVERITIES if loaded(f'severity_at_least("{least}")').matches(SIGNAL)] == [
        "debug",
        "info",
        "warning",
        "error",
    ]
    assert loaded('severity_at_least(labels.level, "warning")').erred(SIGNAL)
    with pytest.raises(cel.CelError, match="did you mean"):
        loaded('severity_at_least("criticl")')
