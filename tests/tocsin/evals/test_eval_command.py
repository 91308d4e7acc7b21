"""`tocsin eval`, end to end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli.app import app

ASKED = ("eval", "incidents", "--workers", "1")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_cases_are_answered_scored_and_told_with_intervals_cost_and_time(handed_out: Path) -> None:
    code, out, _ = run(*ASKED, "--cases", str(handed_out), "--model", "none", "--json")
    told = json.loads(out)
    assert code == 0 and told["cases"] == 4 and not told["faults"]
    assert told["measures"]["root cause"]["value"] == 1.0
    assert 0.3 < told["measures"]["root cause"]["low"] < 0.6 and told["measures"]["root cause"]["high"] == 1.0
    assert told["usage"]["model_calls"] == 0 and told["usage"]["cost_usd"] == 0 and told["usage"]["tool_calls"] == 24
    assert 0 < told["cpu_s"]["most"] <= told["cpu_s"]["total"] and told["calibration"]["cases"] == 4


def test_the_table_for_people_has_floors_and_calibration(handed_out: Path) -> None:
    code, out, _ = run(*ASKED, "--cases", str(handed_out))
    assert code == 0 and "95 %" in out and "4/4" in out and "floor" in out and "Brier" in out and "$0.0000" in out


def test_answers_are_written_one_a_line_in_the_order_of_the_cases(handed_out: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    assert run(*ASKED, "--cases", str(handed_out), "--out", str(out))[0] == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"case-{number}" for number in range(4)]
    assert all(set(row) == {"id", "answer"} for row in rows)
    assert rows[3]["answer"]["root_cause_commit"] == "none" and rows[0]["answer"]["decision"] == "page"
    assert all(len(row["answer"]["analysis"]) <= 1500 for row in rows)


def test_worse_than_the_baseline_is_exit_1_and_says_what(handed_out: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    run(*ASKED, "--cases", str(handed_out), "--out", str(good))
    assert run(*ASKED, "--cases", str(handed_out), "--baseline", str(good))[0] == 0
    (handed_out.parent / "incidents" / "c0" / "commits.json").write_text("[]")
    (handed_out.parent / "incidents" / "c0" / "deploys.json").write_text("[]")
    code, _, err = run(*ASKED, "--cases", str(handed_out), "--baseline", str(good))
    assert code == 1 and "worse than before: root cause went from 1.000 to 0.750" in err
    assert run(*ASKED, "--cases", str(handed_out), "--baseline", str(good), "--tolerance", "0.3")[0] == 0


def test_several_processes_give_the_same_answers_as_one(handed_out: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    run(*ASKED, "--cases", str(handed_out), "--out", str(one))
    command = [
        sys.executable,
        "-m",
        "tocsin",
        "eval",
        "incidents",
        "--cases",
        str(handed_out),
        "--workers",
        "2",
        "--out",
        str(two),
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert one.read_bytes() == two.read_bytes()


def test_without_a_scorer_cases_are_answered_and_nothing_is_scored(handed_out: Path, tmp_path: Path) -> None:
    (handed_out.parent.parent / "score.py").unlink()
    code, out, _ = run(*ASKED, "--cases", str(handed_out))
    assert code == 0 and "no scorer" in out


def test_reference_answers_are_opened_by_the_scorer_alone(handed_out: Path, tmp_path: Path) -> None:
    opened: list[str] = []
    watch = "import sys; sys.addaudithook(lambda event, args: event == 'open' and print('OPENED', args[0], file=sys.stderr))"
    code = f"{watch}; from tocsin.cli.app import app; app({[*ASKED, '--cases', str(handed_out)]!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    opened = [line for line in done.stderr.splitlines() if line.startswith("OPENED")]
    assert done.returncode == 0 and any("commits.json" in line for line in opened)
    assert not any("/truth" in line for line in opened)


def test_a_case_that_cannot_be_read_is_an_empty_answer_with_its_reason(handed_out: Path) -> None:
    (handed_out.parent / "incidents" / "c1" / "logs.ndjson").unlink()
    code, _, err = run(*ASKED, "--cases", str(handed_out))
    assert code == 1 and "case-1" in err and "is not there" in err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("eval", "incident", "--cases", "x.jsonl"), 2, "did you mean 'incidents'"),
        (("eval", "incidents", "--cases", "x.jsonl"), 3, "is not there"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_what_was_expected(
    arguments: tuple[str, ...], code: int, says: str
) -> None:
    found = run(*arguments)
    assert found[0] == code and says in found[2]


def test_a_model_nobody_configured_is_refused_with_those_that_are(handed_out: Path, tmp_path: Path) -> None:
    config = tmp_path / "tocsin.yaml"
    config.write_text("data: ./data\n")
    code, _, err = run(*ASKED, "--cases", str(handed_out), "--model", "some/model", "--config", str(config))
    assert code == 2 and "no model 'some/model'" in err


@pytest.mark.parametrize("line", ["{", '{"id": 1}', '{"id": "a", "suite": "petshop", "input": {}}'])
def test_a_file_that_holds_no_cases_of_the_suite_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(line + "\n")
    code, _, err = run("eval", "incidents", "--cases", str(file))
    assert code == 3 and "cases.jsonl:1" in err.replace("\n", "")
