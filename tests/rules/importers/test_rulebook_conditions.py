"""Conditions of ansible-rulebook match the same events here: missing fields, kinds, patterns, lists."""

from __future__ import annotations

from typing import Any

import pytest

from rules import cel
from rules.fields import SCHEMA
from rules.importers.rulebook_conditions import Join, alias, read
from rules.importers.sheet import NotImportable

EVENT: dict[str, Any] = {
    "x": 1, "n": 3.5, "text": "abc", "seven": "7", "nothing": None, "yes": True, "no": False, "list": [1, 2, 20], "words": ["a", "b"],
    "objects": [{"name": "ann", "age": 30}, {"name": "bob"}, 5], "deep": {"a": {"b": 1}, "dash-ed": 2}, "url": "http://www.example.com/x",
    "mixed": [1, "a", None], "h1": 7,
}  # fmt: skip

# What rules.md section 1.1 and the documentation say of each, for the event above.
CASES: list[tuple[str, bool]] = [
    # missing fields: every comparison is false, also != and not
    ("event.gone == 1", False), ("event.gone != 1", False), ("not (event.gone == 1)", False), ("not event.gone == 1", False),
    ("event.gone > 1", False), ("event.gone in [1]", False), ("event.gone not in [1]", False), ("event.gone is defined", False),
    ("event.gone is not defined", True), ("event.x is defined", True), ("event.nothing is defined", True),
    ("event.deep.a.b is defined", True), ("event.deep.a.c is not defined", True), ("event.gone.a.b is not defined", True),
    ("event.text.a is not defined", True), ("event.list[1] is defined", True), ("event.list[3] is not defined", True),
    ("event.gone == 1 or event.x == 1", True), ("event.gone == 1 and event.x == 2", False), ("event.list[7] == 1", False),
    # kinds: comparisons across them are false, null alone is unequal to everything else
    ("event.seven > 5", False), ("event.seven == 7", False), ("event.seven != 7", False), ("event.nothing > 5", False),
    ("event.nothing != 5", True), ("event.nothing == null", True), ("event.x != null", True), ("event.text != 'abd'", True),
    ("event.text != 'abc'", False), ("event.x != 'a'", False), ("event.yes != false", True), ("event.x == 1.0", True), ("1 == event.x", True),
    ("event.x != 2", True), ("event.x != event.n", True), ("event.x != event.text", False), ("event.nothing != event.text", True),
    # words and brackets
    ("event.yes == true", True), ("event.no == False", True), ("event.yes", True), ("event.no", False), ("not event.no", True),
    ("(event.x == 2 or event.n > 3) and event.text == \"abc\"", True), ("not (event.x == 2 or event.n > 3)", False),
    ("event.x == 2 and event.x == 1 or event.x == 1", True), ("true", True), ("event.x<2", True), ("event.x >= -1", True),
    # numbers
    ("event.x + 1 == 2", True), ("event.x - 1 == 0", True), ("event.x -1 == 0", True), ("event.x * 2 + 1 == 3", True), ("event.n + 1 == 4.5", True),
    ("event.x + 0.5 == 1.5", True), ("(event.x + 1) * 2 == 4", True), ("event.n > 3.49e0", True),
    # lists
    ("event.x in [1, 2]", True), ("event.text not in ['x', 'y']", True), ("event.text in ['abc']", True), ("event.list contains 20", True),
    ("event.list not contains 3", True), ("event.words contains 'c'", False), ("event.gone contains 1", False),
    # patterns
    ("event.url is match('http://www')", True), ("event.url is match('www')", False), ("event.url is search('EXAMPLE', ignorecase=true)", True),
    ("event.url is search('EXAMPLE')", False), (r"event.url is regex('example\.com')", True), ("event.url is not search('nope')", True),
    ("event.gone is not search('nope')", False), ("event.x is search('1')", True), ("event.url is match('http://a|http://w')", True),
    # items of lists
    ("event.list is select('>=', 20)", True), ("event.list is select('>', 20)", False), ("event.list is not select('>', 20)", True),
    ("event.mixed is select('==', 'a')", True), ("event.mixed is not select('>', 1)", True), ("event.words is select('match', 'B', ignorecase=true)", False),
    ("event.words is select('search', 'b')", True), ("event.gone is not select('>', 1)", False),
    ("event.objects is selectattr('age', '>=', 20)", True), ("event.objects is selectattr('age', '>', 30)", False),
    ("event.objects is not selectattr('age', '>', 30)", True), ("event.objects is selectattr('name', 'in', ['bob', 'x'])", True),
    ("event.objects is selectattr('name', '!=', 'ann')", True), ("event.objects is selectattr('name', 'match', 'a')", True),
    # what is no list is asked itself; 'is not' of a list: not all of them; patterns are found anywhere, and in numbers as well
    ("event.x is select('==', 1)", True), ("event.x is not select('==', 1)", False), ("event.list is not select('>', 0)", False),
    ("not (event.list is select('>', 5))", False), ("not (event.list is select('>', 50))", True), ("event.words is select('match', 'b')", True),
    ("event.list is select('search', '^2')", True), ("event.mixed is select('!=', 1)", True), ("event.nothing is select('==', 1)", False),
    ("event.deep is selectattr('dash-ed', '==', 2)", True), ("event.deep is selectattr('a.b', '>', 1)", False), ("event.gone is select('!=', 1)", False),
    ("event.deep is not selectattr('a.b', '>', 1)", True), ("event.deep is not selectattr('c', '>', 1)", False), ("event.x is not match('2')", True),
    ("event.nothing is not match('2')", False), ("not (event.nothing is match('2'))", True), ("not (event.gone is match('2'))", False),
    ("event.url is match('www|http')", True), ("event.url is match('http|www')", True), ("event.url is match('xyz|www')", True),
    ("event.text is regex('^b', multiline=true)", False), ("event.x contains 1", True), ("event.text contains 'b'", False),
    ("event.deep contains 'a'", False), ("event.deep not contains 'a'", True), ("event.x in event.list", True), ("event.x in event.x", True),
    # 'not' before a comparison: across kinds it is false, too
    ("not (event.seven == 7)", False), ("not (event.seven > 5)", False), ("not (event.nothing > 5)", True), ("not (event.x == 2)", True),
    ("not (event.nothing == 5)", True), ("not (event.x == 2 and event.gone == 1)", True), ("not (event.x == 2 or event.gone == 1)", False),
    ("not not (event.seven == 7)", False), ("not event.x", True), ("not (event.x != 1)", True), ("not (event.x in [2])", True),
    # 'not' of 'not' stays 'not', but turns 'and' and 'or' back; 'not' of 'is defined' never holds, 'not' of 'is not defined' is 'is defined'
    ("not (not (event.x == 2))", True), ("not (not (event.x == 1))", False), ("not (not (event.x == 1 or event.n == 1))", True),
    ("not (not (event.x == 1 and event.n == 1))", False), ("not (event.x == 2 or not (event.n == 1))", True),
    ("not (event.gone is defined)", False), ("not (event.x is defined)", False), ("not (event.x is not defined)", True),
    # what lies below null is there, and null
    ("event.nothing.a is defined", True), ("event.nothing.a.b is defined", True), ("event.nothing.a != 1", True), ("event.nothing.a == null", True),
    ("event.nothing.a == 1", False), ("event.nothing.a not in [1]", True), ("event.nothing.a not contains 1", True), ("not (event.nothing.a > 1)", True),
    ("event.nothing.a is not select('==', 1)", True), ("event.nothing is not selectattr('a', '==', 1)", True), ("event.nothing.a is not search('a')", False),
    ("event.gone.a != 1", False), ("event.x.a != 1", False), ("event.nothing[0] is defined", True), ("event.mixed[2].a != 1", True),
    # in a sum what is missing or null counts for nothing
    ("event.gone + 2 == 2", True), ("event.nothing - 2 == 2", True), ("2 - event.gone == 2", True), ("event.gone + 0.5 == 0.5", True),
    ("event.gone + event.x == 1", True), ("event.x + event.gone == 1", True), ("event.text + 'd' == 'abcd'", True), ("event.seven + 0.5 == 7.5", False),
    ("event.gone.a + 1 == 1", True), ("event.n - 0.5 == 3", True), ("not (event.gone + 1 == 2)", True),
    ("event.h1 + 1 == 8", True), ("event.h1 + 1.5 == 8.5", True), ("not (event.nothing > event.x)", True), ("not (event.nothing > event.gone)", False),
    # paths
    ('event["text"] == "abc"', True), ("event.deep['dash-ed'] == 2", True), ("event.list[2] == 20", True),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), CASES, ids=[source for source, _ in CASES])
