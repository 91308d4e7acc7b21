"""The command line about a program that runs: what each command says, and the code it ends with."""

import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas import Action, Decision, Incident
from schemas.export import FOLDER
from schemas.quarantine import Quarantine
from tests.support.linear_server import LinearServer
from tests.support.program import Child, child, cli, lines_of, to_linear, tocsin, until

ERROR = {"title": "Checkout fails", "severity": "error", "type": "error", "service": "checkout", "id": "evt-1"}


@dataclass
class Town:
    """A program that runs, with one incident whose issue is open."""

    there: Child
    linear: LinearServer
    incident: Incident

    def decisions(self, kind: str, incident: str | None = None) -> list[Decision]:
        """What was decided about it so far, of a kind."""
        path = f"/api/v1/incidents/{incident or self.incident.id}/decisions"
        found = self.there.http.get(path, headers=self.there.api()).json()
        return [Decision.model_validate(each) for each in found if each["kind"] == kind]

    def run(self, *arguments: str, code: int = 0) -> str:
        """A command; its output. It must end with `code`."""
        ran = cli(*arguments, config=self.there.config)
        assert ran.exit_code == code, (arguments, ran.exit_code, ran.output)
        return ran.stdout if code == 0 else ran.output

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """A command's lines of JSON."""
        return [json.loads(line) for line in self.run(*arguments, "--json").splitlines()]


@pytest.fixture(scope="module")
def town(ground: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One on each ground for all tests here; each looks at its own incident when it changes one."""
    with LinearServer() as linear:
        config = {"connectors": {"linear": to_linear(linear)}}
        with child(tmp_path_factory.mktemp("town"), config) as there:
            yield Town(there, linear, opened(there, "checkout"))


def opened(there: Child, name: str) -> Incident:
    """One more incident, about a service of that name, once something is written outside for it."""
    sent = {**ERROR, "title": f"{name.capitalize()} fails", "service": name, "id": f"evt-{name}"}
    assert there.http.post("/in/generic", json=sent).is_success

    def found() -> list[Incident]:
        answer = there.http.get("/api/v1/incidents", headers=there.api()).json()
        told = [Incident.model_validate(each) for each in answer]
        return [each for each in told if each.service == name and each.external]

    (incident,) = there.until(found, "the incident with what was written for it")
    return incident


def test_incidents_lists_what_is_open(town: Town) -> None:
    listed = town.lines("incidents")
    assert next(Incident.model_validate(each).id for each in listed) == town.incident.id
    assert "Checkout fails" in town.run("incidents")


def test_whatever_is_open_is_listed_and_what_the_limit_leaves_out_is_said(town: Town) -> None:
    opened(town.there, "late")
    every = [each["id"] for each in town.lines("incidents")]
    assert town.incident.id in every and len(every) >= 2
    assert [each["id"] for each in town.lines("incidents", "--limit", "1")] == every[-1:]
    more = len(every) - 1
    said = town.run("incidents", "--limit", "1").splitlines()[0]
    assert said == f"{more} earlier one{'' if more == 1 else 's'} not shown: --limit {len(every)} shows all"


def test_show_takes_the_beginning_of_an_id(town: Town) -> None:
    (shown,) = town.lines("show", town.incident.id[:12])
    assert shown["id"] == town.incident.id
    text = town.run("show", town.incident.id.removeprefix("inc_")[:8])
    assert "Checkout fails" in text and "https://linear.app/acme/issue/OPS-1" in text
    assert "no incident 'inc_zzz'" in town.run("show", "inc_zzz", code=1)


def test_tail_prints_what_was_decided_and_can_be_narrowed(town: Town) -> None:
    kinds = [line["kind"] for line in town.lines("tail", "--once", "-n", "1000")]
    assert {"incident.opened", "action.succeeded"} <= set(kinds)
    assert {line["kind"] for line in town.lines("tail", "--once", "-n", "1000", "--kind", "action.succ")} == {
        "action.succeeded"
    }
    assert "incident.opened" in town.run("tail", "--once", "-n", "1000")


def _heeds_ctrl_c() -> None:
    """Whoever runs the tests in the background may have had SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_tail_follows_what_is_decided_next(town: Town) -> None:
    """In a process of its own, as it ends only when it is told to."""
    out = town.there.config.parent / "tail.txt"
    with out.open("wb") as stdout:
        arguments = [sys.executable, "-m", "tocsin", "tail", "-n", "0", "--json", "--config", str(town.there.config)]
        tail = subprocess.Popen(
            arguments, stdout=stdout, env={**os.environ, "PYTHONUNBUFFERED": "1"}, preexec_fn=_heeds_ctrl_c
        )
    try:
        numbers = itertools.count()

        def followed() -> bool:
            opened(town.there, f"shop-{next(numbers)}")
            return b'"kind":"incident.opened"' in out.read_bytes()

        until(followed, "what the tail printed")
    finally:
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=20) in (0, 1, 130)


