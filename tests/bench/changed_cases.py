"""How much hangs on the recordings: the suites `ait` and `itbench-storm` answered anew where something of the cases is changed.

    python -m tests.bench.changed_cases FOLDER [ait|itbench-storm]

FOLDER holds cases/, truth/ and score.py. Alerts come later, faster, in another order or under other names, some are lost, the first hours or part of the graph are
missing. Printed are the means over the cases; nothing of the program reads the reference answers.
"""

import csv
import hashlib
import importlib.util
import io
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from tocsin.evals import storms, streams
from tocsin.evals.cases import Case, text_of

Row = tuple[list[str], Any]
"""A line of a stream (index, epoch, message, ip, host, type), and what is known of it."""
Stream = list[Row]
HOUR = 3600.0


def renamed(word: str) -> str:
    """Another word that means nothing, the same one each time."""
    return f"n{hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest()[:7]}" if word else word


def lost(stream: Stream, share: float, seed: int) -> Stream:
    """Without so many of its lines, drawn at random."""
    drawn = random.Random(seed)
    return [row for row in stream if drawn.random() >= share]


def timed(stream: Stream, at: Callable[[float], float]) -> Stream:
    """With other times, counted from its beginning."""
    begin = float(stream[0][0][1])
    return [([row[0], str(begin + at(float(row[1]) - begin)), *row[2:]], known) for row, known in stream]


def mixed(stream: Stream) -> Stream:
    """Lines of one moment in another order."""
    drawn = random.Random(1)
    return [row for _, _, row in sorted((float(row[0][1]), drawn.random(), row) for row in stream)]


STREAMS: dict[str, Callable[[Stream], Stream]] = {
    "as they are": lambda stream: stream,
    "7 h later": lambda stream: timed(stream, lambda t: t + 7 * HOUR),
    "1.25 times as slow": lambda stream: timed(stream, lambda t: t * 1.25),
    "1.6 times as slow": lambda stream: timed(stream, lambda t: t * 1.6),
    "equal times in another order": mixed,
    "other names": lambda stream: [([*row[:3], *map(renamed, row[3:])], known) for row, known in stream],
    "a tenth lost": lambda stream: lost(stream, 0.1, 1),
    "three tenths lost": lambda stream: lost(stream, 0.3, 1),
    "the first 12 h missing": lambda stream: [row for row in stream if float(row[0][1]) - float(stream[0][0][1]) >= 12 * HOUR],
}  # fmt: skip

Alerts = list[dict[str, Any]]
STORMS: dict[str, Callable[[Alerts, list[list[str]], random.Random], tuple[Alerts, list[list[str]]]]] = {
    "as they are": lambda alerts, edges, _: (alerts, edges),
    "in another order": lambda alerts, edges, drawn: (drawn.sample(alerts, len(alerts)), edges),
    "other names": lambda alerts, edges, _: ([{**one, "service": renamed(one["service"])} for one in alerts], [[renamed(end) for end in edge] for edge in edges]),
    "5 s earlier or later": lambda alerts, edges, drawn: ([{**one, "t": max(0, one["t"] + drawn.uniform(-5, 5))} for one in alerts], edges),
    "30 s earlier or later": lambda alerts, edges, drawn: ([{**one, "t": max(0, one["t"] + drawn.uniform(-30, 30))} for one in alerts], edges),
    "a quarter slower": lambda alerts, edges, _: ([{**one, "t": one["t"] * 1.25} for one in alerts], edges),
    "a fifth faster": lambda alerts, edges, _: ([{**one, "t": one["t"] * 0.8} for one in alerts], edges),
    "a tenth lost": lambda alerts, edges, drawn: ([one for one in alerts if drawn.random() >= 0.1], edges),
    "three tenths lost": lambda alerts, edges, drawn: ([one for one in alerts if drawn.random() >= 0.3], edges),
    "half of the graph": lambda alerts, edges, drawn: (alerts, [edge for edge in edges if drawn.random() >= 0.5]),
    "no graph": lambda alerts, _edges, _drawn: (alerts, []),
}  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    spec = importlib.util.spec_from_file_location("score", folder / "score.py")
    assert spec is not None and spec.loader is not None
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    if "itbench-storm" not in sys.argv[2:]:
        _print("ait", STREAMS, lambda change: _streams(folder, score, change))
    if "ait" not in sys.argv[2:]:
        _print("itbench-storm", STORMS, lambda change: _storms(folder, score, change))


def _print(suite: str, changes: dict[str, Any], grades: Callable[[Any], Iterator[dict[str, float]]]) -> None:
    print(suite)
    for name, change in changes.items():
        found = list(grades(change))
        measures = {
            key: fmean(each[key] for each in found) for key in found[0] if isinstance(found[0][key], float | int)
        }
        print(
            f"  {name:30}",
            "  ".join(f"{key} {value:.3f}" for key, value in measures.items() if key != "delay_s"),
            flush=True,
        )


def _streams(folder: Path, score: Any, change: Callable[[Stream], Stream]) -> Iterator[dict[str, float]]:
    truth = score.read_truth("ait")
    for name, case in score.read_cases("ait").items():
        lines = csv.reader(io.StringIO(text_of(folder / "cases" / case["stream"])))
        stream = change(list(zip(lines, score.stream_labels(truth[name]), strict=True)))
        written = io.StringIO()
        csv.writer(written).writerows([number, *row[1:]] for number, (row, _) in enumerate(stream))
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "stream.csv").write_text(written.getvalue())
            told = streams.notified(Case(name, "ait", {"stream": "stream.csv"}, Path(place)))["notify"]
        yield score.grade_stream(
            [index for index, _ in told], [known for _, known in stream], [float(row[1]) for row, _ in stream]
        )


def _storms(
    folder: Path, score: Any, change: Callable[..., tuple[Alerts, list[list[str]]]]
) -> Iterator[dict[str, float]]:
    truth = score.read_truth("itbench-storm")
    for name, said in score.read_cases("itbench-storm").items():
        known = truth[name]["incident"]
        alerts, edges = change(said["alerts"], said["topology"], random.Random(name))
        own = storms.incidents(Case(name, "itbench-storm", {"alerts": alerts, "topology": edges}, folder))["incident"]
        yield score.grade_storm([known[one["i"]] for one in alerts], [own.get(str(one["i"])) for one in alerts])


if __name__ == "__main__":
    main()
