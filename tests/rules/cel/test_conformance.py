"""The conformance cases of the CEL specification, through the door that rules use and through the evaluator alone."""

from __future__ import annotations

import gzip
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rules import cel
from rules.cel.condition import load_unchecked

SAMPLE = Path(__file__).with_name("cel-spec.jsonl.gz")

# Protobuf messages other than the well-known wrappers have no place in a signal: refused at load.
MESSAGES = {
    "parse/whitespace/spaces",
    "parse/whitespace/tabs",
    "parse/whitespace/new_lines",
    "parse/whitespace/new_pages",
    "parse/whitespace/carriage_returns",
    "parse/comments/new_line_terminated",
}
# `f_unknown(17) || true` is true to the specification; an unknown function in a rule is a slip and is refused at load.
UNKNOWN_FUNCTIONS = {
    "basic/functions/unbound_is_runtime_error",
    *(
        f"parse/receiver_function_names/{word}"
        for word in (
            "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "namespace",
            "package", "return", "var", "void", "while",
        )
    ),
}  # fmt: skip


def cases(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def schema_of(bindings: dict[str, Any]) -> cel.FieldSchema | None:
    """Dotted names are resolved by declaration, so they must be declared."""
    return cel.FieldSchema(dict.fromkeys(bindings, "dyn")) if any("." in name for name in bindings) else None


def result(case: dict[str, Any], *, checked: bool) -> Any:
    schema = schema_of(case["bindings"])
    try:
        if checked:
            return cel.compile_value(case["expr"], schema).evaluate(case["bindings"])
        return load_unchecked(case["expr"], schema)(case["bindings"])
    except cel.CelError as error:
        return error


def passes(case: dict[str, Any], *, checked: bool) -> bool:
    found = result(case, checked=checked)
    failed = isinstance(found, (cel.CelError, cel.CelFailure))
    return failed if "error" in case else not failed and equal(found, case["value"])


def equal(found: Any, expected: Any) -> bool:
    """Equal in value and in kind, the sign of zero included; the cases write a uint as a plain number."""
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(equal, found, expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(equal(found[key], expected[key]) for key in found)
    if isinstance(found, cel.Uint):
        return type(expected) is int and int(found) == expected
    if isinstance(found, float) and isinstance(expected, float):
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    return type(found) is type(expected) and bool(found == expected)


def failing(path: Path, *, checked: bool) -> tuple[int, set[str]]:
    count, names = 0, set()
    for case in cases(path):
        count += 1
        if not passes(case, checked=checked):
            names.add(case["name"])
    return count, names


def test_the_sampled_cases_pass_but_for_those_listed() -> None:
    count, names = failing(SAMPLE, checked=True)
    assert count == 459
    assert names == MESSAGES | UNKNOWN_FUNCTIONS


def test_the_evaluator_alone_fails_messages_only() -> None:
    assert failing(SAMPLE, checked=False)[1] == MESSAGES


@pytest.mark.skipif(
    "TOCSIN_CASES" not in os.environ,
    reason="set TOCSIN_CASES to a folder with rule-cases/cel.jsonl.gz for all 1,034 cases",
)
def test_of_all_core_cases_1010_pass_at_the_door_and_1028_in_the_evaluator() -> None:
    path = Path(os.environ["TOCSIN_CASES"]) / "rule-cases" / "cel.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    count, names = failing(path, checked=True)
    assert (count, names) == (1034, MESSAGES | UNKNOWN_FUNCTIONS)
    assert failing(path, checked=False) == (1034, MESSAGES)


@pytest.mark.parametrize(
    "case", [case for case in cases(SAMPLE) if isinstance(case.get("value"), bool)], ids=lambda case: case["name"]
)
def test_the_fast_back_end_gives_the_same_verdict(case: dict[str, Any]) -> None:
    if case["name"] in MESSAGES | UNKNOWN_FUNCTIONS:
        with pytest.raises(cel.CelError):
            cel.compile(case["expr"])
        return
    schema = schema_of(case["bindings"])
    condition = cel.compile(f"dyn({case['expr']})" if schema else case["expr"], schema=schema)
    assert condition.matches(case["bindings"]) is case["value"]
    assert condition.erred(case["bindings"]) is False