def test_a_person_acknowledges_gives_feedback_and_resolves(town: Town) -> None:
    incident = opened(town.there, "mail")
    (command,) = town.lines("acknowledge", incident.id, "--reason", "on it")
    assert command["kind"] == "acknowledge" and command["author"].startswith("human:")
    (acknowledged,) = town.there.until(lambda: town.decisions("incident.acknowledged", incident.id))
    assert acknowledged.actor == command["author"]
    town.run("feedback", incident.id, "noise", "--text", "a drill")
    (feedback,) = town.there.until(lambda: town.decisions("feedback.given", incident.id))
    assert "noise" in json.dumps(feedback.data)
    town.run("resolve", incident.id)
    town.there.until(lambda: town.decisions("incident.resolved", incident.id))
    assert incident.id not in [each["id"] for each in town.lines("incidents")]
    assert incident.id in [each["id"] for each in town.lines("incidents", "--all")]
    comments = town.there.until(lambda: [each for each in town.linear.comments if "resolved" in each["body"].lower()])
    assert [each["issue"] for each in comments] == [str(incident.external[0].title).split()[0]]
    assert "expected noise, duplicate" in town.run("feedback", incident.id, "bad", code=2)


def test_a_command_says_what_became_of_it_and_ends_with_1_when_it_was_refused(town: Town) -> None:
    incident = opened(town.there, "post")
    assert "acknowledged by" in town.run("acknowledge", incident.id, "--reason", "on it")
    assert "has acknowledged the incident already" in town.run("acknowledge", incident.id, code=1)
    assert "no action 'act_nobody' is known" in town.run("approve", "act_nobody", code=1)
    assert "there is no silence 'sil_nobody'" in town.run("silence", "expire", "sil_nobody", code=1)
    ran = cli("approve", "act_nobody", "--json", config=town.there.config)
    assert ran.exit_code == 1 and [each["kind"] for each in lines_of(ran)] == ["approve"] and "is known" in ran.stderr
    shown = [line.split() for line in town.run("show", incident.id).splitlines() if line.startswith("action ")]
    action = next(each for each in shown if each[2:] == ["linear.create_issue", "succeeded"])
    assert f"action '{action[1]}' is succeeded already" in town.run("approve", action[1], code=1)


def test_poison_is_listed_with_its_reason_and_read_once_its_connector_can(town: Town) -> None:
    broken = [{"labels": 7}]
    assert town.there.http.post("/api/v2/alerts", json=broken).is_success
    (held,) = town.there.until(lambda: town.lines("quarantine", "list"))
    assert held["source"] == "alertmanager" and held["reason"]
    content = json.loads(Quarantine.model_validate(held).content)
    assert content == broken or content == broken[0] or broken[0] in content.get("alerts", ()), content
    assert held["id"] in town.run("quarantine", "list")
    assert held["reason"].split(":")[0] in town.run("quarantine", "retry", held["id"], code=1)
    assert "nothing is in quarantine as 'qua_nobody'" in town.run("quarantine", "retry", "qua_nobody", code=1)


