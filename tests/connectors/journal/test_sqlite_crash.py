"""Killed at random moments, the SQLite journal loses nothing it acknowledged and keeps no unit by half."""

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import Entry, Journal

CHILD = Path(__file__).with_name("crash_child.py")
ROOT = Path(__file__).parents[3]


def killed(path: Path, run: str, lines: int) -> tuple[dict[int, str], Counter[str]]:
    """Runs the child until it has acknowledged so many things, kills it, and gives what was acknowledged."""
    appended: dict[int, str] = {}
    worked: Counter[str] = Counter()
    with subprocess.Popen(
        [sys.executable, CHILD, path, run], stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}
    ) as child:
        assert child.stdout is not None
        for n, line in enumerate(child.stdout):
            if n == lines:
                child.send_signal(signal.SIGKILL)
            if not line.endswith(b"\n"):
                break
            kind, *words = line.decode().split()
            if kind == "a":
                appended[int(words[0])] = words[1]
            else:
                worked[words[0]] = max(worked[words[0]], int(words[1]))
    return appended, worked


async def everything(journal: Journal, stream: str) -> list[Entry]:
    entries: list[Entry] = []
    while page := await journal.read(stream, after=len(entries), limit=5000):
        entries += page
    return entries


async def check(path: Path, appended: dict[int, str], worked: Counter[str]) -> None:
    journal = open_journal(path, clock=SystemClock())
    inputs = await everything(journal, "inputs")
    assert [e.offset for e in inputs] == list(range(1, len(inputs) + 1))
    assert [e.accepted_at for e in inputs] == sorted(e.accepted_at for e in inputs)
    lost = {o: name for o, name in appended.items() if o > len(inputs) or inputs[o - 1].payload != name.encode() * 20}
    assert not lost
    decisions = await everything(journal, "decisions")
    assert [e.offset for e in decisions] == list(range(1, len(decisions) + 1))
    decided: dict[str, list[int]] = {}
    for entry in decisions:
        consumer, n = entry.payload.decode().split()
        decided.setdefault(consumer, []).append(int(n))
    assert set(worked) <= set(decided)
    for consumer, numbers in decided.items():
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= worked[consumer]
        assert await journal.position(consumer, "inputs") == len(numbers)
        assert await journal.get("state", consumer) == str(len(numbers)).encode()
    assert await journal.pending("q") == len(decisions)
    await journal.close()


def kill_and_check(path: Path, kills: int) -> None:
    dice = random.Random(kills)
    appended: dict[int, str] = {}
    worked: Counter[str] = Counter()
    for run in range(kills):
        more, done = killed(path, str(run), dice.randrange(1, 6000))
        assert more or done
        appended.update(more)
        worked |= done
        asyncio.run(check(path, appended, worked))


def test_nothing_acknowledged_is_lost_and_no_unit_is_half_done(tmp_path: Path) -> None:
    kill_and_check(tmp_path / "j.sqlite", kills=3)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_the_same_over_many_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path / "j.sqlite", kills=40)
