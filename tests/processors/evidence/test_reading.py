"""Any tool's answer is read by its shape."""

from typing import Any

import pytest

from processors.evidence.reading import merged, read
from schemas import from_rfc3339


def test_samples_in_comma_separated_rows_become_a_series_for_each_service_and_metric() -> None:
    text = "timestamp,service,metric,value\n" + "\n".join(
        f"2026-01-01T00:0{minute}:00Z,{service},rps,{minute}" for minute in range(5) for service in ("a", "b")
    )
    found = read("s/0", text)
    assert {(each.service, each.metric, each.values) for each in found.series} == {
        ("a", "rps", (0, 1, 2, 3, 4)), ("b", "rps", (0, 1, 2, 3, 4)),
    }  # fmt: skip
    assert found.series[0].times[0] == from_rfc3339("2026-01-01T00:00:00Z") and found.series[0].cites == "s/0"


@pytest.mark.parametrize(
    "answer",
    [
        {"metric": {"__name__": "rps", "service": "a"}, "values": [[1_700_000_000 + 60 * n, str(n)] for n in range(4)]},
        {"label": "rps", "dimensions": [{"Name": "Service", "Value": "a"}], "service": "a",
         "timestamps": [f"2026-01-01T00:0{n}:00Z" for n in range(4)], "values": [0, 1, 2, 3]},
        {"name": "rps", "labels": {"service": "a"}, "samples": [[f"2026-01-01T00:0{n}:00Z", n] for n in range(4)], "reading": {"shape": "trend"}},
        {"service": "a", "metric": "rps", "start": 1_700_000_000, "step": 60, "values": [0, 1, 2, 3], "normal": [1, 1, 1]},
    ],
    ids=["prometheus matrix", "cloudwatch", "samples", "start and step"],
)  # fmt: skip
def test_one_series_is_read_in_each_of_the_forms_monitoring_systems_write(answer: dict[str, Any]) -> None:
    (series,) = read("s/0", {"series": [answer]}).series
    assert (series.service, series.metric, series.values) == ("a", "rps", (0, 1, 2, 3))


def test_what_is_not_a_number_or_missing_leaves_a_gap_and_no_fault() -> None:
    (series,) = read(
        "s/0", {"metric": "m", "service": "a", "start": 1_700_000_000, "step": 60, "values": [1, None, "NaN", 4, 5]}
    ).series
    assert series.times[1] - series.times[0] == 180_000_000
    assert series.values == (1, 4, 5)


def test_spans_know_who_called_them_who_they_call_and_whether_they_failed() -> None:
    rows = [
        {"trace_id": "t", "span_id": "1", "parent_id": None, "service": "web", "name": "GET /", "start": "2026-01-01T00:00:00Z", "duration_ms": 5, "status": "OK"},
        {"traceId": "t", "spanId": "2", "parentSpanId": "1", "service.name": "api", "name": "call", "startTimeUnixNano": "1767225600000000000",
         "endTimeUnixNano": "1767225600004000000", "status": "ERROR", "peer.service": "mail", "error": "refused"},
    ]  # fmt: skip
    first, second = read("s/0", rows).spans
    assert (first.parent, first.failed, second.parent, second.peer) == (None, False, "1", "mail")
    assert second.failed and second.duration_ms == pytest.approx(4) and second.error == "refused"


def test_commits_are_read_with_their_diff_and_the_longer_answer_of_two_about_one_wins() -> None:
    short = {"commit": "ab" * 20, "at": "2026-01-01T00:00:00Z", "author": "x", "title": "fix it", "files": ["a.go"]}
    long = {**short, "patch": "@@\n-a\n+b", "files": [{"path": "a.go", "added": 1}]}
    found = merged([read("s/0", {"commits": [short]}), read("s/1", long)])
    assert {each.diff for each in found.commits} == {"", "@@\n-a\n+b"} and all(
        each.files == ("a.go",) for each in found.commits
    )
    assert len(read("s/0", {"commits": [short], "more": [long]}).commits) == 1


