"""What is refused when a condition is loaded, and in which words and places."""

from __future__ import annotations

import pytest

from rules import cel

SIGNAL = cel.FieldSchema(
    {
        "source": "string", "severity": "string", "service": "string", "title": "string", "count": "int", "muted": "bool",
        "occurred_at": "timestamp", "labels": "map", "measures": "numbers", "links": "list", "raw": "dyn",
    }
)  # fmt: skip


def faults(
    source: str, *, schema: cel.FieldSchema | None = SIGNAL, constants: dict[str, str] | None = None
) -> list[str]:
    with pytest.raises(cel.CelError) as caught:
        cel.compile(source, schema=schema, constants=constants)
    return [str(fault) for fault in caught.value.faults]


def test_every_static_fault_is_reported_at_once_with_line_and_column() -> None:
    found = faults(
        'sevrity == "error" &&\n  labels.team.matches("(a") &&\n  startWith(source, "x") && timestamp("soon") < occurred_at'
    )
    assert [fault.split(": ")[0] for fault in found] == ["1:1", "2:23", "3:3", "3:39"]
    assert "did you mean 'severity'" in found[0]
    assert "RE2 refuses the pattern '(a'" in found[1]
    assert "did you mean 'startsWith'" in found[2]
    assert "'soon' is no RFC 3339 timestamp" in found[3]


def test_the_error_carries_the_place_of_its_first_fault() -> None:
    with pytest.raises(cel.CelError) as caught:
        cel.compile("true &&\n  nope()")
    assert (caught.value.offset, caught.value.line, caught.value.column) == (10, 2, 3)
    assert caught.value.message.startswith("unknown function 'nope'")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "1:1: the condition is empty"),
        ("a ==", "1:5: expected a value, found the end"),
        ("a = 1", "1:3: found '=': equality is '=='"),
        ("a & b", "1:3: found '&'"),
        ("a == 'x", "1:6: a string that begins with ' is not closed"),
        ("(a == 1", "1:8: expected ')' to close the bracket, found the end"),
        ("a == 1 b", "1:8: found 'b' where the condition should end"),
        ("a.?b", "1:3: optional selection '.?' is not part"),
        ("a[?0]", "1:3: optional indexing"),
        ("[?a]", "1:2: optional entries"),
        ("package == 1", "1:1: 'package' is a reserved word"),
        ("a == 9223372036854775808", "1:6: '9223372036854775808' is out of range"),
        ("a == 18446744073709551616u", "1:6: '18446744073709551616u' is out of range"),
        (r"a == '\q'", r"1:7: '\\q' is no escape"),
        (r"a == '\ud800'", "is not a Unicode character"),
        ("has(a)", "1:1: has() takes one field selection"),
        ("a.exists(1, true)", "1:10: the first argument of exists() must be the name"),
        ("a.all(x)", "1:3: all() takes 2 arguments"),
        ("Signal{source: 'x'}", "1:1: message literals such as Signal{...} are not part of the language"),
        ("contains(a, 'x')", "contains() is written s.contains("),
        ("a.contains('x', 'y')", "found 3 arguments"),
        ("exists(a, true)", "it is written list.exists(x, condition)"),
        ("severity_at_least('fatal')", "'fatal' is no severity"),
        ("severity_at_least('criticl')", "did you mean 'critical'"),
        ("cidr(a, '10.0.0.1/8')", "'10.0.0.1/8' is no block of addresses"),
        ("semver(a, '1.x') > 0", "is no semantic version"),
        ("glob(a, '[x')", "has a '[' without ']'"),
        ("a.getHours('Europe/Bonn') > 3", "is no time zone"),
    ],
)
def test_a_fault_says_what_was_found_and_where(source: str, words: str) -> None:
    found = faults(source, schema=None)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("sevrity == 'x'", "unknown field 'sevrity'; did you mean 'severity'"),
        ("source.name == 'x'", "source is text and has nothing below it"),
        ("labels.a.b == 'x'", "labels.a is text and has nothing below it"),
        ("severity > 3", "severity is text and 3 is an int: '>' cannot order them; write double(severity)"),
        ("labels.code == 500", "they are never equal; write double(labels.code)"),
        ("labels.code in [500]", "labels.code is text and is never equal to an int"),
        ("occurred_at > '2026-11-21T10:00:00Z'", "write timestamp('2026-11-21T10:00:00Z')"),
        ("source", "a condition must be true or false; this one is text"),
        ("source && muted", "source is text, where true or false is needed"),
        ("!count", "count is an int, where true or false is needed"),
        ("count.contains('x')", "contains() works on text; count is an int"),
        ("'x' in source", "'in' needs a list or a map on its right; source is text"),
        ("count + 1.5 > 2.0", "an int + a double is not defined: convert one of them"),
        ("occurred_at + occurred_at > occurred_at", "a timestamp + a timestamp is not defined"),
        ("title.getHours() == 3", "getHours() works on a timestamp; title is text"),
        ("count.exists(x, true)", "exists() goes through a list or a map; count is an int"),
        ("labels > labels", "cannot order them"),
    ],
)
def test_a_wrong_kind_is_a_fault_when_the_fields_are_known(source: str, words: str) -> None:
    found = faults(source)
    assert len(found) == 1
    assert words in found[0]
    if "sevrity" not in source:
        cel.compile(source)


