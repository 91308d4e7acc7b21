"""The evaluator, the closures and Google's cel-cpp against each other, on random conditions and random signals."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import cel
from tests.support.cel_expressions import ROOTS, condition, own_condition, signals, time_condition, time_signals

TIMES = cel.FieldSchema(
    {
        "occurred_at": "timestamp",
        "received_at": "timestamp",
        "lasted": "duration",
        "title": "string",
        "measures": "numbers",
    }
)

# A seed each: what one example draws is far more than Hypothesis likes to shrink.
DRAWS = st.integers(0, 2**48).map(random.Random)


def disagreement(loaded: cel.Condition, signal: dict[str, Any]) -> str | None:
    value = loaded.evaluate(signal)
    if loaded.matches(signal) is not (value is True):
        return f"matches={loaded.matches(signal)} where the value is {value!r}"
    if loaded.erred(signal) is not (value is not True and value is not False):
        return f"erred={loaded.erred(signal)} where the value is {value!r}"
    return None


def at(signal: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(signal, dict) or step not in signal:
            return cel.MISSING
        signal = signal[step]
    return signal


def holds(alternative: cel.Alternative, signal: dict[str, Any]) -> bool:
    values = [(at(signal, path), constants) for path, constants in alternative.items()]
    return all(value in constants for value, constants in values if not isinstance(value, (dict, list))) and not any(
        isinstance(value, (dict, list)) for value, _ in values
    )


@settings(max_examples=600, deadline=None)
@given(DRAWS)
def test_closures_and_evaluator_give_the_same_verdict(draw: random.Random) -> None:
    source = condition(draw)
    loaded = cel.compile(source)
    for signal in signals(draw, 4):
        assert disagreement(loaded, signal) is None, (source, signal)


@settings(max_examples=300, deadline=None)
@given(DRAWS)
def test_closures_and_evaluator_agree_about_functions_of_our_own(draw: random.Random) -> None:
    source = own_condition(draw)
    loaded = cel.compile(source)
    for signal in signals(draw, 4):
        assert disagreement(loaded, signal) is None, (source, signal)


@settings(max_examples=200, deadline=None)
@given(DRAWS)
def test_closures_and_evaluator_agree_about_times(draw: random.Random) -> None:
    source = time_condition(draw)
    loaded = cel.compile(source, schema=TIMES)
    for signal in time_signals(draw, 4):
        assert disagreement(loaded, signal) is None, (source, signal)


@settings(max_examples=600, deadline=None)
@given(DRAWS)
def test_a_match_always_satisfies_an_alternative_of_its_equalities(draw: random.Random) -> None:
    source = condition(draw)
    loaded = cel.compile(source)
    if loaded.equalities:
        for signal in signals(draw, 6):
            assert not loaded.matches(signal) or any(holds(found, signal) for found in loaded.equalities), (
                source,
                signal,
            )


@settings(max_examples=200, deadline=None)
@given(DRAWS)
def test_fields_that_are_not_among_the_paths_change_nothing(draw: random.Random) -> None:
    source = condition(draw)
    loaded = cel.compile(source)
    read = {path[0] for path in loaded.paths}
    for signal in signals(draw, 3):
        trimmed = {name: value for name, value in signal.items() if name in read}
        assert loaded.matches(signal) is loaded.matches(trimmed), (source, signal)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(
            [
                "a",
                ".",
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                "!",
                "-",
                "1",
                "'x'",
                '"',
                "&&",
                "||",
                "?",
                ":",
                ",",
                "in",
                "has",
                "x.y",
                'r"',
                "0x",
                "1u",
                "//",
                "`",
                "\\",
                "==",
                "+",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_any_text_is_loaded_or_refused_with_its_place(text: str) -> None:
    try:
        loaded = cel.compile(text)
    except cel.CelError as error:
        assert error.faults
        assert all(fault.line >= 1 and fault.column >= 1 for fault in error.faults)
    else:
        assert disagreement(loaded, {"a": 1, "x": {"y": True}}) is None


def test_a_hundred_thousand_verdicts_are_those_of_cel_cpp() -> None:
    pytest.importorskip("cel_expr_python", reason="cel-expr-python is not installed (pip install cel-expr-python)")
    from cel_expr_python import cel as google

    draw = random.Random(20261121)
    env = google.NewEnv(variables=dict.fromkeys(ROOTS, google.Type.DYN))
    tried = signals(draw, 40)
    activations = [env.Activation(signal) for signal in tried]
    verdicts = matched = refused = 0
    for _ in range(3_700):
        source = condition(draw)
        loaded = cel.compile(source)
        try:
            theirs = env.compile(source)
        except Exception:  # noqa: BLE001 - its type checker refuses some mixed kinds, by several error types
            refused += 1
            continue
        for signal, activation in zip(tried, activations, strict=True):
            value = theirs.eval(activation)
            is_bool = value.type().name() == "BOOL"
            expected = is_bool and value.plain_value() is True
            assert (loaded.matches(signal), loaded.erred(signal)) == (expected, not is_bool), (source, signal)
            verdicts += 1
            matched += expected
    # The fuzz is worth something only while it reaches both outcomes often.
    assert verdicts > 100_000
    assert matched > 12_000
    assert refused < 1_300
