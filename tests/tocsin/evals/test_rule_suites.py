"""The suites the rule layer answers by itself: storms, their roots, and a stream of detections."""

from pathlib import Path

from tocsin.evals import storms, streams
from tocsin.evals.cases import Case

WAYS = [["ledger", "till"], ["till", "shop"]]


def case(suite: str, folder: Path, **given: object) -> Case:
    return Case(id=f"{suite}/1", suite=suite, input=dict(given), folder=folder)


def test_a_storm_is_parted_into_its_incidents_and_background(tmp_path: Path) -> None:
    told = [
        (0.0, "HighErrors", "ledger"),
        (10.0, "Watchdog", "till"),
        (20.5, "HighErrors", "till"),
        (600.0, "HighErrors", "pages"),
    ]
    alerts = [{"i": i, "t": t, "alert": name, "service": service} for i, (t, name, service) in enumerate(told)]
    answer = storms.incidents(case("itbench-storm", tmp_path, alerts=alerts, topology=WAYS))
    assert answer == {"incident": {"0": "0", "1": None, "2": "0", "3": "3"}}


def test_the_root_of_an_incident_comes_first(tmp_path: Path) -> None:
    alerts = [{"alert": "HighErrors", "service": name} for name in ("shop", "till", "ledger")]
    answer = storms.roots(case("itbench-root", tmp_path, alerts=alerts, topology=WAYS))
    assert answer == {"ranked": ["ledger", "till", "shop"]}


def test_a_stream_of_detections_tells_of_signs_and_of_what_goes_on_after_them(tmp_path: Path) -> None:
    rows = [
        (0, 100, "Login success", "mill", "login"),
        (1, 200, "Possible Nmap scan", "gate", "nmap"),
        (2, 205, "Possible Nmap scan", "mill", "nmap"),
        (3, 210, "Brute force attack", "mill", "brute"),
        (4, 220, "Privilege gained", "mill", "gain"),
        (5, 230, "New status code", "mill", "status"),
        (6, 240, "Login success", "mill", "login"),
    ]
    lines = [f"{index},{1_700_000_000 + at},{title},10.0.0.1,{host},{kind}" for index, at, title, host, kind in rows]
    (tmp_path / "stream.csv").write_text("\n".join(lines) + "\n")
    answer = streams.notified(case("ait", tmp_path, stream="stream.csv"))
    assert answer == {"notify": [[index, "open_issue"] for index in (1, 3, 4, 5, 6)]}
