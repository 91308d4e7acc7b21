"""Looking back over the streams finds what happened, when it happened, whatever order it came in."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connectors.journal.kafka import KafkaArchive, KafkaJournal, marks
from connectors.journal.kafka import archive as archive_module
from connectors.ports.clock import ManualClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from schemas import Command, Decision, Incident, LogBatch, LogLine, Signal, decide
from schemas.payload import CommandTaken

Opens = Callable[..., Any]
MINUTE = 60_000_000
T0 = 1_790_000_000_000_000


@pytest.fixture(autouse=True, params=[None, 3], ids=["", "small pages"])
def _pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with pages and distances between marks so small that all edges are met."""
    if request.param is not None:
        monkeypatch.setattr(archive_module, "PAGE", request.param)
        monkeypatch.setattr(archive_module, "FEW", 1)
        monkeypatch.setattr(marks, "EVERY", request.param + 1)


def signal(occurrence: str, at: int, *, service: str = "checkout", kind: str = "error") -> Signal:
    return Signal.observed(
        source="sentry",
        occurrence_id=occurrence,
        type=kind,
        title=f"It broke: {occurrence}",
        service=service,
        occurred_at=at,
        received_at=at,
        group_key="g",
    )


def stored(one: Signal | LogBatch) -> NewRecord:
    return NewRecord("signal" if isinstance(one, Signal) else "batch", one.to_json(), "g")


def run(opens: Opens, work: Callable[[KafkaJournal, ManualClock], Awaitable[None]]) -> None:
    async def main() -> None:
        clock = ManualClock(T0)
        async with opens(clock, shared_clock=False) as journal:
            await work(journal, clock)

    asyncio.run(main())


def decision(n: int, incident_id: str) -> Decision:
    data = CommandTaken(command_id=f"cmd_{n}", kind="feedback")
    return decide(
        "feedback.given", at=T0 + n, actor="human:ada", because="She said so.", cause=[f"{incident_id}-{n}"], data=data,
        incident_id=incident_id,
    )  # fmt: skip


def test_signals_are_found_by_when_they_happened_not_by_when_they_came(opens: Opens) -> None:
    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        clock.advance(seconds=600)
        await journal.append(
            INPUTS, [stored(signal("second", T0 + 2 * MINUTE)), stored(signal("fourth", T0 + 4 * MINUTE))]
        )
        clock.advance(seconds=600)
        late = signal("third", T0 + 3 * MINUTE)
        await journal.append(INPUTS, [stored(late), NewRecord("command", b'{"no": "signal"}')])
        clock.advance(seconds=1200)
        archive = KafkaArchive(journal)
        found = await archive.signals(since=T0 + 2 * MINUTE, until=T0 + 4 * MINUTE)
        assert [s.occurrence_id for s in found] == ["second", "third", "fourth"]
        assert [s.accepted_at for s in found] == [T0 + 10 * MINUTE, T0 + 20 * MINUTE, T0 + 10 * MINUTE]
        assert found[1] == late.model_copy(update={"accepted_at": T0 + 20 * MINUTE})
        narrower = await archive.signals(since=T0 + 2 * MINUTE + 1, until=T0 + 4 * MINUTE - 1)
        assert [s.occurrence_id for s in narrower] == ["third"]
        assert [s.occurrence_id for s in await archive.signals(since=T0, until=T0 + 9 * MINUTE, limit=1)] == ["fourth"]
        assert list(await archive.signals(since=T0, until=T0 + 9 * MINUTE, limit=0)) == []
        impatient = KafkaArchive(journal, margin_s=60)
        assert list(await impatient.signals(since=T0, until=T0 + 4 * MINUTE)) == []

    run(opens, work)


def test_log_lines_are_signals_and_types_and_service_narrow(opens: Opens) -> None:
    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        lines = tuple(LogLine(occurred_at=T0 + n, body=f"line {n}", severity="error") for n in range(3))
        batch = LogBatch(id="bat_1", source="generic", service="cart", received_at=T0, lines=lines)
        await journal.append(
            INPUTS, [stored(signal("a", T0)), stored(batch), stored(signal("b", T0 + 1, kind="alert"))]
        )
        archive = KafkaArchive(journal)

        async def found(**narrowed: object) -> list[str]:
            return [s.occurrence_id for s in await archive.signals(since=T0, until=T0 + 9, **narrowed)]  # type: ignore[arg-type]

        assert await found() == ["a", "bat_1/0", "bat_1/1", "b", "bat_1/2"]
        assert await found(types=["log"]) == ["bat_1/0", "bat_1/1", "bat_1/2"]
        assert await found(types=["alert", "error"]) == ["a", "b"]
        assert await found(service="cart") == ["bat_1/0", "bat_1/1", "bat_1/2"]
        assert await found(service="checkout", types=["error"]) == ["a"]
        line = await archive.signal("bat_1/1")
        assert line is not None
        assert (line.id, line.body, line.accepted_at) == ("bat_1/1", "line 1", T0)
        for absent in ("bat_1/3", "bat_1/x", "bat_1", "bat_2/0"):
            assert await archive.signal(absent) is None

    run(opens, work)


def test_a_signal_is_found_by_its_id_even_when_others_speak_of_it(opens: Opens) -> None:
    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        wanted = signal("wanted", T0)
        await journal.append(INPUTS, [stored(wanted), stored(signal("other", T0))])
        spoken = Command(id="cmd_1", kind="feedback", author="human:ada", origin="cli", at=T0, data={"text": wanted.id})
        await journal.append(INPUTS, [NewRecord("command", spoken.to_json())])
        found = await KafkaArchive(journal).signal(wanted.id)
        assert found == wanted.model_copy(update={"accepted_at": T0})
        assert await KafkaArchive(journal).signal("sig_absent") is None

    run(opens, work)


