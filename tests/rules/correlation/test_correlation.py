"""Correlation: what joins, what does not, what is left out, what moves on a second look, and where it began."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.correlation.background import background
from rules.correlation.graph import FAR, Graph
from rules.correlation.learnt import EPISODES, no_past, remember, together
from rules.correlation.placing import Correlator
from rules.correlation.root import root_of
from rules.correlation.second_look import second_look
from rules.correlation.topology import read
from rules.correlation.values import Alert, Change, Weights
from schemas.document import DocumentInvalid
from schemas.time import SECOND

TOPOLOGY = """
services:
  shop: {depends_on: [basket, till]}
  till: {depends_on: [ledger]}
  blog: {depends_on: [pages]}
beside:
  - [fax, printer]
"""


def graph() -> Graph:
    return read(TOPOLOGY, "topology.yaml").graph()


def alert(number: int, at_s: float, name: str, service: str = "", **labels: str) -> Alert:
    return Alert(f"a{number}", round(at_s * SECOND), name, service, labels)


def placed(alerts: Iterable[Alert], known: Graph | None = None) -> dict[str, str | None]:
    correlator = Correlator(known or graph())
    return {one.id: correlator.place(one).incident for one in alerts}


def test_an_alert_of_a_neighbour_joins_and_one_of_a_stranger_minutes_later_does_not() -> None:
    found = placed(
        [alert(1, 0, "HighErrors", "ledger"), alert(2, 60, "HighErrors", "till"), alert(3, 170, "HighErrors", "pages")]
    )
    assert found == {"a1": "a1", "a2": "a1", "a3": "a3"}


def test_the_same_alert_of_the_same_service_joins_its_own_incident_among_several() -> None:
    found = placed(
        [
            alert(1, 0, "HighErrors", "ledger"),
            alert(2, 120, "SlowPages", "pages"),
            alert(3, 200, "HighErrors", "ledger"),
            alert(4, 210, "SlowPages", "pages-service"),
        ]
    )
    assert found == {"a1": "a1", "a2": "a2", "a3": "a1", "a4": "a2"}


def test_an_incident_that_heard_nothing_for_long_takes_no_more() -> None:
    assert placed([alert(1, 0, "HighErrors", "ledger"), alert(2, 301, "HighErrors", "ledger")])["a2"] == "a2"


def test_shared_labels_join_and_differing_ones_keep_apart() -> None:
    first = alert(1, 0, "HighErrors", "fax", cluster="east")
    assert placed([first, alert(2, 100, "Slow", "scanner", cluster="east")])["a2"] == "a1"
    assert placed([first, alert(2, 20, "Slow", "scanner", cluster="west")])["a2"] == "a2"


def test_alerts_after_one_change_are_joined_by_it() -> None:
    alerts = [alert(1, 600, "HighErrors", "ledger"), alert(2, 735, "JobFailed", "till")]
    without, after = Correlator(Graph()), Correlator(graph(), Weights(near=0.0))
    after.changed(Change("deploy 7", 500 * SECOND, "ledger"))
    assert [without.place(one).incident for one in alerts] == ["a1", "a2"]
    last = [after.place(one) for one in alerts][1]
    assert last.incident == "a1"
    assert "both came after the change deploy 7" in [reason.text for reason in last.because]


@pytest.mark.parametrize("name", ["Watchdog", "CPUThrottlingHigh", "KubeQuotaAlmostFull", "dead_man_switch"])
def test_background_is_left_out_with_its_reason(name: str) -> None:
    correlator = Correlator(graph())
    one = correlator.place(Alert("a", 0, name, "till"))
    assert one.incident is None
    assert one.because[0].text.startswith("an alert about ")
    assert correlator.place(Alert("b", 0, name, "till", leave_out=False)).incident == "b"


@pytest.mark.parametrize("name", ["HighErrors", "KubePodCrashLooping", "DiskFull", "RestartedOften", "ClockStopped"])
def test_what_tells_of_an_incident_is_no_background(name: str) -> None:
    assert background(name) is None


def test_a_second_look_moves_an_alert_to_the_incident_that_turned_out_to_be_around_it() -> None:
    alerts = [
        alert(1, 0, "Slow", "pages"),
        alert(2, 300, "HighErrors", "shop"),
        alert(3, 304, "HighErrors", "till"),
        alert(4, 308, "HighErrors", "basket"),
    ]
    first = {"a1": "a1", "a2": "a1", "a3": "a3", "a4": "a3"}
    assert [(one.alert, one.was, one.now) for one in second_look(alerts, first, graph())] == [("a2", "a1", "a3")]


def test_an_alert_alone_does_not_go_to_a_stranger() -> None:
    alerts = [alert(1, 0, "Slow", "pages"), alert(2, 200, "HighErrors", "till"), alert(3, 210, "HighErrors", "till")]
    assert second_look(alerts, {"a1": "a1", "a2": "a2", "a3": "a2"}, graph()) == []


def test_the_root_is_where_trouble_comes_from_and_what_is_near_a_cause() -> None:
    alerts = [
        alert(1, 0, "HighErrors", "shop"),
        alert(2, 5, "NoRequestsReceived", "basket"),
        alert(3, 9, "HighErrors", "till"),
        alert(4, 20, "PodCrashLooping", "ledger"),
    ]
    found = root_of(alerts, graph())
    assert [one.service for one in found] == ["ledger", "till", "basket", "shop"]
    assert found[0].because == ("its trouble comes to shop, till", "PodCrashLooping is near a cause")


def test_a_change_just_before_speaks_for_a_root_and_one_after_it_does_not() -> None:
    alerts = [alert(1, 100, "HighErrors", "fax"), alert(2, 100, "HighErrors", "printer")]
    assert root_of(alerts, graph(), [Change("flag 3", 40 * SECOND, "printer")])[0].service == "printer"
    assert root_of(alerts, graph(), [Change("flag 3", 140 * SECOND, "printer")])[0].service == "fax"


def test_nothing_is_the_root_of_alerts_without_services() -> None:
    assert root_of([alert(1, 0, "HighErrors")], graph()) == []


def test_the_graph_knows_who_suffers_and_who_is_beside() -> None:
    known = graph()
    assert (known.suffers("ledger", "till"), known.suffers("ledger", "shop"), known.suffers("shop", "ledger")) == (
        1,
        2,
        FAR,
    )
    assert (known.apart("shop", "ledger"), known.apart("fax", "printer"), known.apart("shop", "blog")) == (2, 1, FAR)


def test_services_are_neighbours_that_went_down_together_in_half_of_the_episodes_of_either_and_in_three() -> None:
    past = no_past()
    for episode in (["fax", "blog"], ["fax", "blog", "till"], ["blog"]):
        remember(past, episode)
    assert together(past, "fax", "blog") is None
    remember(past, ["blog", "fax"])
    assert together(past, "blog", "fax") == (3, 4)
    assert together(past, "till", "fax") is None
    for _ in range(3):
        remember(past, ["fax"])
    assert together(past, "blog", "fax") is None


def test_what_is_learnt_forgets_what_is_long_past_and_nothing_else() -> None:
    past, late = no_past(), no_past()
    for number in range(EPISODES + 50):
        episode = [f"s{number % 7}", f"s{number % 3}", "till"]
        remember(past, [*dict.fromkeys(episode)])
        if number >= 50:
            remember(late, [*dict.fromkeys(episode)])
    assert past == late


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("service: {}", r"topology.yaml:1:1: unknown key 'service'; did you mean 'services'\?"),
        (
            "services:\n  a: {depend_on: [b]}",
            r"topology.yaml:2:7: unknown key 'depend_on'; did you mean 'depends_on'\?",
        ),
        ("services:\n  a: {depends_on: [a]}", r"topology.yaml:2:\d+: 'a' cannot depend on itself"),
        ("services:\n  a: {depends_on: a}", r"topology.yaml:2:\d+: 'a' cannot depend on itself"),
        ("services:\n  cart: {}\n  cart-service: {}", r"topology.yaml:3:3: 'cart-service' is 'cart' again"),
        ("beside:\n  - [a]", r"topology.yaml:2:5: two services at least go down together, found 'a'"),
        ("services: [a]", r"topology.yaml:1:\d+: services: "),
        ("services: {a: b", r"topology.yaml:\d+:\d+: not YAML"),
    ],
)
def test_a_topology_that_says_something_else_is_refused_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(DocumentInvalid, match=fault):
        read(text, "topology.yaml")


ALERTS = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.sampled_from(["HighErrors", "Slow", "Watchdog"]),
        st.sampled_from(["shop", "till", "ledger", "pages", ""]),
    ),
    max_size=25,
)


def sequence(steps: list[tuple[int, str, str]]) -> list[Alert]:
    found, now = list[Alert](), 0
    for number, (after_s, name, service) in enumerate(steps):
        now += after_s
        found.append(alert(number, now, name, service))
    return found


@given(steps=ALERTS, cut=st.integers(0, 25))
@settings(deadline=None)
def test_stopping_and_restoring_changes_nothing(steps: list[tuple[int, str, str]], cut: int) -> None:
    alerts, whole, begun = sequence(steps), Correlator(graph()), Correlator(graph())
    first = [begun.place(one) for one in alerts[:cut]]
    restored = Correlator(graph(), row=json.loads(json.dumps(begun.row())))
    assert first + [restored.place(one) for one in alerts[cut:]] == [whole.place(one) for one in alerts]


@given(steps=ALERTS)
@settings(deadline=None)
def test_renaming_services_changes_nothing(steps: list[tuple[int, str, str]]) -> None:
    names = {"shop": "alpha", "till": "beta", "ledger": "gamma", "pages": "delta", "": ""}
    renamed = Graph([("gamma", "beta"), ("beta", "alpha")])
    ours = Graph([("ledger", "till"), ("till", "shop")])
    alerts = sequence(steps)
    others = [Alert(one.id, one.at, one.name, names[one.service]) for one in alerts]
    assert placed(alerts, ours) == placed(others, renamed)


def test_what_is_kept_is_bounded() -> None:
    correlator = Correlator(Graph(), most=10)
    for number in range(100):
        correlator.place(alert(number, number * 0.001, f"Alert{number}", f"service-{number}", host=str(number)))
    assert len(correlator.row()["open"]) <= 10
