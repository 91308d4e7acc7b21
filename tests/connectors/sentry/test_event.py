"""Events of every SDK answer the same questions alike, and the same problem has the same group."""

from typing import Any

import pytest

from connectors.sentry.event import breadcrumbs, happened_at, message_template, severity, tags, thrown, title
from connectors.sentry.identity import group_key
from schemas.time import from_rfc3339


def frame(function: str, line: int = 1, *, in_app: bool = True) -> dict[str, Any]:
    return {"module": "shop", "function": function, "lineno": line, "in_app": in_app}


def error(*frames: dict[str, Any], type_: str = "ValueError", value: str = "bad", **fields: Any) -> dict[str, Any]:
    return {
        "exception": {"values": [{"type": type_, "value": value, "stacktrace": {"frames": list(frames)}}]},
        **fields,
    }


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"timestamp": "2026-11-21T07:54:24.420548Z"}, "2026-11-21T07:54:24.420548Z"),
        ({"timestamp": 1795247664.420548}, "2026-11-21T07:54:24.420548Z"),
        ({"timestamp": "2026-11-21T07:54:24.420548123Z"}, "2026-11-21T07:54:24.420548Z"),
        ({"timestamp": "2026-11-21T07:54:24"}, "2026-11-21T07:54:24Z"),
        ({"datetime": "2026-11-21T07:54:24Z", "timestamp": 1}, "2026-11-21T07:54:24Z"),
        ({"timestamp": "1795247664"}, "2026-11-21T07:54:24Z"),
        ({"timestamp": "yesterday"}, "1970-01-01T00:00:00.000007Z"),
        ({"timestamp": 1e300}, "1970-01-01T00:00:00.000007Z"),
        ({}, "1970-01-01T00:00:00.000007Z"),
    ],
)
def test_the_time_is_read_in_every_form(event: dict[str, Any], expected: str) -> None:
    assert happened_at(event, 7) == from_rfc3339(expected)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("fatal", ("critical", ())),
        (40, ("error", ())),
        ("40", ("error", ())),
        (50, ("critical", ())),
        (10, ("debug", ())),
        ("warning", ("warning", ())),
        (None, ("error", ())),
        ("bad", ("info", ("bad",))),
        (45, ("info", ("45",))),
    ],
)
def test_the_level_is_a_word_or_a_number(level: object, expected: object) -> None:
    assert severity({"level": level}) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (error(), "ValueError: bad"),
        ({"exception": [{"type": "A", "value": "inner"}, {"type": "B", "value": "outer"}]}, "B: outer"),
        ({"exception": {"values": [{"value": "no type"}]}}, "no type"),
        ({"exception": {"values": [{"type": "Quiet"}]}}, "Quiet"),
        ({"sentry.interfaces.Exception": {"values": [{"type": "Old", "value": "raven"}]}}, "Old: raven"),
        ({"metadata": {"title": "From metadata"}, "logentry": {"formatted": "x"}}, "From metadata"),
        ({"logentry": {"message": "took %d", "formatted": "took 5", "params": [5]}}, "took 5"),
        ({"logentry": {"message": "took"}}, "took"),
        ({"message": "plain"}, "plain"),
        ({"message": {"formatted": "nested"}}, "nested"),
        ({"metadata": {"type": "T", "value": "V"}}, "T: V"),
        ({"message": "two\nlines\0 and \x1b[31mcolour"}, "two lines and [31mcolour"),
        ({"exception": {"values": [None, 7]}}, "(an event without a title)"),
        ({}, "(an event without a title)"),
    ],
)
def test_the_title_is_the_last_exception_or_the_best_that_is_there(event: dict[str, Any], expected: str) -> None:
    assert title(event) == expected


def test_tags_come_as_object_or_as_pairs() -> None:
    expected = {"a": "1", "b": "true"}
    assert tags({"tags": {"a": 1, "b": True, "c": None}}) == expected
    assert tags({"tags": [["a", "1"], ["b", True], ["c"], "d", ["e", None]]}) == expected
    assert tags({"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": True}]}) == expected
    assert tags({"tags": "none"}) == {}


def test_breadcrumbs_come_as_object_or_as_list() -> None:
    crumb = {"timestamp": 1, "message": "m"}
    for given in ({"values": [crumb]}, [crumb]):
        (found,) = breadcrumbs({"breadcrumbs": given})
        assert (found.at, found.message) == (1_000_000, "m")
    assert breadcrumbs({"breadcrumbs": {}}) == ()


def test_the_group_is_that_of_the_own_code_whatever_lines_and_values_say() -> None:
    first = group_key(error(frame("lib", in_app=False), frame("charge", 7)), "42")
    assert first == group_key(error(frame("other_lib", in_app=False), frame("charge", 99), value="worse"), "42")
    assert first != group_key(error(frame("refund", 7)), "42")
    assert first != group_key(error(frame("charge", 7), type_="KeyError"), "42")
    assert first != group_key(error(frame("charge", 7)), "43")


def test_without_own_frames_the_value_counts_with_its_numbers_masked() -> None:
    first = group_key(error(value="order 77 at 0x7f42 failed"), "42")
    assert first == group_key(error(value="order 8 at 0xbeef failed"), "42")
    assert first != group_key(error(value="invoice 77 at 0x7f42 failed"), "42")


def test_messages_are_grouped_by_their_template() -> None:
    def logged(seconds: int) -> dict[str, Any]:
        return {"logentry": {"message": "took %ds", "formatted": f"took {seconds}s", "params": [seconds]}}

    assert group_key(logged(1), "42") == group_key(logged(2), "42")
    assert message_template(logged(1)) == "took %ds"
    assert group_key({"message": "took 1s"}, "42") == group_key({"message": "took 22s"}, "42")


def test_a_fingerprint_of_the_sdk_decides_and_default_stands_for_ours() -> None:
    plain = error(frame("charge"))
    same = {**error(frame("charge")), "fingerprint": ["{{ default }}"]}
    assert group_key(plain, "42") == group_key(same, "42") == group_key({**plain, "fingerprint": ["{{default}}"]}, "42")
    custom = {"fingerprint": ["pay-timeout"]}
    assert group_key({**plain, **custom}, "42") == group_key({**error(frame("refund")), **custom}, "42")
    both = {"fingerprint": ["pay-timeout", "{{ default }}"]}
    keys = {group_key({**event, **both}, "42") for event in (plain, error(frame("refund")))}
    assert len(keys) == 2
    assert not keys & {group_key(plain, "42"), group_key({**plain, **custom}, "42")}


def test_a_chain_is_read_oldest_cause_first() -> None:
    chain = thrown({"exception": {"values": [{"type": "Cause"}, {"type": "Effect"}]}})
    assert [exception.type for exception in chain] == ["Cause", "Effect"]
