"""A thousand rules on the same events, here and in ansible-rulebook: `python tests/bench/rulebook.py [--json]`.

Every rule is `source == S && service == V && level in [...] && env == E && count > N`, the events have 1.3 kB. ansible-rulebook is measured
where it is installed (`pip install ansible-rulebook ansible-core`, Java 17), from the first event to the last, its start left out; where it is
not, the figure stands for it that was measured on 2 cores with ansible-rulebook 1.3.2, drools_jpy 0.4.1, Python 3.11 and Java 17 and handed out
with the project's requirements.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson

from rules.engine import Engine
from rules.load import load_texts
from schemas.signal import Signal
from schemas.time import from_rfc3339
from tocsin.garbage import spare_what_stays

PUBLISHED = 1077
"""Events a second of ansible-rulebook with 1,000 rules and no action, end to end."""
START = from_rfc3339("2026-11-21T10:00:00Z")
SOURCE = """
import json
import time
from pathlib import Path

async def main(queue, args):
    events = [json.loads(line) for line in Path(args["events"]).read_text().splitlines()]
    began = time.perf_counter()
    for event in events:
        await queue.put(event)  # waits while a few are not worked off
    Path(args["took"]).write_text(str(time.perf_counter() - began))
    await queue.put({"shutdown": {"delay": 0.1, "message": "done", "kind": "now"}})
"""


def conditions(number: int, chance: random.Random) -> list[dict[str, Any]]:
    """What each rule asks for."""
    return [
        {"source": f"source-{chance.randrange(6)}", "service": f"service-{index % 30}", "env": chance.choice(("prod", "staging")),
         "levels": chance.choice((["error", "fatal"], ["error"], ["warning", "error"])), "count": chance.randrange(100, 1000)}
        for index in range(number)
    ]  # fmt: skip


def events(number: int, chance: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "source": f"source-{chance.randrange(6)}", "service": f"service-{chance.randrange(30)}", "env": chance.choice(("prod", "staging", "dev")),
            "level": chance.choice(("error", "fatal", "warning", "info")), "count": chance.randrange(1000), "index": index,
            "tags": {f"tag-{n}": f"value-{chance.randrange(50)}" for n in range(20)}, "text": "what happened, in some words. " * 22,
        }
        for index in range(number)
    ]  # fmt: skip


def here(asked: list[dict[str, Any]], given: list[dict[str, Any]]) -> tuple[float, int]:
    """Seconds from stored signals to the bytes of decisions and rows, and how many incidents were opened."""
    text = orjson.dumps({
        "rules": [
            {
                "name": f"rule-{index}", "group_by": ["id"], "playbook": "none",
                "when": f'raw.source == "{one["source"]}" && raw.service == "{one["service"]}" && raw.level in {json.dumps(one["levels"])}'
                        f' && raw.env == "{one["env"]}" && raw.count > {one["count"]}',
            }
            for index, one in enumerate(asked)
        ]
    }).decode()  # fmt: skip
    engine = Engine(load_texts({"bench.yaml": text}))
    payloads = [
        Signal.observed(source="bench", occurrence_id=str(event["index"]), type="log", severity="error", title=event["text"][:60],
                        occurred_at=START, received_at=START, group_key=f"g{event['index']}", raw=event).to_json()
        for event in given
    ]  # fmt: skip
    engine.ruleset.index  # noqa: B018 (built on first use)
    state, opened = engine.state(), 0
    spare_what_stays()
    began = time.process_time()
    for index, payload in enumerate(payloads):
        out = engine.advance(state, orjson.loads(payload), kind="signal", now=START + index)
        for decision in out:
            decision.to_json()
            opened += decision.kind == "incident.opened"
        if index % 500 == 499:
            for row in state.take_changes()[0].values():
                orjson.dumps(row)
            state.rest()
    return time.process_time() - began, opened


def there(asked: list[dict[str, Any]], given: list[dict[str, Any]]) -> float:
    """Seconds that ansible-rulebook takes for the events; raises CalledProcessError where it fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "benched.py").write_text(SOURCE)
        (folder / "events.jsonl").write_text("\n".join(map(json.dumps, given)))
        rules = [
            {
                "name": f"rule-{index}", "action": {"none": {}},
                "condition": f'event.source == "{one["source"]}" and event.service == "{one["service"]}" and event.level in {json.dumps(one["levels"])}'
                             f' and event.env == "{one["env"]}" and event.count > {one["count"]}',
            }
            for index, one in enumerate(asked)
        ]  # fmt: skip
        source = {"benched": {"events": str(folder / "events.jsonl"), "took": str(folder / "took")}}
        ruleset = {"name": "bench", "hosts": "all", "match_multiple_rules": True, "sources": [source], "rules": rules}
        (folder / "rules.yml").write_text(json.dumps([ruleset]))
        (folder / "hosts").write_text("localhost ansible_connection=local\n")
        command = ["ansible-rulebook", "--rulebook", "rules.yml", "-i", "hosts", "-S", str(folder)]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=900)
        return float((folder / "took").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--events", type=int, default=10_000)
    chosen = parser.parse_args()
    chance = random.Random(11)
    asked, given = conditions(chosen.rules, chance), events(chosen.events, chance)
    took, opened = here(asked, given)
    figures = {
        "rulebook: the same events here, by CPU": len(given) / took,
        "rulebook: firings of an event": opened / len(given),
    }
    if shutil.which("ansible-rulebook") is None:
        print("ansible-rulebook is not installed: its published figure stands for it", file=sys.stderr)
        figures["rulebook: ansible-rulebook 1.3.2, published"] = PUBLISHED
    else:
        figures["rulebook: ansible-rulebook, measured"] = len(given) / there(asked, given)
    for name, value in figures.items():
        row = {"name": name, "median": value, "best": value, "unit": "1/s" if "firings" not in name else ""}
        print(json.dumps(row) if chosen.json else f"{name:50} {value:>12,.2f} {row['unit']}")


if __name__ == "__main__":
    main()