def test_a_condition_says_the_same_of_an_event(source: str, *, expected: bool) -> None:
    made = read(source)
    assert cel.compile(made.text, schema=SCHEMA).matches({"raw": EVENT, "fact": {}}) is expected, made.text


def test_facts_are_facts() -> None:
    made = read("fact.mode == 'on' and event.x == 1")
    assert (made.text, made.facts, made.events) == ('fact.mode == "on" && raw.x == 1', True, True)
    assert (
        read("fact.a.b is not defined").text
        == "!(has(fact.a) && (fact.a == null || type(fact.a) == map && has(fact.a.b)))"
    )


def test_a_name_is_given_to_what_matches_and_joins_are_set_apart() -> None:
    assert alias("events.first << event.x == 1") == "first"
    assert alias("event.x == 1") is None
    made = read(
        "event.host == events.first.host and event.y == 2 and events.zero.z == event['a-b']", "m_2", ["zero", "first"]
    )
    assert made.text == "raw.y == 2"
    assert made.joins == [Join("first", "raw.host", "raw.host"), Join("zero", "raw.z", 'raw["a-b"]')]
    other = read("event.i == events.first.i + 2 and event.j == 1", "m_1", ["first"])
    assert (other.text, other.joins, other.steps) == ("raw.j == 1", [], {"first"})
    assert other.where == [
        "steps.m_1.raw.i == (has(steps.first.raw.i) && steps.first.raw.i != null ? "
        "(type(steps.first.raw.i) == double ? steps.first.raw.i + 2.0 : steps.first.raw.i + 2) : 2)"
    ]
    assert read("event.i == facts.first.expected.index", "m_1", ["first"]).text == "raw.i == fact.expected.index"


def test_mixed_words_without_brackets_are_noted() -> None:
    assert read("event.a == 1 and event.b == 2 or event.c == 3").notes
    assert not read("(event.a == 1 and event.b == 2) or event.c == 3").notes


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("event.x ==", "found the end"),
        ("event.x == 1 2", "expected the end, found '2'"),
        ("event.x is nice", "after 'is'"),
        ("event.x == vars.y", "command line"),
        ("other.x == 1", "begins with none"),
        ("event.x is search('(?=a)')", "RE2 refuses"),
        ("event.list is select('~', 1)", "'~'"),
        ("event.x == {}", "no word"),
        ("3.5", "no condition"),
        ("event.x == 1 and not null", "no condition"),
        ("event.x == 20000000000000000426", "out of range"),
        ("event.list is select(1)", "2 arguments"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(source: str, words: str) -> None:
    with pytest.raises(NotImportable, match=words):
        read(source)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(NotImportable, match=r"events\.NAME"):
        alias("event.a << event.x == 1")
