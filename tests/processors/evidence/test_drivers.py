"""What uses up a database's resource, and whether two of them are two faults."""

from collections.abc import Sequence
from typing import Any

import pytest

from processors.analyst.driven import driven, unloaded
from processors.evidence.drivers import drivers_of, link_of, resource_of, wait_of
from processors.evidence.saturation import Full
from processors.evidence.values import Series


def full(name: str, service: str | None = "orders-db") -> Full:
    return Full(name, service, 0.95, f"{name} is at 95 %", "s/0", name)


def load(*statements: tuple[str, dict[str, float], float], **more: Any) -> dict[str, Any]:
    """What a tool for the load of a database returns."""
    rows = [
        {"statement": text, "load_avg": sum(waits.values()), "calls_per_sec": calls,
         "wait_events": [{"name": name, "load_avg": part} for name, part in waits.items()]}
        for text, waits, calls in statements
    ]  # fmt: skip
    return {"top_statements": rows, **more}


SCAN = ("SELECT * FROM bookings WHERE note = $1", {"CPU:user": 5.5, "IO:DataFileRead": 0.5}, 2.0)
IDLE = ("SELECT name FROM guests WHERE id = $1", {"Client:ClientRead": 6.0, "CPU:user": 0.2}, 900.0)


def test_a_statement_that_computes_drives_the_processor() -> None:
    (found,) = drivers_of([full("CPUUtilization")], [("s/1", load(SCAN))])
    assert (found.kind, found.statement, found.load, found.whole) == ("cpu", SCAN[0], 5.5, 6.0)
    assert found.each == pytest.approx(2.75) and found.part == 1.0
    text = driven([found])
    assert SCAN[0] in text and "full table scan" in text and "`orders-db`" in text and "plan" in unloaded(found)


def test_sessions_that_wait_for_their_client_hold_connections_and_compute_nothing() -> None:
    found = drivers_of([full("DatabaseConnections"), full("CPUUtilization")], [("s/1", load(IDLE))])
    assert [each.kind for each in found] == ["client"], "what computes hardly at all does not use up the processor"
    assert "connection pool leak" in driven(found) and "end the idle ones" in unloaded(found[0])


def series(name: str, values: Sequence[float]) -> Series:
    return Series("orders-db", name, tuple(range(len(values))), tuple(values), "s/0")


RISING = (50.0, 60.0, 72.0, 81.0, 90.0, 95.0)
UNRELATED = (95.0, 94.0, 95.0, 94.0, 95.0, 94.0)
FALLING = (500.0, 400.0, 280.0, 190.0, 100.0, 20.0)


@pytest.mark.parametrize(
    ("cpu", "kind", "says"),
    [
        (RISING, "linked", "the root cause is the first"),
        (UNRELATED, "apart", "each has its own cause"),
        ((), "unknown", "likelier root cause"),
    ],
)
def test_two_resources_with_different_drivers_are_one_fault_where_they_move_together_and_two_where_they_do_not(
    cpu: Sequence[float], kind: str, says: str
) -> None:
    both = drivers_of([full("CPUUtilization"), full("DatabaseConnections")], [("s/1", load(IDLE, SCAN))])
    link = link_of(both, [series("CPUUtilization", cpu), series("DatabaseConnections", RISING)])
    assert link is not None and link.kind == kind and link.root.kind == "client", "most of the load waits for a client"
    text = driven(both, link)
    assert says in text and text.index("DatabaseConnections") < text.index("CPUUtilization")


def test_two_resources_one_load_uses_up_are_one_fault() -> None:
    writes = ("INSERT INTO audit SELECT * FROM bookings", {"IO:WALWrite": 4.0}, 1.0)
    both = drivers_of([full("FreeStorageSpace"), full("ReplicaLag")], [("s/1", load(writes))])
    link = link_of(both, [])
    assert [each.kind for each in both] == ["log", "log"] and link is not None and link.kind == "same"
    assert "by the same load" in driven(both, link) and link_of(both[:1], []) is None


def test_room_that_falls_as_use_rises_moves_together() -> None:
    writes = ("INSERT INTO audit SELECT * FROM bookings", {"IO:WALWrite": 4.0, "CPU": 2.0}, 1.0)
    both = drivers_of([full("FreeStorageSpace"), full("CPUUtilization")], [("s/1", load(writes))])
    link = link_of(both, [series("FreeStorageSpace", FALLING), series("CPUUtilization", RISING)])
    assert link is not None and link.kind == "linked" and (link.together or 0) > 0.9


def test_waits_listed_for_the_whole_are_taken_before_those_of_statements() -> None:
    waits = [{"name": "Client:ClientRead", "load_avg": 9.0}, {"name": "CPU", "load_avg": 1.0}]
    (found,) = drivers_of([full("connections_in_use")], [("s/1", load(SCAN, top_wait_events=waits))])
    assert (found.load, found.whole, found.statement) == (9.0, 10.0, None)


def test_the_load_of_another_database_explains_nothing() -> None:
    other = load(SCAN, db_instance_identifier="rooms-db")
    assert drivers_of([full("CPUUtilization")], [("s/1", other)]) == ()
    assert len(drivers_of([full("CPUUtilization", "rooms-db")], [("s/1", other)])) == 1


@pytest.mark.parametrize(
    "answer", [None, "text", [], {}, {"rows": [1, 2]}, {"wait_events": [{"name": 1, "load": "x"}]}]
)
def test_answers_of_other_shapes_say_nothing(answer: Any) -> None:
    assert drivers_of([full("CPUUtilization")], [("s/1", answer)]) == () and driven(()) == ""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Client:ClientRead", "client"), ("idle in transaction", "client"), ("IO:WALWrite", "log"), ("IO:DataFileRead", "read"), ("CPU", "cpu"),
        ("Lock:transactionid", "lock"), ("BufFileWrite", "write"), ("Timeout:PgSleep", None),
    ],
)  # fmt: skip
def test_waits_are_known_by_their_names(name: str, kind: str | None) -> None:
    assert wait_of(name) == kind


@pytest.mark.parametrize(
    ("metric", "resource"),
    [("DatabaseConnections", "connections"), ("cpu_usage", "cpu"), ("FreeStorageSpace", "storage"), ("ReplicaLag", "lag"), ("widgets", None)],
)  # fmt: skip
def test_resources_are_known_by_their_metrics(metric: str, resource: str | None) -> None:
    assert resource_of(metric) == resource
