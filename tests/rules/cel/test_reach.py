"""What is known of conditions without a signal is so for every signal."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import cel
from rules.cel.reach import implies, never
from rules.fields import SCHEMA
from tests.support.cel_expressions import condition, signals


@pytest.mark.parametrize(
    "source",
    [
        'severity == "error" && severity == "critical"',
        'source == "a" && source != "a"',
        'service in ["a", "b"] && service == "c"',
        "measures.load > 5.0 && measures.load < 3.0",
        "measures.load > 5.0 && measures.load <= 5.0",
        "measures.load == 7.0 && measures.load < 3.0",
        "has(labels.env) && !has(labels.env)",
        'labels.env == "prod" && !has(labels.env)',
        'labels.env.startsWith("p") && !labels.env.startsWith("p")',
        '(source == "a" || source == "b") && source == "c"',
        'severity_at_least("error") && severity == "info"',
        '!severity_at_least("error") && severity in ["error", "critical"]',
        "false",
        "own && !own",
        '!(source == "a" || service == "b") && service == "b"',
    ],
)
def test_a_condition_that_contradicts_itself_is_known_never_to_hold(source: str) -> None:
    assert never(cel.compile(source, schema=SCHEMA).ast)


@pytest.mark.parametrize(
    "source",
    [
        'severity == "error" || severity == "critical"',
        "measures.load >= 5.0 && measures.load <= 5.0",
        'labels.a == "x" && labels.b == "y"',
        'labels.env.startsWith("p") && !labels.env.startsWith("q")',
        '!has(labels.env) || labels.env == "prod"',
        "raw.a == 1 && raw.a == 1.0",
    ],
)
def test_a_condition_that_may_hold_is_left_alone(source: str) -> None:
    assert not never(cel.compile(source, schema=SCHEMA).ast)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ('source == "a"', 'source in ["a", "b"]', True),
        ('source in ["a", "b"]', 'source == "a"', False),
        ('source == "a" && service == "x"', 'source == "a"', True),
        ('source == "a"', 'source == "a" && service == "x"', False),
        ('source == "a"', 'source != "b"', True),
        ('source != "a"', 'source != "b"', False),
        ("measures.x > 5.0", "measures.x > 3.0", True),
        ("measures.x >= 3.0", "measures.x > 3.0", False),
        ("measures.x < 3.0", "measures.x <= 3.0", True),
        ('labels.env == "prod"', "has(labels.env)", True),
        ("has(labels.env)", 'labels.env == "prod"', False),
        ('source == "a"', "true", True),
        ('severity == "critical"', 'severity_at_least("error")', True),
        ('severity_at_least("error")', 'severity_at_least("warning")', True),
        ('severity_at_least("warning")', 'severity_at_least("error")', False),
        ('(source == "a" || source == "b") && service == "x"', 'source == "b" || source == "a"', True),
        ('labels.a.matches("x.*")', 'labels.a.matches("x.*")', True),
        ("raw.list.exists(x, x == 1)", "raw.list.exists(x, x == 1)", True),
        ("raw.a == true", "raw.a == 1", False),
    ],
)
def test_one_condition_follows_from_another(one: str, other: str, *, expected: bool) -> None:
    left, right = cel.compile(one, schema=SCHEMA).ast, cel.compile(other, schema=SCHEMA).ast
    assert implies(left, right) is expected


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**48).map(random.Random))
def test_no_signal_contradicts_what_is_known(draw: random.Random) -> None:
    one, other = cel.compile(condition(draw)), cel.compile(condition(draw))
    impossible, both_impossible = never(one.ast), never(one.ast, other.ast)
    follows = implies(one.ast, other.ast)
    for signal in signals(draw, 5):
        held, other_held = one.matches(signal), other.matches(signal)
        assert not (impossible and held), (one.source, signal)
        assert not (both_impossible and held and other_held), (one.source, other.source, signal)
        assert not (follows and held and not other_held), (one.source, other.source, signal)
