"""What one alert takes while thousands of incidents are open: of rules that correlate, and of one that many incidents share.

    python -m tests.bench.open_incidents

CPU time of one `advance`, in milliseconds, of the last third of the alerts.
"""

import random
import time
from collections.abc import Iterator
from typing import Any

import orjson

from rules.engine import Engine
from rules.limits import Limits
from rules.load import load_texts
from rules.state import State
from rules.trial.lines import BASE, signal

ALERTS, SERVICES = 6_000, 3_000
WAYS = {
    "the same labels": "{by: [labels.cluster, labels.namespace], within: 10m}",
    "neighbours": "{services: 1, within: 10m}",
    "neighbours, and those learnt": "{services: 1, learnt: true, within: 10m}",
    "weighing": "{weighed: true, by: [labels.cluster, labels.namespace, labels.pod], within: 10m}",
}


def topology(draw: random.Random) -> str:
    """Each service needs two others."""
    far = ((draw.randrange(1, SERVICES), draw.randrange(1, SERVICES)) for _ in range(SERVICES))
    needed = (", ".join(f"s{(own + each) % SERVICES}x" for each in both) for own, both in enumerate(far))
    return "services:\n" + "".join(f"  s{number}x: {{depends_on: [{names}]}}\n" for number, names in enumerate(needed))


def alerts(draw: random.Random) -> Iterator[tuple[int, dict[str, Any]]]:
    """One every half second, each of another group."""
    for number in range(ALERTS):
        labels = {
            "alertname": draw.choice(("HighErrors", "PodDown", "Latency")), "cluster": "c1",
            "namespace": f"n{draw.randrange(2_000)}", "pod": f"p{number}",
        }  # fmt: skip
        said = {"type": "alert", "severity": "error", "service": f"s{draw.randrange(SERVICES)}x", "labels": labels}
        now = BASE + number * 500_000
        yield now, signal({**said, "occurrence_id": f"o{number}"}, now, BASE, number)


def logs(draw: random.Random) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines of one message, of two thousand users."""
    for number in range(ALERTS):
        labels = {"user": str(number if number < 2_000 else draw.randrange(2_000))}
        said = {"type": "log", "severity": "error", "group_key": "one", "labels": labels}
        now = BASE + number * 10_000
        yield now, signal({**said, "occurrence_id": f"o{number}"}, now, BASE, number)


def measured(text: str, services: str, given: Iterator[tuple[int, dict[str, Any]]]) -> tuple[State, list[float]]:
    ruleset = load_texts({"r.yaml": text, "topology:topology.yaml": services})
    engine, taken = Engine(ruleset, limits=Limits()), list[float]()
    state = engine.state()
    for now, fields in given:
        ready = orjson.loads(orjson.dumps(fields))
        begun = time.thread_time()
        engine.advance(state, ready, kind="signal", now=now)
        taken.append((time.thread_time() - begun) * 1e3)
    return state, sorted(taken[2 * len(taken) // 3 :])


def main() -> None:
    head = "name: all, when: 'true', group_by: [labels.alertname, service, labels.pod, labels.user], resolve_after: 1d"
    rows = [
        (name, f"rules: [{{{head}, correlate: {way}}}]", topology(random.Random(1)), alerts)
        for name, way in WAYS.items()
    ]
    rows.append(("one message in many incidents", f"rules: [{{{head}}}]", "", logs))
    print(f"{'':32}{'open':>7}{'joinable':>10}{'median ms':>11}{'p99 ms':>9}")
    for name, text, services, made in rows:
        state, taken = measured(text, services, made(random.Random(2)))
        open_ = sum(1 for key in state.rows if key.startswith("group/"))
        median, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
        print(f"{name:32}{open_:>7,}{len(state.sets):>10,}{median:>11.3f}{p99:>9.3f}")


if __name__ == "__main__":
    main()
