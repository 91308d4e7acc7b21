"""Two of every role over one Kafka and one PostgreSQL: killed, paused for longer than their leases last, the servers killed among them, all at
random and under load: one issue for each incident, one page for each step, ledgers that verify, a replay that says what was recorded."""

import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import pytest

from connectors.ports.clock import SystemClock
from schemas.time import SECOND
from tests.support.cast import Member, all_up, cast, over
from tests.support.crash import HASTE_S, balance, read_books, settle
from tests.support.kafka_server import kafka_server
from tests.support.linear_server import LinearServer
from tests.support.long_sleep import slept_through
from tests.support.postgres_server import Postgres, postgres_server
from tests.support.program import cli, to_linear
from tests.support.senders import KEY
from tests.support.server import Server
from tests.support.town import PATIENCE_S, SEED, Town
from tests.support.webhook_receiver import receiving
from tests.support.wire import Wire
from tocsin.compose import PROCESSORS

KILLS = int(os.environ.get("TOCSIN_KILLS", "20"))
PAUSE_S = 4 * HASTE_S
"""Several times what a lease lasts."""
SERVERS = ("kafka", "postgres")


def blows(draw: random.Random) -> Iterator[tuple[str, str]]:
    """What happens one after the other: as many kills as asked for, all roles in turn; a fourth as many pauses, and servers that are killed."""
    kills = [("kill", role) for role in islice(cycle(PROCESSORS), KILLS)]
    pauses = [("pause", role) for role in islice(cycle(PROCESSORS), max(len(PROCESSORS), KILLS // 4))]
    restarts = [("kill", server) for server in islice(cycle(SERVERS), max(4, KILLS // 10))]
    everything = [*kills, *pauses, *restarts]
    draw.shuffle(everything)
    return iter(everything)


def strike(how: str, whom: str, members: dict[str, Member], servers: dict[str, Server], draw: random.Random) -> None:
    if whom in servers:
        servers[whom].control.kill()
        over(draw.uniform(0, 2), members)
        servers[whom].control.start()
        return
    awake = [each for each in members.values() if each.role == whom and not each.asleep_until]
    # Its fellow sleeps and this one dies: then nobody plays the role for a while, which is allowed.
    target = draw.choice(awake or [each for each in members.values() if each.role == whom])
    if how == "kill":
        target.kill()
    elif not target.asleep_until:
        target.pause(PAUSE_S)


def doors(members: dict[str, Member], draw: random.Random) -> str:
    """Where a sender turns to: any door, whether anybody answers there or not."""
    return draw.choice(
        [url for member in members.values() if member.role == "ingest" and (url := member.url())] or [""]
    )


@pytest.fixture(scope="module")
def long_sleep(
    tmp_path_factory: pytest.TempPathFactory, kafka: Server, postgres: Postgres, way_to_kafka: Wire
) -> Iterator[Future[None]]:
    """A process sleeps for a minute, on servers that nobody kills, while other tests of this module run: it costs them little."""
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(slept_through, tmp_path_factory.mktemp("sleep"), kafka, postgres, way_to_kafka)


@pytest.mark.chaos
@pytest.mark.ground("shared")
@pytest.mark.timeout(PATIENCE_S + 40 * KILLS)
@pytest.mark.usefixtures("long_sleep")
def test_two_of_each_role_do_everything_once_whoever_of_them_dies_or_sleeps(tmp_path: Path) -> None:
    draw, asked = random.Random(SEED), random.Random(SEED + 1)
    with LinearServer() as linear, receiving() as receiver, kafka_server() as kafka, postgres_server() as postgres:
        pager = {"targets": {"oncall": {"url": receiver.url, "pager": True, "deadline_s": 2}}}
        config: dict[str, Any] = {
            "connectors": {
                "linear": to_linear(linear, deadline_s=1),
                "webhook": pager,
                "sentry": {"projects": {"4": {"keys": [KEY]}}},
            }
        }
        servers: dict[str, Server] = {"kafka": kafka, "postgres": postgres}
        began = SystemClock().now()
        # One machine of two has a clock that is a minute off.
        with cast(tmp_path, config, kafka.address, postgres.fresh_database(), clocks=(0.0, 60.0)) as members:
            town = Town(where=lambda: doors(members, asked))
            all_up(members)
            with town.awake():
                for how, whom in blows(draw):
                    strike(how, whom, members, servers, draw)
                    over(draw.uniform(0.2, 2.0), members)
                for member in members.values():
                    member.wake(now=True)
                all_up(members)
            record = members["record 1"].folder
            settle(record, within_s=PATIENCE_S)
            ended = {name: member.life.terminate() for name, member in members.items() if member.life is not None}
        assert set(ended.values()) == {0}, ended
        print(town.told(), f"{len(linear.issues)} issues")
        books = read_books(record)
        assert town.refused == []
        balance(books, town.acked, linear, [headers["webhook-id"] for headers, _ in receiver.got])
        assert cli("ledger", "verify", config=record / "tocsin.yaml").exit_code == 0
        assert unforeseen(members) == []
        times = [entry.accepted_at for entry in books.inputs] + [decision.at for decision in books.decisions]
        assert began - SECOND < min(times) and max(times) < SystemClock().now() + SECOND


@pytest.mark.chaos
@pytest.mark.ground("shared")
@pytest.mark.timeout(PATIENCE_S)
def test_a_process_that_slept_for_a_minute_wakes_with_old_leases_and_does_nothing_twice(
    long_sleep: Future[None],
) -> None:
    long_sleep.result(PATIENCE_S)


FORESEEN = ("Unavailable", "Busy", "LeaseLost", "Conflict", "LedgerHeld", "Interrupted")
"""What may end a part of a process for a moment here: servers that are away, and another who took over."""


def unforeseen(members: dict[str, Member]) -> Sequence[str]:
    """Failures of another kind that were logged."""
    said = chain.from_iterable((m.folder / "stderr.txt").read_text().splitlines() for m in members.values())
    failed = [line for line in said if "part failed" in line or "contradict" in line or " broke in attempt" in line]
    return [line for line in failed if not any(f"{kind}: " in line for kind in FORESEEN)]
