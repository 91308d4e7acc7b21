"""The analyst's loop: what each step costs beside the model, and 200 investigations at once on a slow one: `python tests/bench/analyst.py [--json]`.

Overhead is the CPU time of this thread for a step (its share of prompt, checks and journal), the model's client and its scripted server taken off: they run in a
process of their own, and the client's share is measured by asking it alone. Linux only.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from connectors.journal.sqlite import SqliteArchive, open_journal
from connectors.models.opening import open_models
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from connectors.ports.model import Answer, Message, ModelRequest, Text
from playbooks.library import Library
from processors.investigate import Facts, Intake, Means, Roster, Storms, Switchboard, Workers
from schemas import Decision, decide
from schemas.payload import PlaybookSelected
from tests.support.checkout_story import night
from tests.support.echo_tool import Echo
from tests.support.model_server import Asked, Says, model_server
from tests.support.probe_tool import Probe
from tests.support.talk import GOOD, playbook, provider

INCIDENT, SIGNALS, ARCHIVE = night()
TURNS = 5
BOOK = playbook("analyst: {max_turns: 20, timeout: 10m, max_cost_usd: 100}", gather="[look.first]")


def resident_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def serve(wait_s: float, pipe: Any) -> None:
    """A slow model in a process of its own: some questions, then a conclusion."""

    def answer(asked: Asked) -> Says:
        turn = len(asked.body["messages"]) // 2
        if turn >= TURNS - 1:
            return Says(calls=GOOD.calls, wait_s=wait_s)
        return Says(
            "Let me look at what was said about it.",
            (("look.any", {"text": f"question {turn} {'abcdefgh'[turn] * 40}"}),),
            wait_s=wait_s,
        )

    async def main() -> None:
        async with model_server(answer) as server:
            pipe.send(server.url)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(main())


async def select(journal: Any, number: int) -> None:
    """So many incidents, each of them to be looked into."""
    await journal.append(INPUTS, [NewRecord("signal", each.to_json(), key=each.group_key) for each in ARCHIVE.kept])
    for place in range(number):
        incident = INCIDENT.model_copy(update={"id": f"inc_{place}"})
        data = PlaybookSelected(playbook="looks", incident=incident, signal_ids=tuple(each.id for each in SIGNALS))
        made = decide(
            "playbook.selected",
            at=journal.now(),
            actor="rule:x",
            because="x",
            cause=(incident.id,),
            data=data,
            incident_id=incident.id,
        )
        await journal.append(DECISIONS, [NewRecord("decision", made.to_json(), key=incident.id)])


async def investigate(url: str, folder: Path, number: int) -> tuple[float, float, int, float]:
    """CPU seconds of this thread, the most memory, steps, seconds."""
    journal = await asyncio.to_thread(open_journal, folder / "journal.db", clock=SystemClock())
    await select(journal, number)
    models = open_models({"p": provider("anthropic", url)}, ["p/m"])
    switchboard = Switchboard(Roster(models, {"default": ("p/m",)}, {"p/m": Facts(concurrency=1000)}))
    archive, library = SqliteArchive(journal), Library({BOOK.name: BOOK})
    tools = {"look.first": Probe("look.first"), "look.any": Echo("look.any")}
    means = Means(journal, archive, tools, switchboard=switchboard)
    await Intake(journal, library, talks=means.talks, storms=Storms(after=0)).step()
    workers = Workers(journal, archive, tools, library, owner="bench", concurrency=number, means=means)
    most = resident_mb()
    began, spent = time.perf_counter(), time.thread_time()
    work = [asyncio.create_task(workers.one(owner=f"bench/{place}")) for place in range(number)]
    while not all(task.done() for task in work):
        await asyncio.wait(work, timeout=0.25)
        most = max(most, resident_mb())
    cpu, took = time.thread_time() - spent, time.perf_counter() - began
    decisions = [Decision.from_json(entry.payload) for entry in await journal.read(DECISIONS, after=0, limit=100_000)]
    concluded = [each for each in decisions if each.kind == "investigation.concluded"]
    if len(concluded) != number or any(each.data["conclusion"]["analyst"] != "p/m" for each in concluded):
        raise SystemExit(f"{len(concluded)} of {number} concluded as they should")
    steps = sum(each.kind == "investigation.step" for each in decisions)
    await switchboard.close()
    await journal.close()
    return cpu, most, steps, took


async def alone(url: str, number: int) -> float:
    """CPU seconds of one request of the client alone."""
    model = open_models({"p": provider("anthropic", url)}, ["p/m"])["p/m"]
    request = ModelRequest("x", (Message("user", (Text("x" * 12_000),)),), deadline_s=30)
    spent = 0.0
    for place in range(number + 1):
        began = time.thread_time()
        stream: Any = model.stream(request)
        async with aclosing(stream) as events:
            async for event in events:
                assert event is not None or isinstance(event, Answer)
        spent += time.thread_time() - began if place else 0.0
    await model.close()
    return spent / number


def measured(number: int, wait_s: float) -> tuple[float, float, int, float, float]:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(wait_s, theirs), daemon=True)
    server.start()
    url = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        cpu, most, steps, took = asyncio.run(investigate(url, Path(folder), number))
    client = asyncio.run(alone(url, 10)) if wait_s < 0.1 else 0.0
    ours.send("over")
    server.join(10)
    return cpu, most, steps, took, client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--many", type=int, default=200, help="investigations at once")
    chosen = parser.parse_args()
    cpu, _, steps, _, client = measured(10, 0.0)
    overhead = (cpu - 10 * TURNS * client) / steps
    _, most, _, took, _ = measured(chosen.many, 1.0)
    rows = [
        ("analyst: CPU for each step beside the model", overhead * 1000, "ms"),
        ("analyst: memory of investigations at once on a slow model", most, "MB"),
        ("analyst: seconds for them", took, "s"),
    ]
    for name, value, unit in rows:
        row = {"name": name, "median": value, "best": value, "unit": unit}
        print(json.dumps(row) if chosen.json else f"{name:62} {value:10.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