def test_incidents_come_as_they_are_now_oldest_first(opens: Opens) -> None:
    def incident(n: int, status: str = "open") -> Incident:
        return Incident.model_validate(
            {
                "id": f"inc_{9 - n}", "rule": "r", "group": {}, "group_id": "grp", "severity": "error", "status": status,
                "title": "t", "first_seen": T0, "last_seen": T0, "opened_at": T0 + n,
            }
        )  # fmt: skip

    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        for n in range(4):
            async with journal.unit() as unit:
                unit.put("incidents", incident(n).id, incident(n).to_json())
        async with journal.unit() as unit:
            unit.put("incidents", incident(1).id, incident(1, "resolved").to_json())
        archive = KafkaArchive(journal)
        assert [(i.opened_at - T0, i.status) for i in await archive.incidents()] == [
            (0, "open"), (1, "resolved"), (2, "open"), (3, "open"),
        ]  # fmt: skip
        assert [i.opened_at - T0 for i in await archive.incidents(since=T0 + 1, limit=2)] == [2, 3]
        assert await archive.incident("inc_8") == incident(1, "resolved")
        assert await archive.incident("inc_1000") is None

    run(opens, work)


def test_what_was_kept_since_a_place_is_told_and_an_update_is_nothing_new(opens: Opens) -> None:
    def incident(n: int, status: str = "open") -> Incident:
        return Incident.model_validate(
            {
                "id": f"inc_{9 - n}", "rule": "r", "group": {}, "group_id": "grp", "severity": "error", "status": status,
                "title": "t", "first_seen": T0, "last_seen": T0, "opened_at": T0 - n,
            }
        )  # fmt: skip

    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        archive = KafkaArchive(journal)
        assert list(await archive.incidents_after(0, 10)) == []
        for n in range(4):
            async with journal.unit() as unit:
                unit.put("incidents", incident(n).id, incident(n).to_json())
                unit.put("elsewhere", str(n), b"{}")
        first = await archive.incidents_after(0, 3)
        assert [each.id for _, each in first] == ["inc_9", "inc_8", "inc_7"], "in the order they were kept"
        async with journal.unit() as unit:
            unit.put("incidents", incident(0).id, incident(0, "resolved").to_json())
            unit.delete("elsewhere", "3")
        rest = await archive.incidents_after(first[-1][0], 10)
        assert [each.id for _, each in rest] == ["inc_6"]
        assert list(await archive.incidents_after(rest[-1][0], 10)) == []
        async with journal.unit() as unit:
            unit.put("incidents", incident(4).id, incident(4).to_json())
        assert [each.id for _, each in await archive.incidents_after(rest[-1][0], 10)] == ["inc_5"]

    run(opens, work)


def test_decisions_of_one_incident_come_in_order_and_from_another_process_too(opens: Opens) -> None:
    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        for n in range(10):
            async with journal.unit() as unit:
                for incident_id in ("inc_a", "inc_b"):
                    unit.append(DECISIONS, NewRecord("decision", decision(n, incident_id).to_json(), incident_id))
                unit.append(DECISIONS, NewRecord("decision", b"{}", ""))
        await journal.head(DECISIONS)
        async with opens(clock, shared_clock=False) as other:
            for archive in (KafkaArchive(journal), KafkaArchive(other)):
                found = list(await archive.decisions(incident_id="inc_a"))
                assert found == [decision(n, "inc_a") for n in range(10)]
                latest = list(await archive.decisions(incident_id="inc_b", limit=2))
                assert latest == [decision(n, "inc_b") for n in (8, 9)]
                assert list(await archive.decisions(incident_id="inc_c")) == []
        async with journal.unit() as unit:
            unit.move("record", DECISIONS, old=0, new=13)
        assert await journal.retain(DECISIONS, before=T0 + 1) == 13
        assert list(await KafkaArchive(journal).decisions(incident_id="inc_a")) == [
            decision(n, "inc_a") for n in range(5, 10)
        ]
        # Ten times two were indexed, of the dropped ones two times five less one, whose turn had not come.
        assert await journal.database.rows("SELECT count(*) FROM keys") == [(11,)]

    run(opens, work)


def test_decisions_are_found_though_others_stand_between(opens: Opens) -> None:
    """Where a record of the outbox stands is reckoned from its number; records that came another way move it on."""

    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        for n in range(12):
            for _ in range(n % 4):
                await journal.append(DECISIONS, [NewRecord("tick", b"not from the outbox")])
            async with journal.unit() as unit:
                unit.append(DECISIONS, NewRecord("decision", decision(n, "inc_a").to_json(), "inc_a"))
            await journal.head(DECISIONS)
        found = list(await KafkaArchive(journal).decisions(incident_id="inc_a"))
        assert found == [decision(n, "inc_a") for n in range(12)]

    run(opens, work)


def test_within_the_margin_the_latest_by_event_time_are_found(opens: Opens) -> None:
    chance = random.Random(7)

    async def work(journal: KafkaJournal, clock: ManualClock) -> None:
        signals = []
        for n in range(40):
            clock.advance(seconds=60)
            one = signal(str(n), clock.now() - chance.randint(-3000, 3000) * 1_000_000)
            await journal.append(INPUTS, [stored(one)])
            signals.append((one.occurred_at, n, one.occurrence_id))
        for _ in range(30):
            start = T0 + chance.randint(-20, 60) * MINUTE
            end = start + chance.randint(0, 60) * MINUTE
            limit = chance.randint(1, 12)
            found = await KafkaArchive(journal).signals(since=start, until=end, limit=limit)
            expected = sorted(one for one in signals if start <= one[0] <= end)[-limit:]
            assert [s.occurrence_id for s in found] == [name for *_, name in expected]

    run(opens, work)