def test_every_line_of_json_is_in_a_published_schema(town: Town) -> None:
    incident = opened(town.there, "schemas")
    town.run("silence", "add", 'service == "nobody"', "--for", "1h", "--reason", "r")
    schemas = {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in FOLDER.glob("*.schema.json")
    }
    printed = {
        "finding": ["doctor"],
        "ledgercheck": ["ledger", "verify"],
        "incident": ["incidents", "--all"],
        "decision": ["why", incident.id],
        "silence": ["silence", "list"],
        "silencepreview": ["silence", "preview", 'service == "schemas"'],
        "ruleschecked": ["rules", "check"],
        "playbookschecked": ["playbooks", "check"],
        "command": ["feedback", incident.id, "noise"],
    }
    for name, arguments in printed.items():
        for line in town.there.until(lambda arguments=arguments: town.lines(*arguments)):  # type: ignore[misc]
            Draft202012Validator(schemas[name], format_checker=Draft202012Validator.FORMAT_CHECKER).validate(line)
            # All that is printed is in the schema: nothing slips in beside it.
            assert line.keys() <= schemas[name]["properties"].keys(), (name, line.keys())
    (silence,) = town.lines("silence", "list")
    town.run("silence", "expire", silence["id"])


def test_a_ledger_that_was_edited_or_cut_is_named_by_verify_and_by_doctor(tmp_path: Path) -> None:
    with child(tmp_path) as there:
        assert there.http.post("/in/generic", json=ERROR).is_success
        there.until(lambda: "incident.opened" in cli("tail", "--once", config=there.config).stdout)
        assert there.terminate() == 0
    segment = sorted(there.folder.ledger.glob("segments/*.jsonl"))[-1]
    whole = segment.read_bytes()
    lines = whole.splitlines(keepends=True)
    damages = {
        "edited": whole.replace(b"Checkout fails", b"Checkout works", 1),
        "removed": b"".join([*lines[:2], *lines[3:]]),
        "repeated or out of order": b"".join([*lines[:2], lines[3], lines[2], *lines[4:]]),
        "tail was cut": b"".join(lines[:-1]),
    }
    for said, damaged in damages.items():
        segment.write_bytes(damaged)
        ran = cli("ledger", "verify", config=there.config)
        assert ran.exit_code == 1 and said in ran.stderr and "segment 1" in ran.stderr, (said, ran.output)
        (check,) = lines_of(cli("ledger", "verify", "--json", config=there.config))
        assert check["holds"] is False and any(said in each for each in check["findings"])
        doctor = cli("doctor", config=there.config)
        assert doctor.exit_code == 1 and "`tocsin ledger verify` names them" in doctor.stdout
    # The way out: the damaged one is moved aside, and the recorder begins anew with what the journal holds.
    there.folder.ledger.rename(tmp_path / "aside")
    ran = cli("ledger", "accept", config=there.config)
    assert ran.exit_code == 0 and f"record {len(lines) - 1:,} (" in ran.stdout, ran.output
    assert "nothing to forget" in cli("ledger", "accept", config=there.config).stdout
    with child(tmp_path) as again:
        assert "InUse" not in (busy := cli("ledger", "accept", config=there.config)).output and busy.exit_code == 3
        again.until(lambda: cli("ledger", "verify", config=there.config).exit_code == 0)
        query = "select count(*) as n from decisions where kind = 'incident.opened'"
        again.until(lambda: lines_of(cli("ledger", "sql", query, "--json", config=there.config))[0]["n"] == 1)
        assert again.terminate() == 0
    assert cli("ledger", "verify", config=there.config).exit_code == 0


