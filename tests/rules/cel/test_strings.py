"""Functions that take text apart and put it together, in both back ends."""

from __future__ import annotations

import pytest

from rules import cel
from rules.cel import strings
from rules.fields import SCHEMA


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"a,b,c".split(",")', ["a", "b", "c"]),
        ('"a,b,c".split(",", 2)', ["a", "b,c"]),
        ('"abc".split("")', ["a", "b", "c"]),
        ('"abc".split("", 2)', ["a", "bc"]),
        ('"a,b".split(",", 0)', []),
        ('["a", "b"].join("-")', "a-b"),
        ('["a", "b"].join()', "ab"),
        ('"banana".replace("a", "o")', "bonono"),
        ('"banana".replace("a", "o", 2)', "bonona"),
        ('"banana".substring(2)', "nana"),
        ('"banana".substring(2, 4)', "na"),
        ('"banana".indexOf("an")', 1),
        ('"banana".lastIndexOf("an")', 3),
        ('"banana".indexOf("x")', -1),
        (
            'template("order 812 of ann@example.com at 2026-11-21T10:00:00Z: no route to 10.0.0.7:5432")',
            "order <n> of <mail> at <time>: no route to <ip>",
        ),
        ('template("user ann logged in")', "user ann logged in"),
        ('texts({"a": {"b": [1, 2.5, null, true]}, "c": "x", 3: "y"})', ["1", "2.5", "true", "x", "y"]),
        ('texts("alone")', ["alone"]),
        ("texts([null, [], {}])", []),
    ],
)
def test_texts_are_taken_apart_and_put_together(source: str, expected: object) -> None:
    loaded = cel.compile_value(source)
    assert loaded.evaluate({}) == expected
    assert loaded.get({}) == expected


@pytest.mark.parametrize(
    "source", ['"abc".substring(4)', '"abc".substring(2, 1)', '["a", 1].join()', "dyn(1).split(',')"]
)
def test_what_has_no_meaning_is_a_failure(source: str) -> None:
    assert isinstance(cel.compile_value(source).evaluate({}), cel.CelFailure)
    assert cel.compile_value(source).get({}) is cel.MISSING


def test_no_function_makes_a_text_without_bound() -> None:
    blown = cel.compile_value("title.replace('', title)")
    found = blown.evaluate({"title": "x" * 2_000})
    assert isinstance(found, cel.CelFailure)
    assert str(strings.MAX_TEXT) in found.message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("measures.x.split(',') == []", "measures.x is a number"),
        ("title.join() == ''", "title is text"),
        ("measures.indexOf('x') == 1", "measures is a map of numbers"),
        ("title.indexOf('x') == '1'", "never equal"),
    ],
)
def test_a_wrong_kind_is_found_at_load(source: str, words: str) -> None:
    with pytest.raises(cel.CelError, match=words):
        cel.compile(source, schema=SCHEMA)


def test_texts_are_looked_for_among_so_many_values_alone() -> None:
    condition = cel.compile('texts(raw).exists(each, each == "9")', schema=SCHEMA)
    assert condition.matches({"raw": {"list": list(range(1000))}})
    assert not condition.matches({"raw": {"list": list(range(strings.MAX_TEXTS))}})
    assert not cel.compile("!texts(raw).exists(each, each == 'x')", schema=SCHEMA).matches(
        {"raw": [0] * strings.MAX_TEXTS}
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("a", ["x", "1", "true", "Y"]), ("b.c", ["1", "2.5"]), ("d.e", ["own"]), ("f.g.h", ["1", "2"]), ("m", []), ("a.b", []), ("gone", []),
        ("gone.far", []), ("n", []),
    ],
)  # fmt: skip
def test_the_texts_of_a_field_are_reached_by_its_name_and_through_lists(field: str, expected: list[str]) -> None:
    raw = {
        "a": ["x", 1, None, [True, "Y"], {"z": "q"}], "b": {"c": [1, 2.5]}, "d.e": "own", "d": {"e": "other"},
        "f": [{"g": [{"h": 1}]}, [{"g": {"h": 2}}], 3], "m": {"k": "v"}, "n": None,
    }  # fmt: skip
    for source, texts in (
        (f'texts(raw, "{field}")', expected),
        (f'lowered(raw, "{field}")', [text.lower() for text in expected]),
    ):
        loaded = cel.compile_value(source)
        assert loaded.evaluate({"raw": raw}) == texts
        assert loaded.get({"raw": raw}) == texts


def test_small_letters_are_of_every_script_and_a_sigma_is_one_wherever_it_stands() -> None:
    assert cel.compile_value('lowered(["GRÜN", "ΣΑΣ", "ASCII", 1])').get({}) == [
        "grün",
        "\N{GREEK SMALL LETTER SIGMA}\N{GREEK SMALL LETTER ALPHA}\N{GREEK SMALL LETTER SIGMA}",
        "ascii",
        "1",
    ]
    assert isinstance(cel.compile_value('texts(raw, "a")').evaluate({"raw": [1]}), cel.CelFailure)
    assert isinstance(cel.compile_value("texts(raw, 1)").evaluate({"raw": {}}), cel.CelFailure)
