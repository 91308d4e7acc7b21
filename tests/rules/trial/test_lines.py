"""Files of events: any field of a signal may be missing, times are seconds, and a bad line says which."""

from __future__ import annotations

import pytest

from rules.trial.lines import BASE, BadLine, events, moment, signal
from schemas.signal import Signal
from schemas.time import to_rfc3339


def test_a_signal_needs_nothing() -> None:
    made = signal({}, BASE, BASE, 3)
    record = Signal.model_validate(made)
    assert (record.source, record.type, record.status, record.title) == ("test", "alert", "firing", "signal 3")
    assert (record.occurred_at, record.received_at) == (BASE, BASE)


def test_two_signals_of_one_occurrence_are_two_signals() -> None:
    one, other = (signal({"occurrence_id": "disk"}, BASE, BASE, index) for index in (0, 1))
    assert one["id"] != other["id"]
    assert one["occurrence_id"] == other["occurrence_id"]


def test_a_given_id_is_kept_so_that_a_repeat_is_one() -> None:
    assert signal({"id": "x"}, BASE, BASE, 0)["id"] == "x"


def test_times_are_seconds_or_rfc_3339() -> None:
    made = signal({"occurred_at": -1.5, "expires_at": "2026-01-01T01:00:00Z"}, BASE, BASE, 0)
    assert made["occurred_at"] == to_rfc3339(BASE - 1_500_000)
    assert made["expires_at"] == "2026-01-01T01:00:00.000000Z"
    assert moment("2026-01-01T00:00:01Z", 0) == moment(1, BASE)


def test_lines_go_by_their_time_and_then_by_their_place() -> None:
    text = '{"t": 5, "signal": {}}\n\n{"t": 1, "signal": {}}\n{"t": 5}\n{"t": 1, "command": {"kind": "silence", "data": {"until": 9}}}\n'
    found = events(text)
    assert [(timed.at - BASE, timed.kind, timed.index) for timed in found] == [
        (1_000_000, "signal", 1),
        (1_000_000, "command", 3),
        (5_000_000, "signal", 0),
        (5_000_000, "tick", 2),
    ]
    assert found[1].item["data"]["until"] == to_rfc3339(BASE + 9_000_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1 is not JSON"),
        ('{"t": 0}\n{"signal": {}}', "line 2 needs its time"),
        ('{"t": 0, "sgnal": {}}', "unknown key 'sgnal'"),
        ('{"t": 0, "signal": []}', "line 1: a signal is an object"),
        ('{"t": 0, "signal": {"severity": "bad"}}', "severity"),
        ('{"t": 0, "signal": {"occurred_at": "soon"}}', "line 1"),
        ('{"t": 0, "signal": {"occurred_at": [1]}}', "no time"),
        ('{"t": 0, "command": {}}', "'kind'"),
        ('{"t": 0, "command": {"kind": "silence", "data": {"until": true}}}', "no time"),
    ],
)
def test_a_bad_line_is_told_with_its_number(text: str, words: str) -> None:
    with pytest.raises(BadLine, match=words):
        events(text)
