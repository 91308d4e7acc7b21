"""`tocsin tail` prints decisions, and passes over what stands in their stream and is none."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, Journal, NewRecord, recorded
from schemas import Decision, decide
from schemas.payload import CommandTaken, PlaybookSkipped
from tests.support.ground import present
from tests.support.program import cli, configure
from tocsin.config import JournalSettings
from tocsin.folder import DataFolder
from tocsin.store import open_store

SAYS_NOTHING = NewRecord("repeat", b"{}")
"""What stands where an owner that woke late said an earlier decision again."""


def decision(name: str) -> Decision:
    return decide(
        "playbook.skipped",
        at=1,
        actor="system",
        because=name,
        cause=(name,),
        data=PlaybookSkipped(playbook="x", reason="running"),
    )


def command_refused(name: str) -> Decision:
    said = CommandTaken(command_id=name, kind="resolve")
    return decide("command.refused", at=1, actor="system", because=name, cause=(name,), data=said)


def in_journal(folder: Path, work: Callable[[Journal], Any]) -> Any:
    async def main() -> Any:
        data = DataFolder(folder / "data")
        data.make()
        store = await open_store(JournalSettings(**present().section(folder)), data, clock=SystemClock())
        try:
            return await work(store.journal)
        finally:
            await store.journal.close()

    return asyncio.run(main())


def append(folder: Path, records: Sequence[NewRecord]) -> None:
    in_journal(folder, lambda journal: journal.append(DECISIONS, records))


def test_an_entry_that_is_no_decision_is_passed_over(tmp_path: Path) -> None:
    config = configure(tmp_path)
    append(tmp_path, [recorded(decision("one")), SAYS_NOTHING, recorded(decision("two")), SAYS_NOTHING])
    once = cli("tail", "--once", config=config)
    assert once.exit_code == 0, once.output
    assert [line.split()[-1] for line in once.stdout.splitlines()] == ["one", "two"]
    assert len(cli("tail", "--once", "--json", config=config).stdout.splitlines()) == 2


@pytest.mark.ground("embedded")
def test_as_many_earlier_ones_are_printed_as_were_asked_for_of_the_kind_too(tmp_path: Path) -> None:
    config = configure(tmp_path)
    wanted = [command_refused(f"wanted{number}") for number in range(3)]
    others = [decision(f"other{number}") for number in range(1_500)]
    append(tmp_path, [recorded(each) for each in [*wanted, *others]])
    for lines, expected in ((2, wanted[1:]), (3, wanted), (9, wanted), (0, [])):
        ran = cli("tail", "--once", "-n", str(lines), "--kind", "command", "--json", config=config)
        assert [json.loads(line)["because"] for line in ran.stdout.splitlines()] == [each.because for each in expected]
    assert len(cli("tail", "--once", "-n", "7", "--json", config=config).stdout.splitlines()) == 7


def test_who_follows_goes_on_after_an_entry_that_is_no_decision(tmp_path: Path) -> None:
    config = configure(tmp_path)
    append(tmp_path, [recorded(decision("one")), SAYS_NOTHING])
    command = [sys.executable, "-m", "tocsin", "tail", "--config", str(config)]
    environment = {**os.environ, "COLUMNS": "160", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as following:
        assert following.stdout is not None
        try:
            assert following.stdout.readline().split()[-1] == "one"
            append(tmp_path, [SAYS_NOTHING, recorded(decision("two"))])
            assert following.stdout.readline().split()[-1] == "two"
        finally:
            following.kill()
