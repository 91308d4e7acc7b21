"""What each stage of a request costs by itself, in CPU time of its thread: `python tests/bench/stages.py [--json]`.

No server, no journal, nobody else in the loop: it shows what the code costs, also where others use the machine. Served over HTTP
(`door.py`) the same costs up to twice as much.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.source import AlertmanagerSource
from connectors.generic.settings import GenericSettings
from connectors.generic.source import GenericSource
from connectors.ports.source import Request, Source
from processors.ingest import Redactor
from processors.ingest.encode import encode
from tests.bench.door import SECRET, requests_of
from tocsin.garbage import spare_what_stays

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
NOW = 1_795_248_041_121_000
KINDS = 20
"""Different requests of a case, in turn."""


def sent(case: str) -> list[Request]:
    """The benchmark's requests of that case, as a source receives them."""
    found = []
    for index, raw in enumerate(requests_of(case)[:KINDS]):
        head, body = raw.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        found.append(Request("POST", first.split()[1], "", headers, body, body, NOW + index))
    return found


def cost(stage: Callable[[Any], object], given: Sequence[Any], rounds: int) -> float:
    """Microseconds of a call: the 5th percentile, less what looking at the clock costs."""
    clock = time.thread_time
    taken, looks = [], []
    for index in range(rounds):
        one = given[index % len(given)]
        began = clock()
        stage(one)
        ended = clock()
        taken.append(ended - began)
        looks.append(clock() - ended)
    return (sorted(taken)[rounds // 20] - sorted(looks)[rounds // 20]) * 1e6


def stages(case: str, source: Source, rounds: int) -> dict[str, float]:
    """Microseconds by stage."""
    requests, redactor = sent(case), Redactor(os.urandom(32))

    def written(pair: Any) -> Any:
        request, received = pair
        return encode(received, received_at=request.received_at, trace=TRACE, rehearsal=False, body=request.body)

    read = [(request, source.receive(request)) for request in requests]
    records = [written(pair) for pair in read]
    return {
        "read and drafted": cost(source.receive, requests, rounds),
        "written": cost(written, read, rounds),
        "joined": cost(lambda encoded: encoded.text, records, rounds),
        "searched": cost(redactor.suspects, [encoded.text for encoded in records], rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--rounds", type=int, default=100)
    chosen = parser.parse_args()
    generic = GenericSource(GenericSettings.model_validate({"hmac": {"secrets": [SECRET]}}), "default")
    alertmanager = AlertmanagerSource(AlertmanagerSettings.model_validate({"tokens": [SECRET]}), "default")
    spare_what_stays()
    for case, source, signals in (
        ("single", generic, 1), ("100 in one array", generic, 100), ("100 alerts", alertmanager, 100),
    ):  # fmt: skip
        for stage, micros in stages(case, source, chosen.rounds).items():
            row = {"name": f"{case}: {stage}", "value": micros / signals, "unit": "µs of CPU a signal"}
            print(json.dumps(row) if chosen.json else f"{row['name']:36} {micros / signals:8.2f} µs of CPU a signal")


if __name__ == "__main__":
    main()
