"""The graph of services learnt from traces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.correlation.topology import read
from rules.correlation.traces import Called, NoTraces, calls, spans, topology_of, written


def otlp(trace: str, *told: tuple[str, str, str]) -> str:
    """A request as the file exporter writes it; spans are (service, span, parent)."""
    resources = [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"spans": [{"traceId": trace, "spanId": span, "parentSpanId": parent}]}],
        }
        for service, span, parent in told
    ]
    return json.dumps({"resourceSpans": resources})


ONE = (("shop", "1", ""), ("till", "2", "1"), ("till", "3", "2"), ("ledger", "4", "3"))


def test_a_span_whose_parent_is_of_another_service_is_a_call() -> None:
    text = "\n".join(otlp(str(number), *ONE) for number in range(3))
    counted = calls(spans(text))
    assert counted == {("shop", "till"): 3, ("till", "ledger"): 3}
    found = read(written(topology_of(counted), counted), "topology.yaml").graph()
    assert (found.suffers("ledger", "shop"), found.apart("shop", "till")) == (2, 1)


def test_calls_that_are_too_few_make_no_neighbour() -> None:
    counted = calls(spans(otlp("a", *ONE)))
    assert topology_of(counted).services == {}
    assert list(topology_of(counted, least=1).services) == ["shop", "till"]
    assert written(topology_of(counted), counted) == "services: {}\n"


def test_jaegers_traces_are_read_too() -> None:
    trace = {
        "processes": {"p1": {"serviceName": "shop"}, "p2": {"serviceName": "till"}},
        "spans": [
            {"traceID": "a", "spanID": "1", "processID": "p1", "references": []},
            {"traceID": "a", "spanID": "2", "processID": "p2", "references": [{"refType": "CHILD_OF", "spanID": "1"}]},
        ],
    }
    assert calls(spans(json.dumps({"data": [trace]}))) == {("shop", "till"): 1}


@pytest.mark.parametrize("text", ["{", "[]", '{"spans": []}', ""])
def test_what_holds_no_traces_is_refused(text: str) -> None:
    if text:
        with pytest.raises(NoTraces):
            list(spans(text))
    else:
        assert list(spans(text)) == []


names = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\x85\u2028\u2029\ufeff"), min_size=1, max_size=8
)


@given(st.lists(st.tuples(names, names), max_size=12))
def test_what_is_written_is_read_again(pairs: list[tuple[str, str]]) -> None:
    told = [Called(str(n), "1", "", caller) for n, (caller, _) in enumerate(pairs)]
    told += [Called(str(n), "2", "1", called) for n, (_, called) in enumerate(pairs)]
    counted = calls(told)
    found = topology_of(counted, least=1)
    assert read(written(found, counted), "topology.yaml") == found
