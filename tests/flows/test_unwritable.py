"""A journal that is locked by somebody else, or has become read-only: nothing is promised, one page goes out, and work goes on by itself."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from connectors.journal.sqlite import SqliteJournal
from tests.support.program import DEADLINE_S, Here, program
from tests.support.webhook_receiver import receiving

ALERT = {
    "labels": {"alertname": "CheckoutDown", "severity": "critical", "service": "checkout"},
    "annotations": {"summary": "Checkout answers nothing"},
}
BEFORE = {"title": "All is well", "severity": "info", "type": "log", "id": "before"}
KEY = "0123456789abcdef0123456789abcdef"
EVENT = b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n{"type":"event"}\n{"level":"error","message":"no"}\n'


@contextmanager
def locked(here: Here) -> Iterator[str]:
    """Somebody else has the file for himself, as a backup tool may."""
    foreign = sqlite3.connect(here.folder.journal, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    try:
        yield "SQLITE_BUSY"
    finally:
        foreign.execute("ROLLBACK")
        foreign.close()


@contextmanager
def read_only(here: Here) -> Iterator[str]:
    """Nothing can be written any more, as when a file system is remounted after an error."""
    journal = here.running.program.journal
    assert isinstance(journal, SqliteJournal)
    connection = journal._committer._connection
    assert connection is not None
    connection.execute("PRAGMA query_only = 1").fetchone()
    try:
        yield "SQLITE_READONLY"
    finally:
        connection.execute("PRAGMA query_only = 0").fetchone()


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not look():
            await asyncio.sleep(0.02)


@pytest.mark.ground("embedded")
@pytest.mark.parametrize("broken", [locked, read_only])
def test_acks_stop_one_page_goes_out_and_the_retry_is_accepted_afterwards(
    tmp_path: Path, broken: Callable[[Here], AbstractContextManager[str]]
) -> None:
    async def main(pager_url: str, pages: list[object]) -> None:
        targets = {"pager": {"url": pager_url, "pager": True}}
        config = {"connectors": {"webhook": {"targets": targets}, "sentry": {"projects": {"4": {"keys": [KEY]}}}}}
        async with program(tmp_path, config) as here:
            assert (await here.http.post("/in/generic", json=BEFORE)).is_success
            await here.settle()
            with broken(here) as fault:
                answer = await here.http.post("/api/v2/alerts", json=[ALERT])
                assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1, answer.text
                await until(lambda: bool(pages))
                state = await here.http.get("/readyz")
                assert state.status_code == 503 and fault in state.json()["faults"]["journal"]
                assert (await here.http.post("/api/v2/alerts", json=[ALERT])).status_code == 503
                # An SDK drops what gets a 503: it is told to pause.
                key = {"x-sentry-auth": f"Sentry sentry_version=7, sentry_key={KEY}"}
                paused = await here.http.post("/api/4/envelope/", content=EVENT, headers=key)
                assert paused.status_code in (200, 429) and "x-sentry-rate-limits" in paused.headers
            async with asyncio.timeout(DEADLINE_S):
                while (await here.http.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)
            assert (await here.http.post("/api/v2/alerts", json=[ALERT])).status_code == 200
            await here.until("action.succeeded", where=lambda each: each.data["action"]["kind"] == "page")
            await here.settle()
            assert len(await here.incidents()) == 1 and len(pages) == 1
        assert (await here.command("ledger", "verify")).exit_code == 0

    with receiving() as pager:
        asyncio.run(main(pager.url, pager.got))  # type: ignore[arg-type]
