"""Killed (SIGKILL) after any unit of work, or while a model is asked, an investigation goes on with the next worker: what is recorded is not
asked again, and what was under way is booked. On the embedded journal, and on Kafka with PostgreSQL."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from playbooks.library import Library
from processors.investigate import Intake
from processors.investigate.rows import QUEUE, SPENDING
from schemas import Decision, decide
from schemas.payload import PlaybookSelected
from tests.support.checkout_story import night
from tests.support.ground import chosen, present
from tests.support.model_server import Asked, ModelServer, model_server_in_thread
from tests.support.talk import GOOD, asks, playbook
from tocsin.config import JournalSettings
from tocsin.folder import DataFolder
from tocsin.store import Store, open_store

INCIDENT, SIGNALS, ARCHIVE = night()
UNITS = 11
"""Begin, one tool, the look, the weighing; set aside, answer; two tools; set aside, answer; conclusion."""


WHERE = (("embedded", "anthropic"), ("embedded", "openai-compatible"), ("shared", "anthropic"))
"""What the journals stand on, and what the model speaks."""


@pytest.fixture(params=WHERE, ids=lambda where: "-".join(where), scope="module")
def api(request: pytest.FixtureRequest) -> Iterator[str]:
    ground, api = request.param
    with chosen(request, ground):
        yield api


@dataclass
class Ground:
    """A journal with one investigation queued, and a process that makes workers."""

    folder: Path
    process: subprocess.Popen[str]
    api: str

    async def open(self) -> Store:
        settings = JournalSettings(**present().section(self.folder))
        return await open_store(settings, DataFolder(self.folder), clock=SystemClock())

    def worker(self, url: str, *, die_after: int = 0) -> Iterator[int]:
        """Its pid, then how it ended."""
        journal = present().section(self.folder)
        orders = {
            "folder": str(self.folder),
            "journal": journal,
            "api": self.api,
            "calls": str(self.folder / "calls"),
            "url": url,
            # On servers a lease of a moment could be lost by who lives; there they are ended by hand.
            "ttl_s": 30 if journal else 0.3,
            "die_after": die_after,
        }
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(dumps(orders) + "\n")
        self.process.stdin.flush()
        yield int(self.process.stdout.readline())
        yield int(self.process.stdout.readline())

    def let_time_pass(self) -> None:
        """What the dead held is free again."""
        if journal := present().section(self.folder):
            with psycopg.connect(journal["postgres"], autocommit=True) as connection:
                schema = f"tocsin_{journal['tenant']}"
                connection.execute(f"UPDATE {schema}.jobs SET free_at = 0 WHERE NOT finished AND owner <> ''")
                connection.execute(f"UPDATE {schema}.leases SET expires_at = 0 WHERE owner <> ''")

    def calls(self) -> Counter[str]:
        file = self.folder / "calls"
        return Counter(file.read_text().split()) if file.exists() else Counter()


@pytest.fixture(scope="module")
def maker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.investigating"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        yield process


@pytest.fixture
def ground(api: str, tmp_path: Path, maker: subprocess.Popen[str]) -> Ground:
    made = Ground(tmp_path, maker, api)

    async def make() -> None:
        journal = (await made.open()).journal
        records = [NewRecord("signal", each.to_json(), key=each.group_key) for each in ARCHIVE.kept]
        await journal.append(INPUTS, records)
        selected = PlaybookSelected(playbook="looks", incident=INCIDENT, signal_ids=tuple(each.id for each in SIGNALS))
        selection = decide(
            "playbook.selected",
            at=journal.now(),
            actor="rule:x",
            because="x",
            cause=("x",),
            data=selected,
            incident_id=INCIDENT.id,
        )
        await journal.append(DECISIONS, [NewRecord("decision", selection.to_json(), key=INCIDENT.id)])
        book = playbook()
        await Intake(journal, Library({book.name: book})).step()
        await journal.close()

    asyncio.run(make())
    return made


def answers(asked: Asked) -> Any:
    """Two tools, then the conclusion: by what was asked, so that a repeated question has the same answer."""
    return GOOD if '"role": "assistant"' in asked.text else asks(("look.more", {}), ("look.deep", {}))


async def read(ground: Ground) -> tuple[list[Decision], dict[str, float], int]:
    journal = (await ground.open()).journal
    decisions: list[Decision] = []
    while not any(each.kind == "investigation.concluded" for each in decisions):
        # On servers, what a killed worker had committed is published by whoever comes next.
        assert await journal.wait(DECISIONS, after=len(decisions), timeout_s=20)
        entries = await journal.read(DECISIONS, after=0, limit=5000)
        decisions = [Decision.from_json(entry.payload) for entry in entries]
    (_, row) = next(iter(await journal.scan(SPENDING, "day/")))
    pending = await journal.pending(QUEUE)
    await journal.close()
    return decisions, orjson.loads(row), pending


def check(ground: Ground, server: ModelServer, *, lost: int, asked: int) -> None:
    decisions, spent, pending = asyncio.run(read(ground))
    assert len({each.id for each in decisions}) == len(decisions)
    steps = [each.data["step"] for each in decisions if each.kind == "investigation.step"]
    assert [step["index"] for step in steps] == list(range(len(steps)))
    assert sum(step["kind"] == "model_call" for step in steps) == 2
    assert sum(step["name"] == "model.lost" for step in steps) == lost
    concluded = [each for each in decisions if each.kind == "investigation.concluded"]
    assert len(concluded) == 1 and concluded[0].data["conclusion"]["analyst"] == "p/m"
    assert server.calls == asked and pending == 0
    usage = concluded[0].data["usage"]
    answered = 2 * (100 * 3 + 20 * 15) / 1e6
    assert spent["usd"] == pytest.approx(usage["cost_usd"])
    assert (
        usage["cost_usd"] == pytest.approx(answered)
        if not lost
        else usage["cost_usd"] > answered + lost * 2000 * 15 / 1e6
    )


@pytest.mark.parametrize("at", range(1, UNITS + 1))
def test_killed_after_any_unit_the_next_worker_goes_on(ground: Ground, at: int) -> None:
    with model_server_in_thread(answers) as server:
        assert list(ground.worker(server.url, die_after=at))[1] == -signal.SIGKILL
        ground.let_time_pass()
        if at < UNITS:
            assert list(ground.worker(server.url))[1] == 0
        check(ground, server, lost=int(at in (5, 9)), asked=2)
        assert ground.calls()["look.first"] == 1
        assert ground.calls() == Counter(["look.first", "look.more", "look.deep"]) or at == 7, (
            "two tools may be under way at once"
        )


@pytest.mark.parametrize("which", [1, 2])
def test_killed_while_a_model_is_asked_what_was_set_aside_is_booked_and_it_is_asked_again(
    ground: Ground, which: int
) -> None:
    pids: list[int] = []

    def deadly(asked: Asked) -> Any:
        if server.calls == which and len(pids) == 1:
            os.kill(pids[0], signal.SIGKILL)
        return answers(asked)

    with model_server_in_thread(deadly) as server:
        first = ground.worker(server.url)
        pids.append(next(first))
        assert next(first) == -signal.SIGKILL
        pids.append(0)
        ground.let_time_pass()
        assert list(ground.worker(server.url))[1] == 0
        check(ground, server, lost=1, asked=3)
        assert ground.calls() == Counter(["look.first", "look.more", "look.deep"])
