"""What the rule layer does in a second on one core, with a thousand rules.

    python tests/bench/rules.py [--json]

The rules are of the kind performance comparisons use: every one has an equality on the service, half of them further ones, and
then a comparison or a text search. `selection` is index and conditions alone. `line` is everything between the stored bytes of a
signal and the bytes of decisions and changed rows, in batches of 500 (the fastest of three rounds), with conditions as selective as rules that wake people are:
one signal in ten leads to a decision. `counting` is the same where each signal counts into some fourteen windows that never fill: far more than
rules of people do, which count what is rare; so what one window costs is the figure to look at (`windows_per_s`). All figures are by CPU time
of this process, so that neighbours on the machine count little; on one core of its own it is the time that passes.
"""

import argparse
import json
import random
import sys
from itertools import count
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson

from rules.engine import Engine
from rules.load import load_texts
from rules.ruleset import RuleSet
from schemas.signal import Signal
from schemas.time import from_rfc3339
from tocsin.garbage import spare_what_stays

SERVICES, TEAMS, CODES, ENVIRONMENTS = 30, 12, 20, ("prod", "staging", "dev")
BATCH = 500
ROUNDS = 3
START = from_rfc3339("2026-11-21T10:00:00Z")


def rule_file(number: int, chance: random.Random, *, selective: bool) -> str:
    """Rules over services; nine in ten count, the tenth opens an incident at once for what one signal in many has."""
    lines = ["rules:"]
    for index in range(number):
        terms = [f'service == "svc-{index % SERVICES}"']
        if chance.random() < 0.3:
            terms.append(f'labels.env in ["{ENVIRONMENTS[0]}", "{chance.choice(ENVIRONMENTS[1:])}"]')
        if chance.random() < 0.2:
            terms.append('severity in ["critical", "error", "warning"]')
        if index % 10 == 0:
            terms.append(f'labels.code == "{500 + chance.randrange(CODES)}"')
            lines += [
                f"  - name: rule-{index}",
                f"    when: {json.dumps(' && '.join(terms))}",
                "    group_by: [service, group_key]",
                "    playbook: default",
            ]
            continue
        if selective:
            terms.append(f'labels.host == "host-{chance.randrange(40)}"')
        terms.append(
            chance.choice(
                (f"measures.duration_ms > {chance.randrange(50, 900)}", f"measures.size > {chance.randrange(10, 400)}",
                 'title.contains("timeout")', '!(labels.team == "team-0")', 'labels.host.startsWith("host-1")')
            )
        )  # fmt: skip
        lines += [
            f"  - name: rule-{index}",
            f"    when: {json.dumps(' && '.join(terms))}",
            "    group_by: [service, labels.env]",
            "    match: {count: '>= 1000', within: 5m}",
            "    playbook: default",
        ]
    return "\n".join(lines)


def signals(number: int, chance: random.Random) -> list[bytes]:
    """Stored payloads of signals with some 25 leaves, one a millisecond."""
    made = []
    for index in range(number):
        at = START + index * 1_000
        signal = Signal.observed(
            source=chance.choice(("alertmanager", "sentry", "webhook")),
            occurrence_id=f"occurrence-{index}",
            type="error",
            severity=chance.choice(("critical", "error", "error", "warning")),
            title=chance.choice(("timeout while calling payment", "cannot read property of undefined", "slow query")),
            body="what happened, in a sentence or two, as senders do",
            service=f"svc-{chance.randrange(SERVICES)}",
            environment="prod",
            labels={
                "env": chance.choice(ENVIRONMENTS), "team": f"team-{chance.randrange(TEAMS)}",
                "host": f"host-{chance.randrange(40)}", "code": str(500 + chance.randrange(CODES)), "region": "eu-1",
                "zone": "eu-1a", "version": "1.2.3", "cluster": "c1", "namespace": "shop", "pod": f"pod-{chance.randrange(200)}",
            },
            measures={"duration_ms": float(chance.randrange(1000)), "size": float(chance.randrange(500)), "retries": 2.0},
            group_key=f"problem-{chance.randrange(2000)}",
            occurred_at=at,
            received_at=at,
        )  # fmt: skip
        made.append(signal.to_json())
    return made


def selection(ruleset: RuleSet, payloads: list[bytes]) -> dict[str, float]:
    """Index and conditions, on signals decoded before."""
    decoded = [orjson.loads(payload) for payload in payloads]
    for fields in decoded:
        fields["fact"], fields["incident"] = {}, {}
    candidates = sum(len(ruleset.index.candidates(fields)) for fields in decoded) / len(decoded)
    took = float("inf")
    for _ in range(ROUNDS):
        begin = process_time()
        matches = sum(len(ruleset.matching(fields)) for fields in decoded)
        took = min(took, process_time() - begin)
    return {
        "candidates_per_signal": round(candidates, 1),
        "matches_per_signal": round(matches / len(decoded), 1),
        "us_per_signal": round(took / len(decoded) * 1e6, 1),
        "signals_per_s": round(len(decoded) / took),
    }


def everything(ruleset: RuleSet, payloads: list[bytes]) -> dict[str, float]:
    """Decode, decide, encode the decisions and the changed rows; the fastest of some rounds, each from an empty state."""
    return min((one_round(ruleset, payloads) for _ in range(ROUNDS)), key=lambda row: row["us_per_signal"])


def one_round(ruleset: RuleSet, payloads: list[bytes]) -> dict[str, float]:
    engine = Engine(ruleset)
    state = engine.state()
    offset, decisions, deciding, rows, written = count(), 0, 0, 0, 0
    begin = process_time()
    for first in range(0, len(payloads), BATCH):
        for payload in payloads[first : first + BATCH]:
            out = engine.advance(state, orjson.loads(payload), kind="signal", now=START + next(offset) * 1_000)
            deciding += bool(out)
            decisions += len(out)
            for decision in out:
                written += len(decision.to_json())
        puts, _ = state.take_changes()
        rows += len(puts)
        for row in puts.values():
            written += len(orjson.dumps(row))
        state.rest()
    took = process_time() - begin
    number = len(payloads)
    return {
        "deciding_share": round(deciding / number, 3),
        "decisions_per_signal": round(decisions / number, 3),
        "rows_per_signal": round(rows / number, 2),
        "bytes_per_signal": round(written / number),
        "us_per_signal": round(took / number * 1e6, 1),
        "signals_per_s": round(number / took),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rules", type=int, default=1000)
    arguments.add_argument("--signals", type=int, default=10_000)
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    chance = random.Random(7)
    begin = process_time()
    broad = load_texts({"bench.yaml": rule_file(options.rules, chance, selective=False)})
    loaded: dict[str, float] = {"rules": options.rules, "ms": round((process_time() - begin) * 1e3)}
    begin = process_time()
    broad.index  # noqa: B018 (built on first use)
    loaded["index_ms"] = round((process_time() - begin) * 1e3)
    narrow = load_texts({"bench.yaml": rule_file(options.rules, chance, selective=True)})
    payloads = signals(options.signals, chance)
    spare_what_stays()  # as `tocsin up` does
    table = {
        "load": loaded,
        "selection": selection(broad, payloads),
        "line": everything(narrow, payloads),
        "counting": everything(broad, payloads),
    }
    table["counting"]["windows_per_s"] = round(
        table["counting"]["signals_per_s"] * table["selection"]["matches_per_signal"]
    )
    if options.json:
        print(json.dumps(table))
        return
    for name, row in table.items():
        print(f"{name:10} " + "  ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
