"""A night on a machine that stands still for a minute: `slept_through(folder, kafka, postgres, way_to_kafka)` plays it to its end, with
leases as shipped.

One process holds the leases of triage, of investigations and of actions, one of whose requests has no answer yet, when it is stopped
(SIGSTOP) and its connections to the database and to the broker are cut. Another takes over everything. After a minute the first wakes
with what it held, cut off: it can neither look nor write, and does nothing. Then its network is back, and it hears that it was replaced.
"""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from tests.support.crash import balance, read_books, settle, start
from tests.support.linear_server import LinearServer
from tests.support.postgres_server import Postgres
from tests.support.program import Child, to_linear, until
from tests.support.senders import Sender, alerts
from tests.support.server import Server
from tests.support.webhook_receiver import receiving
from tests.support.wire import Wire

ASLEEP_S = 60.0
WITHIN_S = 240.0
"""For each thing to come, on a machine that does other things besides."""
WORK = ("triage", "investigate", "act")


@contextmanager
def _process(folder: Path, config: dict[str, Any], *roles: str) -> Iterator[Child]:
    """As shipped: nothing is hurried."""
    life = start(folder, config, *roles, haste_s=None, wait=False)
    try:
        until(lambda: b" up " in life.stderr.read_bytes(), f"a start of {roles} in {folder}", within_s=WITHIN_S)
        yield life
        assert life.terminate() == 0, life.stderr.read_text()[-3000:]
    finally:
        # One that still sleeps is killed all the same.
        life.kill()


def slept_through(folder: Path, kafka: Server, postgres: Postgres, way_to_kafka: Wire) -> None:
    """Raises AssertionError, TimeoutError."""
    with LinearServer() as linear, receiving() as receiver, Wire(postgres.port) as wire:
        own = postgres.fresh_database()
        where = {"kafka": kafka.address, "postgres": own, "tenant": f"t{secrets.token_hex(6)}"}
        pager = {"targets": {"oncall": {"url": receiver.url, "pager": True, "deadline_s": 2}}}
        config = {"journal": where, "connectors": {"linear": to_linear(linear, deadline_s=2), "webhook": pager}}
        by_wires = {"kafka": way_to_kafka.address, "postgres": own.replace(f":{postgres.port}/", f":{wire.port}/")}
        by_wire = {**config, "journal": {**where, **by_wires}}
        door, sleeper, standby = (folder / name for name in ("door", "sleeper", "standby"))

        def has_issue(name: str) -> bool:
            return any(name in each["title"] for each in linear.issues)

        def happens(name: str) -> None:
            assert sender.deliver(alerts(name, (name,)))
            until(lambda: has_issue(name), f"the issue of {name}", within_s=WITHIN_S)

        with _process(door, config, "ingest", "record") as opened, _process(sleeper, by_wire, *WORK) as asleep:
            until(lambda: opened.folder.published(), "the door", within_s=WITHIN_S)
            sender = Sender(lambda: opened.folder.published() or "")
            happens("before")
            linear.fail_next("hang_after", on="CreateIssue")
            for number in range(10):
                assert sender.deliver(alerts(f"held{number}", (f"held{number}",)))
            # It was made, and the one that asked for it never hears.
            until(lambda: has_issue("held"), "an issue", within_s=WITHIN_S)
            os.kill(asleep.process.pid, signal.SIGSTOP)
            wire.cut()
            way_to_kafka.cut()
            since, said = monotonic(), asleep.stderr.stat().st_size
            try:
                with _process(standby, config, *WORK):
                    happens("meanwhile")
                    settle(door, within_s=WITHIN_S)
                    until(lambda: monotonic() - since > ASLEEP_S, "the minute", within_s=2 * ASLEEP_S)
                    os.kill(asleep.process.pid, signal.SIGCONT)
                    until(
                        lambda: b"cannot be" in asleep.stderr.read_bytes()[said:],
                        "what the sleeper says that it misses",
                        within_s=WITHIN_S,
                    )
                    happens("while it is cut off")
                    wire.mend()
                    way_to_kafka.mend()
                    until(
                        lambda: b"LeaseLost: " in asleep.stderr.read_bytes()[said:],
                        "what the sleeper is told when it wakes",
                        within_s=WITHIN_S,
                    )
                    happens("after")
                    settle(door, within_s=WITHIN_S)
                # It stands by, and takes over in its turn.
                happens("at last")
                settle(door, within_s=WITHIN_S)
            finally:
                way_to_kafka.mend()
                os.kill(asleep.process.pid, signal.SIGCONT)
        books = read_books(door)
        assert len(books.incidents) == len(linear.issues) == 15
        balance(books, sender.acked, linear, [headers["webhook-id"] for headers, _ in receiver.got])