def test_deploys_and_flags_are_changes_and_say_what_they_carry() -> None:
    deploy = {"timestamp": "2026-01-01T00:00:00Z", "service": "api", "commit_sha": "ab" * 20, "version": "v7"}
    flag = {"timestamp": "2026-01-01T00:01:00Z", "flag": "new_way", "service": "api", "change": "off->on"}
    first, second = read("s/0", [deploy, flag]).changes
    assert (first.kind, first.commit, second.kind, second.id) == ("deploy", "ab" * 20, "flag", "new_way")


def test_lines_of_a_log_have_their_time_and_level_wherever_they_stand() -> None:
    text = "2026-01-01T00:00:00Z ERROR no route\nINFO:app:started\nWARN  slow\nplain words\n"
    found = read("s/0", text)
    assert [(line.rank, line.at is not None) for line in found.logs] == [(4, True), (2, False), (3, False)]
    assert [said.text for said in found.said] == ["plain words"]


def test_a_line_wrapped_by_the_container_runtime_is_read_by_what_is_in_it() -> None:
    inner = '{"log":"{\\"severity\\":\\"error\\",\\"message\\":\\"cannot reach it\\"}\\n","stream":"stdout"}'
    (line,) = read("s/0", [{"timestamp": "2026-01-01T00:00:00Z", "podname": "api-7f9dd8b6c4-x7gr9", "log": inner}]).logs
    assert (line.text, line.rank, line.service) == ("cannot reach it", 4, "api")


def test_events_and_conditions_that_are_well_are_left_out_and_warnings_are_marked() -> None:
    rows = {
        "events": [
            {
                "reason": "FailedScheduling",
                "message": "0/2 nodes are available",
                "type": "Warning",
                "count": 5,
                "involved_object": "Pod/a",
            },
            {"reason": "Pulled", "message": "image is there", "type": "Normal", "involved_object": "Pod/a"},
        ],
        "conditions": [{"type": "Ready", "status": "True", "reason": "", "message": ""}],
    }
    (said,) = [each for each in read("s/0", rows).said if each.level > 0]
    assert said.text == "FailedScheduling: 0/2 nodes are available" and said.count == 5 and said.level == 2


def test_a_table_of_a_command_line_keeps_warnings_as_marked_lines() -> None:
    text = "Events:\n  Type     Reason            Age   From\n  Warning  FailedScheduling  38s   scheduler  no node fits\n  Normal   Pulled   1s  kubelet  fine\n"
    marked = [each.text for each in read("s/0", text).said if each.level == 2]
    assert len(marked) == 1 and marked[0].endswith("no node fits")


def test_patterns_a_tool_has_counted_already_are_taken_as_counted() -> None:
    row = {
        "pattern": "no <n> left",
        "service": "api",
        "severity": "error",
        "before": 0,
        "after": 9,
        "example": "no 3 left",
    }
    (pattern,) = read("s/0", {"templates": [row]}).patterns
    assert (pattern.before, pattern.after, pattern.rank) == (0, 9, 4)


def test_a_status_page_tells_trouble_only_while_it_lasts() -> None:
    now = {
        "service": "Storage",
        "status": "degraded",
        "title": "Errors",
        "detail": "elevated error rates",
        "started_at": "2026-01-01T00:00:00Z",
    }
    over = {**now, "resolved_at": "2026-01-01T01:00:00Z"}
    assert [each.level for each in read("s/0", [now, over]).said] == [1, 0]


@pytest.mark.parametrize(
    "answer", [None, [], {}, "", 7, True, [[[]]], {"a": {"b": [None]}}, "{", '{"a": ', "\x00", {"values": [[1], [2]]}]
)
def test_nothing_is_too_odd_to_be_read(answer: object) -> None:
    read("s/0", answer)
