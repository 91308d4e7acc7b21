"""Every benchmark in turn, beside what is asked of it: `python -m tests.bench [--write] [NAME...]`.

Absolute figures are this machine's in this minute; the ratios are to limits measured in the same run. `--write` keeps the table in
docs/benchmarks.md, above the notes that stand there.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "benchmarks.md"
NAMES = (
    "journal",
    "door",
    "rules",
    "alertmanager",
    "rulebook",
    "ledger",
    "line",
    "idle",
    "kafka",
    "roles",
    "triage",
    "state",
    "analyst",
    "similar",
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked of a figure: at least, or for times, sizes and shares at most, so much."""

    name: str
    words: str
    least: float | None = None
    most: float | None = None

    def met(self, row: "Row") -> bool:
        """By the median."""
        return (self.least is None or row.median >= self.least) and (self.most is None or row.median <= self.most)


GOALS = (
    Goal("analyst: CPU for each step beside the model", "loop overhead for each step < 10 ms", most=10),
    Goal("analyst: memory of investigations at once on a slow model", "200 investigations at once < 400 MB", most=400),
    Goal(
        "append: ratio to bare group commit", "durable append, 64 writers, to bare SQLite group commit ≥ 0.7", least=0.7
    ),
    Goal(
        "single: ratio to single, not kept",
        "signed 1 KB webhook, durable, to the same one read, checked and answered at once ≥ 0.6",
        least=0.6,
    ),
    Goal("single: ratio to at once", "the same, to an empty answer of the same server ≥ 0.6", least=0.6),
    Goal("100 alerts: signals", "batches of 100 ≥ 50,000 signals/s", least=50_000),
    Goal("100 in one array: signals", "batches of 100 ≥ 50,000 signals/s", least=50_000),
    Goal("100 log lines: signals", "batches of 100 ≥ 50,000 signals/s", least=50_000),
    Goal("latency: p99", "signal to playbook.selected, p99 at 1,000/s < 50 ms", most=50),
    Goal("ledger: append", "ledger append ≥ 100,000 records/s", least=100_000),
    Goal("ledger: verify", "ledger verification ≥ 100,000 records/s", least=100_000),
    Goal("line: signals per CPU second", "the line, 1,000 rules, one core ≥ 10,000 signals/s", least=10_000),
    Goal("kafka: publication: ratio to raw aiokafka", "keyed publication ≥ 1.0 of raw aiokafka", least=1.0),
    Goal(
        "kafka: consumption: ratio to raw with a commit each 500",
        "consumption ≥ 0.6 of raw aiokafka, same commits",
        least=0.6,
    ),
    Goal(
        "roles: request to playbook.selected: p99 ms",
        "request to playbook.selected over Kafka, p99 at 1,000/s < 50 ms",
        most=50,
    ),
    Goal(
        "roles: shared investigations: ratio to the ideal",
        "1,000 queued investigations, 4 workers, to the ideal ≤ 1.1",
        most=1.1,
    ),
    Goal("rules: selection, 1,000 rules", "selection of 1,000 rules ≥ 60,000 signals/s", least=60_000),
    Goal("rules: line, 1,000 rules", "1,000 rules, match, group and decision ≥ 10,000 signals/s", least=10_000),
    *(
        Goal(f"alerts: request to decision, {load}", "≤ 100 µs of CPU an alert on Alertmanager's loads", most=100)
        for load in ("200 groups", "1,000 routes", "100 inhibit rules", "1,000 silences", "each alert its own group")
    ),
    Goal("triage: signals", "triage over Kafka, 1,000 rules, one owner ≥ 10,000 signals/s", least=10_000),
    Goal("state: memory of the groups: MB", "1,000,000 live groups < 1 GB", most=1000),
    Goal("state: one advance: p99 ms", "p99 of one advance < 2 ms", most=2),
    Goal("state: snapshot: s", "snapshot of a million live groups, intake going on < 10 s", most=10),
    Goal("state: one advance during a snapshot: p99 ms", "p99 of one advance < 2 ms", most=2),
    Goal("state: takeover: s", "takeover of a million live groups < 30 s", most=30),
    Goal("similar: CPU of an answer", "incidents like one among 100,000 < 50 ms", most=50),
    Goal("similar, all alike: CPU of an answer", "incidents like one among 100,000 < 50 ms", most=50),
    Goal("idle: resident memory", "idle < 200 MB", most=200),
    Goal("idle: share of one core", "idle < 1 % of a core", most=1),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    name: str
    median: float
    best: float
    unit: str


def rows_of(name: str) -> Iterator[Row]:
    """Run one benchmark in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), "--json"],
        stdout=subprocess.PIPE,
        check=True,
        cwd=FOLDER.parents[1],
    )
    for line in done.stdout.decode().splitlines():
        found = json.loads(line)
        if name == "rules":
            for part in ("selection", "line", "counting"):
                rate = found[part]["signals_per_s"]
                yield Row(f"rules: {part}, 1,000 rules", rate, rate, "1/s")
            windows = found["counting"]["windows_per_s"]
            yield Row("rules: windows counted into", windows, windows, "1/s")
        else:
            yield Row(
                found["name"], found["median"], found.get("best", found.get("most", found["median"])), found["unit"]
            )


def table(rows: list[Row]) -> str:
    """As Markdown."""
    goals = {goal.name: goal for goal in GOALS}
    lines = ["| figure | median | best | | asked for |", "|---|---:|---:|---|---|"]
    for row in rows:
        digits = 2 if row.median < 1000 else 0
        goal = goals.get(row.name)
        verdict = "" if goal is None else f"{'met' if goal.met(row) else '**not met**'}: {goal.words}"
        lines.append(f"| {row.name} | {row.median:,.{digits}f} | {row.best:,.{digits}f} | {row.unit} | {verdict} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all otherwise")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    chosen = parser.parse_args()
    rows: list[Row] = []
    for name in chosen.names or NAMES:
        print(f"measuring {name} ...", file=sys.stderr)
        try:
            rows += rows_of(name)
        except subprocess.CalledProcessError as error:
            print(f"{name} could not be measured (exit {error.returncode}); what it said stands above", file=sys.stderr)
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    text = table(rows)
    print(f"{where}\n\n{text}")
    if chosen.write:
        _, heading, notes = PAGE.read_text().partition("\n## ")
        PAGE.write_text(
            f"# Benchmarks\n\nMade by `make bench` (`python -m tests.bench --write`) on: {where}. Ratios are to limits measured in the same run.\n\n{text}\n{heading}{notes}"
        )


if __name__ == "__main__":
    main()
