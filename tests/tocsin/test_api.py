"""The programming interface over a real journal: what it answers, and what it refuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from connectors.journal.sqlite import SqliteArchive, SqliteJournal, open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, Busy, NewRecord, Unavailable
from schemas import Command, Decision, decide
from schemas.payload import Quarantined
from tocsin.api import Api, Readiness

TOKEN = "the token of this test"
BEARER = {"authorization": f"Bearer {TOKEN}"}
COMMAND = Command(id="cmd_1", kind="approve", author="human:ana", origin="api", at=0, data={"action_id": "act_1"})


class World:
    """An interface over a journal of its own; `taken` are the commands it submitted, `error` what submitting raises."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.taken: list[Command] = []
        self.error: Exception | None = None
        self.state = Readiness({"triage": "running", "journal": "writing"}, {})
        self.api = Api(
            journal=journal,
            archive=SqliteArchive(journal),
            submit=self._submit,
            readiness=lambda: self.state,
            exposition=lambda: b"tocsin_up 1\n",
            token=TOKEN,
            reload=self._reload,
            retry=self._retry,
        )
        transport = httpx.ASGITransport(Starlette(routes=self.api.routes()))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://tocsin.test")

    async def _submit(self, command: Command) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(command)

    async def _reload(self) -> str:
        if self.error is not None:
            raise self.error
        return "a new version"

    async def _retry(self, identity: str) -> int:
        raise KeyError(identity)

    async def decided(self, number: int, about: str | None = None) -> Decision:
        """One more decision in the journal, maybe about an incident."""
        what = Quarantined(quarantine_id=f"qua_{number}", source="s", instance="default", reason="r", size=1)
        made = decide(
            "signal.quarantined",
            at=number,
            actor="system",
            because=f"number {number}",
            cause=(f"qua_{number}",),
            data=what,
            incident_id=about,
        )
        await self.journal.append(DECISIONS, [NewRecord("decision", made.to_json(), about or "")])
        return made


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Open until the block is left."""
    journal = open_journal(folder / "journal.db", clock=SystemClock())
    made = World(journal)
    try:
        async with made.http:
            yield made
    finally:
        await journal.close()


GUARDED = [("GET", "/incidents"), ("GET", "/incidents/x"), ("GET", "/incidents/x/decisions"), ("POST", "/commands"), ("POST", "/rules/activate"), ("POST", "/quarantine/x/retry"), ("GET", "/silences"), ("POST", "/silences/preview"), ("GET", "/stream")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_without_the_token_nothing_is_told_and_nothing_taken(tmp_path: Path, method: str, path: str) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            for given in (
                {},
                {"authorization": "Bearer wrong"},
                {"authorization": TOKEN},
                {"authorization": f"Basic {TOKEN}"},
                httpx.Headers({"authorization": "Bearer ÿ"}, encoding="latin-1"),
            ):
                answer = await w.http.request(method, f"/api/v1{path}", headers=given, content=COMMAND.to_json())
                assert answer.status_code == 401 and "token" in answer.json()["error"]
            assert w.taken == []

    asyncio.run(main())


def test_health_readiness_and_metrics_need_no_token(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            assert (await w.http.get("/healthz")).json() == {"status": "alive"}
            assert (await w.http.get("/readyz")).status_code == 200
            assert (await w.http.get("/metrics")).text == "tocsin_up 1\n"
            w.state = Readiness(
                {"triage": "stopped", "journal": "failing"}, {"triage": "ValueError: x", "journal": "SQLITE_FULL"}
            )
            answer = await w.http.get("/readyz")
            assert answer.status_code == 503 and answer.json()["faults"] == {
                "triage": "ValueError: x",
                "journal": "SQLITE_FULL",
            }
            assert (await w.http.get("/healthz")).status_code == 200

    asyncio.run(main())


def test_a_command_is_taken_or_its_fault_named(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            answer = await w.http.post("/api/v1/commands", headers=BEARER, content=COMMAND.to_json())
            assert answer.status_code == 202 and [each.id for each in w.taken] == ["cmd_1"]
            for body in (b"", b"{oops", b"[]", b'{"id": "x"}'):
                refused = await w.http.post("/api/v1/commands", headers=BEARER, content=body)
                assert refused.status_code == 400 and refused.json()["faults"]

    asyncio.run(main())


@pytest.mark.parametrize("error", [Busy("full", retry_after_s=3), Unavailable("no disk", retry_after_s=0.2)])
def test_a_command_that_cannot_be_recorded_is_not_taken(tmp_path: Path, error: Busy | Unavailable) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            w.error = error
            answer = await w.http.post("/api/v1/commands", headers=BEARER, content=COMMAND.to_json())
            assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1

    asyncio.run(main())


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            for path in ("/incidents/inc_x", "/incidents/inc_x/decisions"):
                answer = await w.http.get(f"/api/v1{path}", headers=BEARER)
                assert answer.status_code == 404 and "inc_x" in answer.json()["error"]
            for limit in ("0", "7", "x", "-1", "99999999999"):
                assert (await w.http.get(f"/api/v1/incidents?limit={limit}", headers=BEARER)).json() == []

    asyncio.run(main())


def test_a_long_story_is_told_in_pages_from_its_end_and_says_when_there_is_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            made = [await w.decided(number, about="inc_long") for number in range(7)]

            async def page(query: str) -> tuple[list[str], str | None]:
                answer = await w.http.get(f"/api/v1/incidents/inc_long/decisions{query}", headers=BEARER)
                assert answer.status_code == 200
                return [each["id"] for each in answer.json()], answer.headers.get("tocsin-earlier")

            ids = [each.id for each in made]
            assert await page("") == (ids, None)
            assert await page("?limit=7") == (ids, None)
            found, query = await page("?limit=3")
            assert (found, query) == (ids[4:], "?limit=3&skip=3")
            found, query = await page(query or "")
            assert (found, query) == (ids[1:4], "?limit=3&skip=6")
            assert await page(query or "") == (ids[:1], None)
            assert await page("?skip=99") == ([], None)

    asyncio.run(main())


def test_the_stream_begins_behind_the_offset_asked_for_and_ends_when_the_interface_closes(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            made = [await w.decided(number) for number in range(3)]
            events = w.api._events(1)
            heard = [await anext(events), await anext(events)]
            assert [each.startswith(b"id: %d\n" % (offset + 2)) for offset, each in enumerate(heard)] == [True, True]
            assert [made[number].id.encode() in heard[number - 1] for number in (1, 2)] == [True, True]
            later = asyncio.ensure_future(anext(events))
            made.append(await w.decided(3))
            assert made[3].id.encode() in await asyncio.wait_for(later, 10)
            last = asyncio.ensure_future(anext(events, b"over"))
            w.api.close()
            assert await asyncio.wait_for(last, 10) == b"over"
            for given in ("x", "-1", "1.5", "²", "9" * 30):
                refused = await w.http.get(f"/api/v1/stream?after={given}", headers=BEARER)
                assert refused.status_code == 400 and given in refused.json()["error"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "status"), [(PermissionError("rules/a.yaml"), 409), (Busy("full", retry_after_s=3), 503), (None, 202)]
)
def test_rules_that_cannot_be_read_leave_those_in_force(tmp_path: Path, error: Exception | None, status: int) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            w.error = error
            answer = await w.http.post("/api/v1/rules/activate", headers=BEARER)
            assert answer.status_code == status
            assert status != 409 or answer.json()["faults"] == ["rules/a.yaml"]
            assert (await w.http.post("/api/v1/quarantine/qua_x/retry", headers=BEARER)).status_code == 404

    asyncio.run(main())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([], "expected an object"),
        ({"matcher": "sevrity == 'x'"}, "did you mean 'severity'"),
        ({"matcher": "true", "for": "soon"}, "is not a span"),
        ({"matcher": "true", "times": [{"weekday": []}]}, "times:"),
        ({"matcher": "true", "times": [{"weekdays": ["mondey"]}]}, "did you mean 'monday'"),
    ],
)
def test_a_preview_of_what_is_no_silence_says_why(tmp_path: Path, asked: object, message: str) -> None:
    async def main() -> None:
        async with world(tmp_path) as there:
            answer = await there.http.post("/api/v1/silences/preview", json=asked, headers=BEARER)
            assert answer.status_code == 400 and message in answer.json()["error"]

    asyncio.run(main())
