"""Who fails, since when, and who failed first."""

from processors.evidence.failing import deepest_of, failing_of, graph_of, origin_of
from processors.evidence.shifts import shift_of
from processors.evidence.templates import templates
from processors.evidence.values import Edge, Gathered, LogLine, Series, Span

MINUTE = 60_000_000


def span(
    trace: str,
    number: str,
    parent: str | None,
    service: str,
    *,
    failed: bool = False,
    name: str = "do",
    peer: str | None = None,
) -> Span:
    return Span(trace, number, parent, service, name, 50 * MINUTE, 10.0, failed, "s/0", "no" if failed else "", peer)


def errors(service: str, text: str, first: int) -> list[LogLine]:
    return [LogLine((first + each) * MINUTE, service, 4, text, "s/1") for each in range(4)]


def level(service: str, metric: str, after: float, shift: int = 40) -> Series:
    values = tuple(1.0 + 0.01 * (n % 3) if n < shift else after for n in range(60))
    return Series(service, metric, tuple(MINUTE * n for n in range(60)), values, "s/2")


def test_callers_suffer_from_the_callee_that_fails() -> None:
    gathered = Gathered(
        logs=tuple(
            errors("web", "upstream orders returned 503", 42)
            + errors("orders", "upstream stock timed out", 41)
            + errors("stock", "disk is gone", 41)
        ),
    )
    counted = templates(gathered.logs, 40 * MINUTE)
    graph = graph_of(gathered, counted)
    failing = failing_of(gathered, [], counted)
    assert graph.reach("web") == {"orders", "stock"}
    assert origin_of(failing, graph, gathered, "web") == "stock"


def test_the_deepest_failed_call_of_a_trace_speaks_for_its_service() -> None:
    spans = (
        span("t", "1", None, "web", failed=True),
        span("t", "2", "1", "api", failed=True),
        span("t", "3", "2", "db"),
    )
    assert deepest_of(spans) == {"api": 1}


def test_a_peer_that_never_speaks_itself_is_outside() -> None:
    gathered = Gathered(spans=(span("t", "1", None, "api", failed=True, peer="mail.example.com"),))
    graph = graph_of(gathered, ())
    assert graph.outside == {"mail.example.com"} and ("api", "mail.example.com") in graph.calls


def test_a_metric_that_moves_the_good_way_is_no_failure() -> None:
    gathered = Gathered(
        series=(level("a", "error_ratio", 0.0), level("b", "latency_p99_ms", 30.0), level("c", "ready_replicas", 5.0))
    )
    shifts = [found for each in gathered.series if (found := shift_of(each)) is not None]
    assert set(failing_of(gathered, shifts, ())) == {"b"}


def test_traffic_that_falls_is_the_victim_not_the_cause() -> None:
    gathered = Gathered(
        series=(level("a", "error_ratio", 9.0), level("b", "requests_per_sec", 0.01)),
        edges=(Edge("a", "b", "", "s/3"),),
    )
    shifts = [found for each in gathered.series if (found := shift_of(each)) is not None]
    failing = failing_of(gathered, shifts, ())
    assert origin_of(failing, graph_of(gathered, ()), gathered, None) == "a"


def test_without_any_sign_it_is_the_service_that_raised_the_alarm() -> None:
    assert origin_of({}, graph_of(Gathered(), ()), Gathered(), "x") == "x"
