"""Processes of the program under measurement, and waits for them that end: with what was waited for, and what they logged."""

import asyncio
import os
import select
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TELLS_S = 60.0
"""How long a process may take until it says that it runs."""
STILL_S = 60.0
"""How long nothing may move."""


class Stuck(Exception):
    """Nothing moves any more, or a process has ended: what is measured will not come."""


@dataclass
class Measured:
    """A process; what it logs goes into the file `log`, `told` is the line it said once it ran."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    told: str = ""
    _said: bytes = field(default=b"")

    @property
    def cpu_s(self) -> float:
        """Seconds of a core it has used, all threads together."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def check(self) -> None:
        """Raises Stuck when it has ended."""
        if self.process.poll() is not None:
            raise Stuck(f"{self.name} ended with {self.process.returncode}; {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return f"{self.name} logged: {self.log.read_text(errors='replace')[-2000:].strip() or 'nothing'}"

    def hear(self, within_s: float) -> str:
        """The first line of its output. Raises Stuck when it does not come."""
        assert self.process.stdout is not None
        end = time.monotonic() + within_s
        while b"\n" not in self._said:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise Stuck(f"{self.name} did not run within {within_s:.0f} s; {self.last_words()}")
            more = os.read(self.process.stdout.fileno(), 4096)
            if not more:
                self.process.wait(10)
                self.check()
            self._said += more
        return self._said.decode().strip()

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def started(name: str, arguments: Sequence[str], log: Path, *, tells: bool = True) -> Iterator[Measured]:
    """`python ARGUMENTS`, killed on leaving; with `tells`, it is waited for until it has printed a line. Raises Stuck."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
    found = Measured(name, process, log)
    try:
        if tells:
            found.told = found.hear(TELLS_S)
        yield found
    finally:
        found.end()


async def reached(
    count: Callable[[], Awaitable[int]],
    goal: int,
    what: str,
    processes: Sequence[Measured],
    *,
    every_s: float,
    still_s: float = STILL_S,
) -> None:
    """Count every `every_s` until there are `goal`. Raises Stuck when one of the processes ends, or when for `still_s` there are no more."""
    most, since = -1, time.monotonic()
    while (now := await count()) < goal:
        if now > most:
            most, since = now, time.monotonic()
        for each in processes:
            each.check()
        if time.monotonic() - since > still_s:
            words = "; ".join(each.last_words() for each in processes)
            raise Stuck(f"{what}: {now} of {goal}, and no more for {still_s:.0f} s; {words}")
        await asyncio.sleep(every_s)