def test_a_silence_holds_back_lists_and_expires(town: Town) -> None:
    # The journal of the shared kind is that of earlier runs, too.
    name = f"quiet-{secrets.token_hex(4)}"
    town.run("silence", "add", f'service == "{name}"', "--for", "1h", "--reason", "maintenance")
    (silence,) = town.there.until(lambda: town.lines("silence", "list"))
    assert silence["matcher"] == f'service == "{name}"' and "maintenance" in town.run("silence", "list")
    quiet = {**ERROR, "service": name, "title": name, "id": name}
    assert town.there.http.post("/in/generic", json=quiet).is_success
    opened(town.there, "loud")
    titles = [each["title"] for each in town.lines("incidents", "--all")]
    assert "Loud fails" in titles and name not in titles
    (found,) = town.lines("silence", "preview", f'service == "{name}"')
    assert (found["signals"], found["services"]) == (1, {name: 1})
    assert "would have silenced 1 signal in the last 24h." in town.run("silence", "preview", f'service == "{name}"')
    asked = {"matchers": ['service="none"'], "for": "2h"}
    answer = town.there.http.post("/api/v1/silences/preview", json=asked, headers=town.there.api())
    assert answer.json()["says"] == "would have silenced 0 signals in the last 2h" and answer.json()["looked_at"] > 0
    town.run("silence", "expire", silence["id"], "--reason", "done")
    town.there.until(lambda: not town.lines("silence", "list"))
    over = next(each for each in town.lines("silence", "list", "--all") if each["id"] == silence["id"])
    assert over["used"] == 1 and over["over_by"].startswith("human:")
    assert town.there.http.get("/api/v1/silences", headers=town.there.api()).json() == []
    assert over in town.there.http.get("/api/v1/silences?all=1", headers=town.there.api()).json()
    weekly = [
        "--match",
        'team="x"',
        "--for",
        "4d",
        "--every",
        "sunday 02:00-04:00",
        "--zone",
        "Europe/Berlin",
        "-r",
        "r",
    ]
    assert "would have silenced 0 signals in the last 24h." in town.run("silence", "add", *weekly)
    (kept,) = town.there.until(lambda: town.lines("silence", "list"))
    assert kept["times"] == [
        {"times": [{"start_time": "02:00", "end_time": "04:00"}], "weekdays": ["sunday"], "location": "Europe/Berlin"}
    ]
    town.run("silence", "expire", kept["id"])
    town.there.until(lambda: not town.lines("silence", "list"))
    for arguments in (["x == 1", "--every", "sometimes"], ["--match", "x"], []):
        town.run("silence", "add", *arguments, "--reason", "r", code=2)
    for arguments in (["service =="], ["nobody == 1"], ['service == "x"', "--for", "soon"]):
        town.run("silence", "add", *arguments, "--reason", "r", code=2)


def test_doctor_finds_nothing_wrong_and_names_what_is(town: Town, tmp_path: Path) -> None:
    found = town.lines("doctor")
    assert {each["grade"] for each in found} <= {"ok", "note"}
    assert any(each["about"] == "program" and "every part ready" in each["found"] for each in found)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.yaml").write_text("rules: [{name: x, wen: 'true'}]")
    (tmp_path / "tocsin.yaml").write_text('{"listen": "127.0.0.1:0"}')
    ran = cli("doctor", "--json", config=tmp_path / "tocsin.yaml")
    faults = [each for each in lines_of(ran) if each["grade"] == "fault"]
    assert ran.exit_code == 1 and len(faults) == 1 and "did you mean" in faults[0]["found"] and faults[0]["fix"]


def test_the_ledger_can_be_read_by_another_process_while_the_program_runs(town: Town) -> None:
    there = town.there
    query = "select kind, count(*) as n from decisions group by kind order by kind"

    def recorded() -> dict[str, int]:
        ran = tocsin("ledger", "sql", query, "--json", "--config", str(there.config), folder=there.config.parent)
        assert ran.returncode == 0, ran.stderr
        counts = {line["kind"]: line["n"] for line in lines_of(ran)}
        return counts if "action.succeeded" in counts else {}

    assert there.until(recorded)["incident.opened"] >= 1
    assert lines_of(cli("ledger", "verify", "--json", config=there.config))[0]["holds"] is True
    exported = [json.loads(line) for line in town.run("ledger", "export").splitlines()]
    assert exported and all(Decision.model_validate(each) for each in exported)
    assert "kind" in town.run("ledger", "sql", query)
    town.run("ledger", "sql", "select nothing from nowhere", code=2)


