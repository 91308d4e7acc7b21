"""Killed (SIGKILL) after any unit of work, or while a model is asked, an investigation goes on with the next worker: what is recorded is not
asked again, and what was under way is booked."""

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
import pytest

from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from playbooks.library import Library
from processors.investigate import Intake
from processors.investigate.rows import QUEUE, SPENDING
from schemas import Decision, decide
from schemas.payload import PlaybookSelected
from tests.support.checkout_story import night
from tests.support.model_server import Asked, ModelServer, model_server_in_thread
from tests.support.talk import GOOD, asks, playbook

INCIDENT, SIGNALS, ARCHIVE = night()
UNITS = 11
"""Begin, one tool, the look, the weighing; set aside, answer; two tools; set aside, answer; conclusion."""


@dataclass
class Ground:
    """A journal on disk with one investigation queued, and a process that makes workers."""

    folder: Path
    process: subprocess.Popen[str]

    def worker(self, url: str, *, die_after: int = 0) -> Iterator[int]:
        """Its pid, then how it ended."""
        orders = {
            "journal": str(self.folder / "journal.db"),
            "calls": str(self.folder / "calls"),
            "url": url,
            "die_after": die_after,
        }
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(dumps(orders) + "\n")
        self.process.stdin.flush()
        yield int(self.process.stdout.readline())
        yield int(self.process.stdout.readline())

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
def ground(tmp_path: Path, maker: subprocess.Popen[str]) -> Ground:
    async def make() -> None:
        journal = await asyncio.to_thread(open_journal, tmp_path / "journal.db", clock=SystemClock())
        records = [NewRecord("signal", each.to_json(), key=each.group_key) for each in ARCHIVE.kept]
        await journal.append(INPUTS, records)
        selected = PlaybookSelected(playbook="looks", incident=INCIDENT, signal_ids=tuple(each.id for each in SIGNALS))
        made = decide(
            "playbook.selected",
            at=journal.now(),
            actor="rule:x",
            because="x",
            cause=("x",),
            data=selected,
            incident_id=INCIDENT.id,
        )
        await journal.append(DECISIONS, [NewRecord("decision", made.to_json(), key=INCIDENT.id)])
        book = playbook()
        await Intake(journal, Library({book.name: book})).step()
        await journal.close()

    asyncio.run(make())
    return Ground(tmp_path, maker)


def answers(asked: Asked) -> Any:
    """Two tools, then the conclusion: by what was asked, so that a repeated question has the same answer."""
    return GOOD if len(asked.body["messages"]) > 1 else asks(("look.more", {}), ("look.deep", {}))


async def read(folder: Path) -> tuple[list[Decision], dict[str, float], int]:
    journal = await asyncio.to_thread(open_journal, folder / "journal.db", clock=SystemClock())
    decisions = [Decision.from_json(entry.payload) for entry in await journal.read(DECISIONS, after=0, limit=5000)]
    (_, row) = next(iter(await journal.scan(SPENDING, "day/")))
    pending = await journal.pending(QUEUE)
    await journal.close()
    return decisions, orjson.loads(row), pending


def check(ground: Ground, server: ModelServer, *, lost: int, asked: int) -> None:
    decisions, spent, pending = asyncio.run(read(ground.folder))
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
        assert list(ground.worker(server.url))[1] == 0
        check(ground, server, lost=1, asked=3)
        assert ground.calls() == Counter(["look.first", "look.more", "look.deep"])
