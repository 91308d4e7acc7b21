"""Programs that begin at once: a process that has imported everything, and forks.

process = born("tests.support.hasty", ["up", "--config", ...], folder=folder, out=out, err=err, environment=...)
process.kill()

Beginning as `python -m MODULE` does costs two seconds of a core for the imports alone; tests that begin hundreds of programs would do
little else. What is forked is a process of its own in all other respects, and is killed, paused and waited for like any.
`python -m tests.support.nursery SOCKET` is the one that forks, until its standard input is closed.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).parents[2]
LOOK_S = 0.01


class Born:
    """A child, in the words of `subprocess.Popen`."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self.returncode: int | None = None
        self._told = b""
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(_nursery())
        self._line.sendall(json.dumps(order).encode() + b"\n")
        while b"\n" not in self._told:
            more = self._line.recv(100)
            assert more, "the nursery has ended"
            self._told += more
        pid, _, self._told = self._told.partition(b"\n")
        self.pid = int(pid)

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        self._listen(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """As `poll`, once it has ended. Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else monotonic() + timeout
        while self.returncode is None:
            left = None if end is None else end - monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0)
            self._listen(left)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _listen(self, timeout_s: float | None) -> None:
        if self.returncode is None and select.select([self._line], [], [], timeout_s)[0]:
            more = self._line.recv(100)
            self._told += more
            if b"\n" in self._told:
                self.returncode = int(self._told)
                self._line.close()
            else:
                assert more, "the nursery has ended"


def born(
    module: str, arguments: Sequence[str], *, folder: Path, out: Path, err: Path, environment: Mapping[str, str]
) -> Born:
    """`python -m MODULE ARGUMENTS` in a folder; what it prints is added to the files. Only `environment` is in its environment."""
    given = {"module": module, "arguments": [*arguments], "folder": str(folder), "out": str(out), "err": str(err)}
    return Born({**given, "environment": {**environment}})


_lock = threading.Lock()


def _nursery() -> str:
    with _lock:
        return _opened()


@cache
def _opened() -> str:
    """One for the whole run; it ends with this process."""
    where = str(Path(tempfile.mkdtemp(prefix="tocsin-nursery-")) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.nursery", where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    _kept.append(process)
    return where


_kept: list[subprocess.Popen[bytes]] = []


def serve(where: str) -> None:
    """Fork as told, until standard input ends; then the children end too."""
    import tests.support.dying  # noqa: F401 - whatever a child may need

    assert threading.active_count() == 1, "a process with threads cannot be forked"
    gc.collect()
    gc.freeze()
    lines: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(where)
        door.listen(64)
        print("ready", flush=True)
        while True:
            readable = select.select([door, sys.stdin], [], [], LOOK_S)[0]
            if sys.stdin in readable:
                break
            if door in readable:
                line, _ = door.accept()
                order = json.loads(line.makefile("rb").readline())
                pid = os.fork()
                if pid == 0:
                    door.close()
                    for each in (line, *lines.values()):
                        each.close()
                    _live(order)
                lines[pid] = line
                line.sendall(b"%d\n" % pid)
            _bury(lines)
    for pid in lines:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)  # there is nothing to be put in order


def _bury(lines: dict[int, socket.socket]) -> None:
    while lines:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        line = lines.pop(pid)
        try:
            line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        except OSError:
            pass  # nobody wants to know
        line.close()


def _live(order: Mapping[str, Any]) -> None:
    """What `python -m` does."""
    code = 1
    try:
        for descriptor, path, flags in ((0, os.devnull, os.O_RDONLY), (1, order["out"], 0), (2, order["err"], 0)):
            opened = os.open(path, flags or os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(opened, descriptor)
            os.close(opened)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = [order["module"], *order["arguments"]]
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter itself does at the very end
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