def test_a_second_program_on_the_same_folder_is_refused_and_the_first_goes_on(town: Town) -> None:
    ran = tocsin("up", "--config", str(town.there.config), folder=town.there.config.parent)
    assert ran.returncode == 3 and b"Traceback" not in ran.stderr, ran.stderr
    assert town.there.http.get("/readyz").status_code == 200


def test_rules_and_playbooks_are_checked_and_explained(town: Town, tmp_path: Path) -> None:
    assert town.lines("rules", "check")[0]["rules"] >= 8
    assert "triage-error" in town.lines("playbooks", "check")[0]["playbooks"]
    bad = tmp_path / "bad.yaml"
    bad.write_text("rules:\n  - name: x\n    wen: 'true'\n    group_by: [service]\n    playbook: nobody\n")
    ran = cli("rules", "check", str(bad), "--json", config=town.there.config)
    faults = lines_of(ran)
    assert ran.exit_code == 1 and {each["line"] for each in faults} >= {3} and all(each["file"] for each in faults)
    parsed = tmp_path / "signal.json"
    (tmp_path / "evt.json").write_text(json.dumps(ERROR))
    parsed.write_text(town.run("parse", "--connector", "generic", str(tmp_path / "evt.json"), "--json"))
    assert "errors" in town.run("rules", "explain", "errors", "--signal", str(parsed))
    assert "did you mean" in town.run("rules", "explain", "erors", "--signal", str(parsed), code=2)
    assert "not a Signal" in town.run("rules", "explain", "--signal", str(bad), code=3)


def test_init_writes_a_folder_that_doctor_and_check_accept_and_overwrites_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert cli("init", str(folder)).exit_code == 0
    config = folder / "tocsin.yaml"
    for command in (["rules", "check"], ["playbooks", "check"]):
        ran = cli(*command, config=config)
        assert ran.exit_code == 0, ran.output
    config.write_text(config.read_text().replace("# listen: 127.0.0.1:8710", "listen: 127.0.0.1:0"))
    ran = cli("doctor", config=config)
    assert ran.exit_code == 0, ran.output
    mine = config.read_text()
    ran = cli("init", str(folder))
    assert ran.exit_code == 1 and "would be overwritten" in ran.output and config.read_text() == mine


def test_with_nothing_recorded_looking_back_says_so_and_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text("{}")
    for command in (
        ["incidents"],
        ["show", "x"],
        ["why", "x"],
        ["tail", "--once"],
        ["ledger", "verify"],
        ["silence", "list"],
    ):
        ran = cli(*command, config=tmp_path / "tocsin.yaml")
        assert ran.exit_code == 3, (command, ran.output)
        assert ran.stderr and "Traceback" not in ran.output
    assert cli("incidents", config=tmp_path / "absent.yaml").exit_code == 3
    assert cli("incidents", "--nonsense", config=tmp_path / "tocsin.yaml").exit_code == 2


def test_a_command_given_while_nothing_runs_takes_effect_at_the_next_start(tmp_path: Path) -> None:
    with LinearServer() as linear:
        config = {"connectors": {"linear": to_linear(linear)}}
        with child(tmp_path, config) as there:
            incident = opened(there, "checkout")
            assert there.terminate() == 0
        ran = cli("acknowledge", incident.id, config=there.config)
        assert ran.exit_code == 0 and "when `tocsin up` runs" in ran.stdout
        with child(tmp_path, config) as there:
            town = Town(there, linear, incident)
            there.until(lambda: town.decisions("incident.acknowledged"))
            assert Action.model_validate(town.decisions("action.succeeded")[0].data["action"]).state == "succeeded"
        assert len(linear.issues) == 1
