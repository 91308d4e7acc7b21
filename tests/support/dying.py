"""The program as it is, except that it kills itself (SIGKILL) at one of its durable steps.

`python -m tests.support.dying ORDERS up ...` is `tocsin up ...`. Once the file ORDERS is there with `K NAME` in it, steps are counted, and
right after the Kth of that name the process is gone. Every step counted is written to `ORDERS.steps`: a JSON list of its names, each
with its number.

A step is whatever survives the kill or leaves the machine, whichever module of the program asks for it: a commit of the journal (named
by each kind of record in it; nobody was told yet); on Kafka and PostgreSQL also what was published (nobody was told, and the outbox has it
still), a lease or a job that was taken, a topic that was made; half a write to a file and a whole one, a name put in its place, the answer to a
request to a remote (which nobody has seen yet). To be killed before a step is to be killed after the one before it. What the kernel was
given survives a SIGKILL; a power cut is another matter.
"""

import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import orjson

from connectors.journal.kafka import jobs, leases
from connectors.journal.kafka import opening as shared_opening
from connectors.journal.kafka.appender import Appender
from connectors.journal.kafka.committer import Committer
from connectors.journal.kafka.relay import Relay
from connectors.journal.kafka.topics import Topics
from connectors.journal.sqlite import opening
from connectors.journal.sqlite.state import Group
from connectors.ports.journal import Job
from tests.support.hasty import hurry
from tocsin.__main__ import main


class Countdown:
    """Counts once it has orders. Any thread may take a step."""

    def __init__(self, orders: Path) -> None:
        self._orders = orders
        self._lock = threading.Lock()
        self._last: tuple[int, str] | None = None
        self._taken: Counter[str] = Counter()
        self._write, self._notes = os.write, -1

    def took(self, *names: str) -> None:
        """One step was taken; the process may end here."""
        with self._lock:
            if not self._ready():
                return
            self._taken.update(names)
            numbered = [(self._taken[name], name) for name in names]
            self._write(self._notes, json.dumps(numbered).encode() + b"\n")
            if self._last in numbered:
                os.kill(os.getpid(), signal.SIGKILL)

    def next_is_the_last(self, name: str) -> bool:
        """Whether the step of that name that is about to be taken is where the process ends."""
        with self._lock:
            return self._ready() and self._last == (self._taken[name] + 1, name)

    def _ready(self) -> bool:
        if self._last is None:
            with suppress(FileNotFoundError):
                number, _, name = self._orders.read_text().partition(" ")
                self._last = (int(number), name)
                self._notes = os.open(f"{self._orders}.steps", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        return self._last is not None


def take_commits(count: Countdown) -> None:
    """The journal's commits."""
    publish, migrate = Group.publish, opening.migrate  # type: ignore[attr-defined]

    def publishing(group: Group) -> None:
        count.took(*(f"commit of {kind}" for kind in _kinds(group)))
        publish(group)

    def migrating(connection: Any) -> int:
        version = migrate(connection)
        count.took("commit of tables")
        return version

    Group.publish, opening.migrate = publishing, migrating  # type: ignore[method-assign, assignment, attr-defined]


def _kinds(group: Group) -> Sequence[str]:
    return _named_by(record for records in group._records.values() for record in records)


def _named_by(records: Iterable[Any]) -> list[str]:
    kinds: dict[str, None] = {}
    for record in records:
        named = orjson.loads(record.payload) if record.kind in ("decision", "command") else {}
        kinds[" ".join((record.kind, *([named["kind"]] if named else [])))] = None
    return list(kinds) or ["state"]


def take_shared_commits(count: Countdown) -> None:
    """Those of PostgreSQL, and what follows from them in Kafka."""
    transact, send, migrate = Committer._transact, Appender._send, shared_opening.migrate  # type: ignore[attr-defined]

    async def transacting(committer: Committer, units: Any, attempt: Any) -> bool:
        done = await transact(committer, units, attempt)
        if done:
            records = [record for unit in units for _, record in unit.records]
            count.took(*(f"commit of {kind}" for kind in _named_by(records)))
        return done

    async def sending(appender: Appender, stream: str, messages: Any) -> list[int]:
        offsets = await send(appender, stream, messages)
        how = "publication" if messages[0].number else "commit"
        count.took(*(f"{how} of {kind}" for kind in _named_by(messages)))
        return offsets

    async def migrating(connection: Any, schema: str) -> int:
        version = await migrate(connection, schema)
        count.took("commit of tables")
        return int(version)

    Committer._transact, Appender._send = transacting, sending  # type: ignore[method-assign]
    shared_opening.migrate = migrating  # type: ignore[attr-defined]


def take_rights(count: Countdown) -> None:
    """Leases, jobs, topics, and the outbox emptied."""
    for where, name, said in (
        (leases, "acquire", lambda given, found: f"lease of {given[1]}" if found else ""),
        (jobs, "claim", lambda given, found: f"claim of {given[1]}" if isinstance(found, Job) else ""),
        (Topics, "ensure", lambda given, _: f"topic {given[1]}"),
        (Relay, "_look", lambda given, _: f"removal from the outbox of {', '.join(given[1])}" if given[1] else ""),
    ):
        setattr(where, name, _taken(count, getattr(where, name), said))


def _taken(count: Countdown, do: Callable[..., Any], said: Callable[[Sequence[Any], Any], str]) -> Callable[..., Any]:
    async def doing(*given: Any, **named: Any) -> Any:
        found = await do(*given, **named)
        if name := said(given, found):
            count.took(name)
        return found

    return doing


def take_files(count: Countdown) -> None:
    """What is written and put in its place."""
    write = os.write

    def writing(descriptor: int, content: Any) -> int:
        name = _name(descriptor)
        if count.next_is_the_last(f"half a write of {name}"):
            write(descriptor, bytes(content)[: len(content) // 2])
        count.took(f"half a write of {name}")
        written = write(descriptor, content)
        count.took(f"write of {name}")
        return written

    os.write = writing
    for name in ("replace", "link"):
        setattr(os, name, _named(count, getattr(os, name)))


def _named(count: Countdown, do: Callable[..., Any]) -> Callable[..., Any]:
    def doing(*given: Any, **named: Any) -> Any:
        result = do(*given, **named)
        count.took(f"{do.__name__} to {re.sub('[0-9]{8}', 'N', Path(given[1]).name)}")
        return result

    return doing


def _name(descriptor: int) -> str:
    path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
    return path.name if path.suffix != ".jsonl" else "a segment"


def take_requests(count: Countdown) -> None:
    """What is asked of a remote."""
    send = httpx.AsyncClient.send

    async def sending(client: httpx.AsyncClient, request: httpx.Request, **named: Any) -> httpx.Response:
        response = await send(client, request, **named)
        asked = re.search(rb"(?:query|mutation) (\w+)", request.content)
        count.took(f"answer to {asked[1].decode() if asked else request.url.path}")
        return response

    httpx.AsyncClient.send = sending  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    countdown = Countdown(Path(sys.argv.pop(1)))
    hurry()
    for take in (take_commits, take_shared_commits, take_rights, take_files, take_requests):
        take(countdown)
    main()
