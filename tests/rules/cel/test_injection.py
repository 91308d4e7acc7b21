"""Nothing in the text of a condition reaches Python as code."""

from __future__ import annotations

import pytest

from rules import cel
from rules.cel import python_text
from rules.cel.resolve import Resolver

HOSTILE = [
    "'", '"', "\\", "\n", "{}", "{0}", "{a.__class__}", "%s", '"); import os; ("', "') or True or ('", "__import__('os')",
    "k0", "a", "t1", "None", "\0", "{{", "}}", '"""', "'''", "#", "f\"{1}\"", "é\u2028\U0001f600",
]  # fmt: skip


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_strings_are_compared_as_they_are(text: str) -> None:
    written = quoted(text)
    condition = cel.compile(
        f"x == {written} && y[{written}] == {written} && x in [{written}, 'z'] && x.startsWith({written}) && x.contains({written})"
        f" && [x].exists(v, v == {written})"
    )
    assert condition.matches({"x": text, "y": {text: text}})
    assert not condition.matches({"x": text + "x", "y": {text: text}})
    assert condition.evaluate({"x": text, "y": {text: text}}) is True


@pytest.mark.parametrize(
    "name",
    [
        "__class__",
        "__builtins__",
        "__import__",
        "self",
        "a",
        "k0",
        "t1",
        "lambda",
        "exec",
        "None",
        "True",
        "yield",
        "v0",
    ],
)
def test_python_words_are_ordinary_field_names(name: str) -> None:
    for source in (
        f"{name} == 1",
        f"x.{name} == 1",
        f"items.exists({name}, {name} == 1)",
        f"has(x.{name}) && x.{name} == 1",
    ):
        condition = cel.compile(source)
        signal = {name: 1, "x": {name: 1}, "items": [1]}
        assert condition.matches(signal), source
        assert not condition.matches({name: 2, "x": {name: 2}, "items": [2]}), source


def test_fields_are_keys_and_never_attributes() -> None:
    for source in ("x.__class__.__name__ == 'dict'", "x.keys == 1", "x.__class__ == 1", "has(x.get)"):
        condition = cel.compile(source)
        assert not condition.matches({"x": {}})
        assert not condition.matches({"x": "text"})


def test_the_python_written_holds_generated_names_alone() -> None:
    source = 'evil.secret == "payload" && other["quoted"] in ["one", "two"] && items.exists(loopvar, loopvar.inner == "deep" || loopvar > 12345)'
    resolver = Resolver(None, {})
    from rules.cel.parser import parse

    text = python_text.Writer().verdict(resolver.resolve(parse(source), {}), False)
    for word in (
        "evil",
        "secret",
        "payload",
        "other",
        "quoted",
        "one",
        "two",
        "items",
        "loopvar",
        "inner",
        "deep",
        "12345",
        '"',
        "'",
    ):
        assert word not in text, (word, text)


def test_the_function_written_sees_no_builtins() -> None:
    assert cel.compile("a == 1").matches.__globals__["__builtins__"] == {}  # type: ignore[attr-defined]
