"""A folder of cases as they are handed out: cases, a scorer beside them, and reference answers nobody but the scorer may open."""

import json
from pathlib import Path

import pytest

from tests.support.told_incidents import told_incidents

SCORER = """
import json, pathlib, sys
here = pathlib.Path(__file__).parent
truth = {row["id"]: row["commit"] for row in map(json.loads, open(here / "truth" / "incidents.jsonl"))}
answers = {row["id"]: row["answer"] for row in map(json.loads, open(sys.argv[2]))}
if set(truth) != set(answers):
    sys.exit("ids differ")
rows = {}
for name, commit in truth.items():
    passed = answers[name].get("root_cause_commit") == commit
    urgent = answers[name].get("decision") in ("page", "open_issue")
    rows[name] = {"pass": passed, "decoy": False, "service": True, "decision": urgent, "urgent": urgent, "real": True}
print(json.dumps({"suite": sys.argv[1], "cases": len(rows), "metrics": {"passed": sum(row["pass"] for row in rows.values())}, "rows": rows}))
"""


@pytest.fixture
def handed_out(tmp_path: Path) -> Path:
    """The file of cases; four made-up incidents, one of them with no change to blame."""
    from tests.support.told_incidents import at, sha

    names = ("a list read past its end", "a setting nobody set", "a lock on a hot table", "more visitors")
    cases, truth = [], []
    for number, name in enumerate(names):
        told = told_incidents()[name]
        folder = tmp_path / "cases" / "incidents" / f"c{number}"
        folder.mkdir(parents=True)
        answers = told.answers()
        files = {
            "commits.json": answers["git.recent"],
            "deploys.json": answers["changes.deploys"],
            "flags.json": answers["changes.flags"],
            "traces.json": answers["traces.spans"],
        }
        for file, rows in files.items():
            (folder / file).write_text(json.dumps(rows))
        (folder / "logs.ndjson").write_text("\n".join(json.dumps(row) for row in told.logs))
        rows = [
            "timestamp,service,metric,value",
            *(f"{row['timestamp']},{row['service']},{row['metric']},{row['value']}" for row in told.samples),
        ]
        (folder / "metrics.csv").write_text("\n".join(rows))
        alert = {
            "service": told.service,
            "metric": told.metric,
            "severity": "critical",
            "summary": told.alert,
            "fired_at": at(3),
        }
        given = {"alert": alert, "dir": f"incidents/c{number}", "files": sorted(each.name for each in folder.iterdir())}
        cases.append({"id": f"case-{number}", "suite": "incidents", "input": given})
        truth.append({"id": f"case-{number}", "commit": sha(told.culprit) if told.culprit else "none"})
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "incidents.jsonl").write_text("\n".join(map(json.dumps, truth)))
    (tmp_path / "score.py").write_text(SCORER)
    cases_file = tmp_path / "cases" / "incidents.jsonl"
    cases_file.write_text("\n".join(map(json.dumps, cases)) + "\n")
    return cases_file
