"""Every role of the line as processes of their own over one Kafka and one PostgreSQL, any of which may be killed, paused and begun again.

with cast(folder, config, kafka.address, postgres.fresh_database()) as members:
    members["triage 1"].kill()
"""

import os
import secrets
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.support.crash import STARTING_S, is_up, start
from tests.support.hasty import AHEAD
from tests.support.program import Child, until
from tocsin.compose import PROCESSORS
from tocsin.folder import DataFolder


class Member:
    """A process that plays one role: `tocsin run ROLE` with a data folder of its own."""

    def __init__(self, role: str, folder: Path, config: Mapping[str, Any], *, ahead_s: float = 0.0) -> None:
        self.role, self.folder = role, folder
        self._environment = {AHEAD: f"{ahead_s}"}
        self._config = config
        self._said_before = 0
        self.life: Child | None = None
        self.asleep_until = 0.0
        """By the monotonic clock; 0 while it is awake."""

    def begin(self) -> None:
        """A new life; it is not waited for until it is up."""
        log = self.folder / "stderr.txt"
        self._said_before = log.stat().st_size if log.exists() else 0
        self.life = start(self.folder, self._config, self.role, wait=False, environment=self._environment)

    def up(self) -> bool:
        """Whether it has come up: its door is open, or it has said so."""
        if self.life is None:
            return False
        if self.role == "ingest":
            return is_up(self.life)
        return b" up " in self.life.stderr.read_bytes()[self._said_before :]

    def url(self) -> str:
        """Where its door is; nothing while it has none."""
        life = self.life
        return life.url if life is not None and (life.url or is_up(life)) else ""

    def kill(self) -> None:
        """SIGKILL, and a new life at once."""
        assert self.life is not None and self.life.process.poll() is None, self.said()
        self.life.kill()
        self.asleep_until = 0.0
        self.begin()

    def pause(self, seconds: float) -> None:
        """SIGSTOP, until `wake` is called after so many seconds."""
        assert self.life is not None
        os.kill(self.life.process.pid, signal.SIGSTOP)
        self.asleep_until = monotonic() + seconds

    def wake(self, *, now: bool = False) -> None:
        """SIGCONT, if it has slept long enough, or `now`."""
        if self.asleep_until and (now or monotonic() >= self.asleep_until):
            assert self.life is not None
            self.asleep_until = 0.0
            os.kill(self.life.process.pid, signal.SIGCONT)

    def said(self) -> str:
        """The end of its log."""
        return (self.folder / "stderr.txt").read_text()[-4000:]


@contextmanager
def cast(
    folder: Path, config: Mapping[str, Any], kafka: str, postgres: str, *, clocks: Sequence[float] = (0.0, 0.0)
) -> Iterator[dict[str, Member]]:
    """All roles, as many of each as there are `clocks` (by how many seconds the machine's is off), begun; by their names `ROLE NUMBER`.
    They end with the block."""
    common = folder / "common"
    DataFolder(common).make()
    (common / "ledger").mkdir()
    DataFolder(common).token()
    DataFolder(common).redaction_key()
    journal = {"kafka": kafka, "postgres": postgres, "tenant": f"t{secrets.token_hex(6)}"}
    members: dict[str, Member] = {}
    try:
        for role in PROCESSORS:
            for number, ahead_s in enumerate(clocks, 1):
                own = folder / f"{role}{number}"
                DataFolder(own / "data").path.mkdir(parents=True, mode=0o700)
                for shared in ("ledger", "token", "redaction.key"):
                    (own / "data" / shared).symlink_to(common / shared)
                member = Member(role, own, {**config, "journal": journal}, ahead_s=ahead_s)
                members[f"{role} {number}"] = member
                member.begin()
        yield members
    finally:
        for member in members.values():
            if member.life is not None:
                member.life.kill()


def all_up(members: Mapping[str, Member]) -> None:
    """Wait until every member that is awake has come up."""
    for name, member in members.items():
        until(member.up, f"{name}; it said {member.said()}", within_s=STARTING_S)


def over(seconds: float, members: Mapping[str, Member]) -> None:
    """Let time pass; whoever has slept enough meanwhile is woken, and nobody may have ended."""
    end = monotonic() + seconds
    while monotonic() < end:
        for name, member in members.items():
            member.wake()
            assert member.life is not None and member.life.process.poll() is None, f"{name} ended: {member.said()}"
        sleep(0.02)
