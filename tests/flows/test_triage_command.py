"""`tocsin triage` and `tocsin parse`: recorded requests through the whole line, with nothing sent and nothing kept unless asked."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import schemas
from schemas import Command
from tests.support.linear_server import LinearServer
from tests.support.program import child, cli, configure, lines_of, program, to_linear, tocsin

PAYLOADS = Path(__file__).parents[1] / "connectors" / "sentry" / "payloads"
ERROR = PAYLOADS / "python_exception.envelope"
SCHEMAS = Path(schemas.__file__).parent / "json"
MUST = ["incident.opened", "playbook.selected", "investigation.concluded", "action.proposed"]


def conforms(lines: list[dict[str, object]], name: str) -> None:
    """Every line is valid by a published schema."""
    validator = Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
    assert lines
    for line in lines:
        validator.validate(line)


@pytest.mark.parametrize("file", ["python_exception.envelope", "issue_created.json"])
def test_a_recorded_error_is_decided_and_every_line_is_a_published_decision(
    tmp_path: Path, linear: LinearServer, file: str
) -> None:
    configure(tmp_path, {"connectors": {"linear": to_linear(linear)}})
    ran = tocsin("triage", "--connector", "sentry", str(PAYLOADS / file), "--json", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    lines = lines_of(ran)
    conforms(lines, "decision")
    kinds = [str(line["kind"]) for line in lines]
    assert [kind for kind in dict.fromkeys(kinds) if kind in MUST] == MUST
    assert all(line["rehearsal"] for line in lines if line["kind"] != "rules.activated")
    assert linear.requests == [], "nothing is ever sent"
    assert not (tmp_path / "data" / "journal.db").exists(), "and nothing is kept"


def test_what_is_recorded_can_be_asked_why(tmp_path: Path) -> None:
    configure(tmp_path)
    ran = tocsin("triage", "--connector", "sentry", str(ERROR), "--json", "--record", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    opened = next(line for line in lines_of(ran) if line["kind"] == "incident.opened")
    config = tmp_path / "tocsin.yaml"
    told = cli("why", opened["incident_id"][:14], "--json", config=config)
    assert told.exit_code == 0, told.output
    story = lines_of(told)
    conforms(story, "decision")
    assert [kind for kind in dict.fromkeys(line["kind"] for line in story) if kind in MUST] == MUST
    told_at = {line["id"]: (place, line["at"]) for place, line in enumerate(story)}
    causes = [(cause, line["id"]) for line in story for cause in line["cause"] if cause.startswith("dec_")]
    assert causes and all(told_at[cause] < told_at[follows] for cause, follows in causes)
    # What goes on side by side is told as it was written down, whose moments may cross.
    one_by_one = [line["at"] for line in story if line["kind"].startswith(("incident.", "investigation."))]
    assert one_by_one == sorted(one_by_one)
    shown = cli("why", opened["incident_id"], config=config)
    by_itself = tocsin("triage", str(ERROR), folder=tmp_path)
    assert shown.exit_code == by_itself.returncode == 0, (shown.output, by_itself.stderr)
    for text in (shown.stdout, by_itself.stdout.decode()):
        positions = [text.index(word) for word in (*MUST[:3], "Verdict", "linear.create_issue  would be done")]
        assert positions == sorted(positions)
    signal = next(cause for cause in opened["cause"] if cause.startswith("sig_"))
    about = cli("why", signal, config=config)
    assert about.exit_code == 0 and "sentry-errors" in about.stdout
    whole = cli("ledger", "verify", "--json", config=config)
    assert whole.exit_code == 0 and lines_of(whole)[0]["holds"] is True


def test_through_the_running_program_it_is_recorded_there_and_still_nothing_is_sent(
    tmp_path: Path, linear: LinearServer
) -> None:
    with child(tmp_path, {"connectors": {"linear": to_linear(linear)}}) as there:
        ran = tocsin("triage", "--connector", "sentry", str(ERROR), "--json", "--record", folder=tmp_path)
        assert ran.returncode == 0, ran.stderr
        lines = lines_of(ran)
        assert [kind for kind in dict.fromkeys(line["kind"] for line in lines) if kind in MUST] == MUST
        (kept,) = there.http.get("/api/v1/incidents", headers=there.api()).json()
        assert kept["rehearsal"] is True and kept["id"] == lines[0]["incident_id"]
        assert linear.requests == []


def test_what_was_rehearsed_is_no_repetition_of_what_really_happens(tmp_path: Path) -> None:
    alert = {"title": "Checkout fails", "severity": "critical", "type": "alert", "service": "checkout", "id": "evt-7"}
    lines = {"id": "lines-7", "type": "log", "severity": "error", "title": "no more sockets", "service": "checkout"}

    async def main() -> None:
        async with program(tmp_path) as here:
            for _ in range(2):
                for each in (alert, lines):
                    played = await here.http.post("/in/generic", json=each, headers={"tocsin-rehearsal": "1"})
                    assert played.is_success
            await here.until("incident.opened", where=lambda each: each.rehearsal)
            assert (await here.http.post("/in/generic", json=alert)).is_success
            (opened,) = await here.until("incident.opened", where=lambda each: not each.rehearsal)
            (selected,) = await here.until(
                "playbook.selected", where=lambda each: each.incident_id == opened.incident_id
            )
            (concluded,) = await here.until("investigation.concluded", where=lambda each: not each.rehearsal)
            assert concluded.incident_id == opened.incident_id and not selected.rehearsal
            await here.settle()
            ids = [each.id for each in await here.decisions()]
            assert len(ids) == len(set(ids)), "what was played has decisions of its own"
            real, played_ones = [], []
            for each in await here.incidents():
                (played_ones if each.rehearsal else real).append(each)
            assert [(each.signals, each.duplicates) for each in real] == [(1, 0)]
            assert [(each.signals, each.duplicates) for each in played_ones] == [(1, 1)]
            assert "no more sockets" not in concluded.to_json().decode()

    asyncio.run(main())


@pytest.mark.ground("embedded")
def test_a_door_that_is_open_to_others_is_told_of_no_rehearsal(tmp_path: Path) -> None:
    """It would take it for real: such a request has its token."""
    body = tmp_path / "alert.json"
    body.write_text('[{"labels": {"alertname": "Down", "severity": "critical"}}]')
    meta = {"path": "/in/alertmanager", "headers": [["authorization", "Bearer let-me-in"]]}
    (tmp_path / "alert.meta.json").write_text(json.dumps(meta))

    async def main() -> None:
        config = {"listen": "0.0.0.0:0", "connectors": {"alertmanager": {"tokens": ["let-me-in"]}}}
        async with program(tmp_path / "open", config) as here:
            ran = await here.command("triage", "--record", str(body))
            assert ran.exit_code == 1 and "takes no rehearsals" in ran.stderr, ran.output
            await here.settle()
            assert await here.inputs() == [each for each in await here.inputs() if isinstance(each, Command)]

    asyncio.run(main())


def test_all_files_of_a_folder_can_be_named_and_gzip_is_known_without_a_word(tmp_path: Path) -> None:
    config = configure(tmp_path)
    alert = b'[{"labels": {"alertname": "Down", "severity": "critical"}}]'
    (tmp_path / "one.json").write_bytes(alert)
    (tmp_path / "one.meta.json").write_text('{"path": "/api/v2/alerts"}')
    (tmp_path / "two.gz").write_bytes(gzip.compress(alert))
    files = [str(each) for each in sorted(tmp_path.iterdir()) if each.suffix in (".json", ".gz")]
    assert len(files) == 3
    ran = cli("parse", "--connector", "alertmanager", *files, "--json", config=config)
    assert ran.exit_code == 0 and [line["severity"] for line in lines_of(ran)] == ["critical"] * 2, ran.output


def test_parse_prints_the_signals_and_takes_standard_input(tmp_path: Path) -> None:
    config = configure(tmp_path)
    ran = cli("parse", "--connector", "sentry", str(ERROR), "--json", config=config)
    assert ran.exit_code == 0, ran.output
    conforms(lines_of(ran), "signal")
    alert = b'[{"labels": {"alertname": "Down", "severity": "critical"}}]'
    piped = cli("parse", "--connector", "alertmanager", "-", "--json", config=config, stdin=alert)
    assert [line["severity"] for line in lines_of(piped)] == ["critical"], piped.output


def test_a_file_that_cannot_be_read_or_is_nothing_ends_with_the_code_that_says_so(tmp_path: Path) -> None:
    configure(tmp_path)
    (tmp_path / "oops.json").write_text("{oops")
    config = tmp_path / "tocsin.yaml"
    oops = str(tmp_path / "oops.json")
    for arguments, code, says in (
        (["triage", "--connector", "sentry", "absent.json"], 3, "absent.json is not a file"),
        (["parse", "--connector", "senttry", str(ERROR)], 1, "did you mean"),
        (["parse", oops], 1, "name one with --connector"),
        (["parse", "--connector", "generic", oops], 1, "not JSON"),
        (["triage", "--connector", "generic", oops], 1, "not JSON"),
    ):
        ran = cli(*arguments, config=config)
        assert ran.exit_code == code and says in " ".join(ran.output.split()), (arguments, ran.output)
    assert tocsin("triage", folder=tmp_path).returncode == 2