@pytest.mark.parametrize(
    "source",
    [
        'source == "sentry" && severity in ["error", "critical"] && labels.env == "prod"',
        'labels["a.b"] == "x" || raw.anything.at.all > 3',
        "measures.rate > 3 && measures.rate * 2.0 < 10.0",
        'occurred_at > timestamp("2026-11-21T10:00:00Z") - duration("1h")',
        'links.exists(link, link.startsWith("https://")) && "env" in labels && has(labels.env)',
        "muted ? count > 3 : size(title) > 10",
        "double(labels.code) >= 500.0 || count == 1.0",
        'labels.all(name, name != "secret") && title.matches("x|y")',
        "dyn(source) == 3 || source == null",
    ],
)
def test_sound_conditions_on_known_fields_load(source: str) -> None:
    assert cel.compile(source, schema=SIGNAL).source == source


def test_a_loop_variable_hides_a_field_of_its_name() -> None:
    condition = cel.compile('links.exists(source, source == "b") && source == "s"', schema=SIGNAL)
    assert condition.matches({"links": ["a", "b"], "source": "s"})
    assert condition.paths == {("links",), ("source",)}


def test_named_constants_stand_for_pieces_of_condition() -> None:
    constants = {"prod": 'labels.env in envs && severity != "debug"', "envs": '["prod", "live"]'}
    condition = cel.compile('prod && source == "sentry"', schema=SIGNAL, constants=constants)
    assert condition.matches({"labels": {"env": "live"}, "severity": "error", "source": "sentry"})
    assert not condition.matches({"labels": {"env": "test"}, "severity": "error", "source": "sentry"})
    assert condition.equalities == (
        {("labels", "env"): frozenset({"prod", "live"}), ("source",): frozenset({"sentry"})},
    )


def test_a_constant_does_not_see_the_loop_variables_around_it() -> None:
    condition = cel.compile("links.exists(severity, bad)", schema=SIGNAL, constants={"bad": 'severity == "error"'})
    assert condition.matches({"links": ["x"], "severity": "error"})
    assert not condition.matches({"links": ["error"], "severity": "info"})


def test_faults_in_constants_are_told_where_the_constant_is_used() -> None:
    assert faults("muted && bad", constants={"bad": "sevrity == 'x'"}) == [
        "1:10: in the constant 'bad': unknown field 'sevrity'; did you mean 'severity'?"
    ]
    assert "stands for itself: a -> b -> a" in faults("a", constants={"a": "b", "b": "a"})[0]
    assert "in the constant 'bad': 1:9: expected a value" in faults("bad", constants={"bad": "muted &&"})[0]


def test_constants_that_multiply_are_bounded() -> None:
    constants = {f"c{level}": " && ".join([f"c{level + 1}"] * 10) for level in range(8)} | {"c8": "muted"}
    assert "more than 5000 parts" in faults("c0", constants=constants)[0]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 65 + "true" + ")" * 65,
        "!" * 70 + "true",
        "[" * 66 + "]" * 66,
        "a" + ".b" * 70 + " == 1",
        "1" + "+1" * 70 + " == 1",
    ],
)
def test_nesting_is_bounded(text: str) -> None:
    assert "nests more than 64 deep" in faults(text, schema=None)[0]


def test_the_size_of_a_condition_is_bounded() -> None:
    assert "at most 16384 are read" in faults(" " * 16_400 + "true", schema=None)[0]


def test_long_chains_of_and_are_no_nesting() -> None:
    condition = cel.compile(" && ".join(["a.b == 1"] * 900))
    assert condition.matches({"a": {"b": 1}})
    assert not condition.matches({"a": {"b": 2}})


def test_an_unknown_kind_in_a_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="has the kind 'text'"):
        cel.FieldSchema({"a": "text"})  # type: ignore[dict-item]
