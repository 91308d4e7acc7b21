"""What one evaluation of a condition costs, beside the same condition written in Python by hand: python tests/bench/cel.py.

The five conditions are those of the comparison of CEL libraries: four terms true, first term false, fields missing,
regex with exists and not, timestamps with a duration. The signal has 46 leaves, as there.
"""

from __future__ import annotations

import datetime
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import re2

from rules import cel

SCHEMA = cel.FieldSchema(
    {
        "source": "string", "service": "string", "severity": "string", "title": "string", "occurred_at": "timestamp",
        "received_at": "timestamp", "labels": "map", "measures": "numbers", "raw": "dyn", "links": "list",
    }
)  # fmt: skip

SIGNAL: dict[str, Any] = {
    "source": "sentry",
    "service": "checkout",
    "severity": "error",
    "title": "TimeoutError: upstream payment gateway refused connection after 30000 ms",
    "occurred_at": "2026-11-21T10:00:00.123Z",
    "received_at": "2026-11-21T10:00:02.5Z",
    "labels": {"env": "prod", "team": "payments"} | {f"label{i}": f"value-{i}" for i in range(18)},
    "measures": {f"measure{i}": i * 1.5 for i in range(8)},
    "raw": {"tags": ["python", "web", "region-eu", "canary"], "exception": {"type": "TimeoutError", "frames": 12}},
    "links": [f"https://example.test/{i}" for i in range(6)],
}

_PATTERN = re2.compile("(refused|timed out) conn")
_SINCE = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


def by_hand_a(a: dict[str, Any]) -> bool:
    return (
        a.get("source") == "sentry"
        and a.get("service") == "checkout"
        and a.get("severity") in ("error", "critical")
        and a.get("labels", {}).get("env") == "prod"
    )


def by_hand_b(a: dict[str, Any]) -> bool:
    return (
        a.get("source") == "alertmanager"
        and a.get("service") == "checkout"
        and a.get("labels", {}).get("env") == "prod"
    )


def by_hand_c(a: dict[str, Any]) -> bool:
    return a.get("labels", {}).get("absent") == "x" or a.get("raw", {}).get("nothing", {}).get("here") == "y"


def by_hand_d(a: dict[str, Any]) -> bool:
    return (
        _PATTERN.search(a.get("title", "")) is not None
        and any(tag.startswith("region-") for tag in a.get("raw", {}).get("tags", ()))
        and a.get("labels", {}).get("team", "lab") != "lab"
    )


def by_hand_e(a: dict[str, Any]) -> bool:
    occurred = datetime.datetime.fromisoformat(a["occurred_at"])
    received = datetime.datetime.fromisoformat(a["received_at"])
    return occurred > _SINCE and received - occurred < datetime.timedelta(minutes=5)


CASES: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
    "A four terms, true": (
        'source == "sentry" && service == "checkout" && severity in ["error", "critical"] && labels.env == "prod"',
        by_hand_a,
    ),
    "B first term false": ('source == "alertmanager" && service == "checkout" && labels.env == "prod"', by_hand_b),
    "C both fields missing": ('labels.absent == "x" || raw.nothing.here == "y"', by_hand_c),
    "D regex, exists, not": (
        'title.matches("(refused|timed out) conn") && raw.tags.exists(t, t.startsWith("region-")) && !(labels.team == "lab")',
        by_hand_d,
    ),
    "E timestamps, duration": (
        'occurred_at > timestamp("2026-11-01T00:00:00Z") && received_at - occurred_at < duration("5m")',
        by_hand_e,
    ),
}


def microseconds(run: Callable[[], object]) -> float:
    """The best of three runs, so that the neighbours on the machine count least."""
    timer = timeit.Timer(run)
    count, _ = timer.autorange()
    return min(timer.repeat(3, max(1, count // 4))) / max(1, count // 4) * 1e6


def main() -> None:
    print(
        f"{'us per evaluation':<24}{'by hand':>9}{'closure':>9}{'erred':>9}{'evaluator':>11}{'closure/hand':>14}{'load':>9}"
    )
    for name, (source, by_hand) in CASES.items():
        condition = cel.compile(source, schema=SCHEMA)
        if condition.matches(SIGNAL) is not by_hand(SIGNAL):
            raise SystemExit(f"{name}: the condition and the function by hand disagree")
        hand = microseconds(lambda by_hand=by_hand: by_hand(SIGNAL))
        fast = microseconds(lambda condition=condition: condition.matches(SIGNAL))
        erred = microseconds(lambda condition=condition: condition.erred(SIGNAL))
        exact = microseconds(lambda condition=condition: condition.evaluate(SIGNAL))
        load = microseconds(lambda source=source: cel.compile(source, schema=SCHEMA))
        print(f"{name:<24}{hand:>9.2f}{fast:>9.2f}{erred:>9.2f}{exact:>11.2f}{fast / hand:>14.2f}{load:>9.0f}")


if __name__ == "__main__":
    main()
