"""`tocsin up` as a process of its own: what it shows, what it answers, and how it ends."""

import json
import threading
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from schemas import Command, Decision, Incident
from tests.support.linear_server import LinearServer
from tests.support.program import child, to_linear

ERROR = {"title": "Mail fails", "severity": "error", "type": "error", "service": "mail", "id": "evt-1"}


def test_the_samples_tell_a_whole_decision_and_the_program_serves_on_until_it_is_told_to_end(
    tmp_path: Path, linear: LinearServer
) -> None:
    with child(tmp_path, {"connectors": {"linear": to_linear(linear)}}, "--samples") as there:
        printed = there.until(lambda: _through(there.stdout.read_text()), "the story of the samples")
        order = [
            "incident.opened",
            "playbook.selected",
            "investigation.concluded",
            "Verdict",
            "linear.create_issue  would be done",
        ]
        assert [printed.index(each) for each in order] == sorted(printed.index(each) for each in order)
        for said in ("Evidence", "Likely cause", "KeyError: 'amount'", "rehearsal: nothing is sent"):
            assert said in printed
        assert linear.requests == []

        assert there.http.get("/healthz").json() == {"status": "alive"}
        ready = there.http.get("/readyz")
        assert ready.status_code == 200 and ready.json()["ready"] is True
        assert {"triage", "investigate", "act", "record", "journal"} <= set(ready.json()["parts"])
        families = {family.name for family in text_string_to_metric_families(there.http.get("/metrics").text)}
        assert {"tocsin_ingest_requests", "tocsin_triage_decisions", "tocsin_journal_queue_depth"} <= families

        for path in ("/api/v1/incidents", "/api/v1/stream", "/api/v1/incidents/inc_x", "/api/v1/commands"):
            refused = there.http.request("POST" if path.endswith("commands") else "GET", path)
            assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"
            wrong = {"authorization": "Bearer wrong"}
            assert (
                there.http.request("POST" if path.endswith("commands") else "GET", path, headers=wrong).status_code
                == 401
            )
        listed = [
            Incident.model_validate(each) for each in there.http.get("/api/v1/incidents", headers=there.api()).json()
        ]
        assert listed and all(each.rehearsal for each in listed)
        one = there.http.get(f"/api/v1/incidents/{listed[0].id}", headers=there.api()).json()
        assert Incident.model_validate(one) == listed[0]
        story = there.http.get(f"/api/v1/incidents/{listed[0].id}/decisions", headers=there.api()).json()
        assert next(Decision.model_validate(each).kind for each in story) == "incident.opened"
        assert there.http.get("/api/v1/incidents/inc_none", headers=there.api()).status_code == 404
        nothing = there.http.post("/api/v1/commands", headers=there.api(), content=b'{"kind": 7}')
        assert nothing.status_code == 400 and nothing.json()["faults"]

        assert there.terminate() == 0
        assert not there.folder.address.exists()
        assert "Traceback" not in there.stderr.read_text() and "Exception" not in there.stderr.read_text()


def _through(printed: str) -> str:
    return printed if "Serving at" in printed else ""


def test_the_stream_delivers_decisions_as_they_are_made_and_continues_where_it_was_left(tmp_path: Path) -> None:
    with child(tmp_path) as there:
        beginning = there.http.get("/readyz").status_code == 200
        assert beginning
        with there.http.stream("GET", "/api/v1/stream", headers=there.api()) as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            sending = threading.Thread(target=lambda: there.http.post("/in/generic", json=ERROR))
            sending.start()
            heard: list[tuple[int, Decision]] = []
            offset = 0
            for line in events.iter_lines():
                if line.startswith("id: "):
                    offset = int(line[4:])
                if line.startswith("data: "):
                    heard.append((offset, Decision.model_validate(json.loads(line[6:]))))
                    if heard[-1][1].kind == "investigation.concluded":
                        break
            sending.join()
        kinds = [decision.kind for _, decision in heard]
        assert (
            kinds.index("incident.opened") < kinds.index("playbook.selected") < kinds.index("investigation.concluded")
        )
        first = next(offset for offset, decision in heard if decision.kind == "incident.opened")
        again = there.api() | {"last-event-id": str(first)}
        with there.http.stream("GET", "/api/v1/stream", headers=again) as events:
            line = next(line for line in events.iter_lines() if line.startswith("data: "))
            assert Decision.model_validate(json.loads(line[6:])).kind == "playbook.selected"
        assert there.http.get("/api/v1/stream?after=x", headers=there.api()).status_code == 400


def test_an_open_stream_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    with child(tmp_path) as there, there.http.stream("GET", "/api/v1/stream", headers=there.api()) as events:
        assert events.status_code == 200
        assert there.terminate() == 0


def test_a_command_by_the_programming_interface_is_decided(tmp_path: Path) -> None:
    with child(tmp_path) as there:
        command = Command(
            id="cmd_1", kind="approve", author="human:ana", origin="api", at=0, data={"action_id": "act_x"}
        )
        answer = there.http.post("/api/v1/commands", headers=there.api(), content=command.to_json())
        assert (answer.status_code, answer.json()) == (202, {"id": "cmd_1"})
        with there.http.stream("GET", "/api/v1/stream?after=0", headers=there.api()) as events:
            for line in events.iter_lines():
                if line.startswith("data: ") and json.loads(line[6:])["kind"] == "command.refused":
                    assert "no action 'act_x' is known" in line
                    break


def test_a_part_that_cannot_work_is_named_while_the_door_and_the_others_go_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "ledger").write_text("where the ledger's folder should be")
    with child(tmp_path) as there:
        state = there.until(lambda: _unready(there.http.get("/readyz")), "a part that is not ready")
        assert set(state["faults"]) == {"record"} and "ledger" in state["faults"]["record"]
        assert state["parts"]["triage"] == "running"
        assert there.http.get("/healthz").status_code == 200
        assert there.http.post("/in/generic", json=ERROR).status_code == 200
        there.until(lambda: there.http.get("/api/v1/incidents", headers=there.api()).json(), "the incident")
        (data / "ledger").unlink()
        there.until(lambda: there.http.get("/readyz").status_code == 200, "readiness")
        assert there.terminate() == 0


def _unready(answer: object) -> dict[str, dict[str, str]]:
    return answer.json() if answer.status_code == 503 else {}  # type: ignore[attr-defined]


def test_what_was_acknowledged_before_a_kill_is_decided_after_it_once(tmp_path: Path, linear: LinearServer) -> None:
    config = {"connectors": {"linear": to_linear(linear)}}
    with child(tmp_path, config) as there:
        assert there.http.post("/in/generic", json=ERROR).status_code == 200
        there.kill()
    with child(tmp_path, config) as there:
        there.until(lambda: linear.issues, "the issue")
        there.until(
            lambda: [e for e in there.http.get("/api/v1/incidents", headers=there.api()).json() if e.get("external")]
        )
        assert there.terminate() == 0
    assert len(linear.issues) == 1
