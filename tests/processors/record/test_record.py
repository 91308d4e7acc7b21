"""The recorder against the real journal and the real ledger."""

import asyncio
import resource
import signal as signals
from contextlib import asynccontextmanager, suppress

import orjson
import pytest

from connectors.journal.sqlite import open_journal
from connectors.ledger import connect, open_ledger, verify
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, Entry, NewRecord
from connectors.ports.ledger import Head, LedgerDamaged
from processors.record import Record
from processors.record.order import gap_before, merge

PATIENCE_S = 20


def records(kind, first, last):
    return [NewRecord(kind, orjson.dumps({"id": f"{kind}_{n}", "n": n}), "k") for n in range(first, last + 1)]


@pytest.fixture
def opening(tmp_path):
    """The ledgers that were opened, and how to open one."""
    opened = []

    def opener(epoch, head):
        ledger = open_ledger(tmp_path / "ledger", clock=SystemClock(), epoch=epoch, head=head)
        opened.append((epoch, head, ledger))
        return ledger

    return opened, opener


@asynccontextmanager
async def recording(journal, opener, owner="one", **settings):
    recorder = Record(journal, opener, owner=owner, **settings)
    task = asyncio.create_task(recorder.run())
    try:
        yield recorder
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settled(journal, **positions):
    """Until the journal knows the recorder that far."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = {stream: await journal.position("record", stream) for stream in positions}
            if found == positions:
                return
            await asyncio.sleep(0.01)


def test_every_entry_of_both_streams_is_recorded_once_and_the_journal_learns_how_far(tmp_path, opening):
    opened, opener = opening

    async def run():
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        await journal.append(INPUTS, records("signal", 1, 1500))
        for round_number in range(3):
            async with recording(journal, opener):
                await journal.append(DECISIONS, records("decision", round_number * 10 + 1, round_number * 10 + 10))
                await settled(journal, inputs=1500, decisions=round_number * 10 + 10)
        head = orjson.loads(await journal.get("ledger", "head"))
        await journal.close()
        return Head(**head)

    head = asyncio.run(run())
    found = verify(tmp_path / "ledger", head=head)
    assert found.holds and found.records == 1530 and found.head == head
    rows = connect(tmp_path / "ledger").execute('select stream, "offset" from ledger order by stream, seq').fetchall()
    assert rows == [("decisions", n) for n in range(1, 31)] + [("inputs", n) for n in range(1, 1501)]
    assert opened[1][1] is not None and opened[1][1].seq == 1510


def test_it_goes_on_from_the_ledgers_position_when_the_journals_lags(tmp_path, opening):
    _, opener = opening

    async def run():
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        await journal.append(DECISIONS, records("decision", 1, 20))
        ahead = opener(1, None)
        await ahead.append(await journal.read(DECISIONS, after=0, limit=15))
        await ahead.close()
        async with recording(journal, opener):
            await settled(journal, decisions=20)
        await journal.close()

    asyncio.run(run())
    assert verify(tmp_path / "ledger").records == 20


def test_a_disk_that_refuses_is_waited_for(tmp_path, opening):
    opened, opener = opening
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Starving:
        """The real ledger, on a disk that is full for its first appends."""

        def __init__(self, ledger):
            self.ledger, self.refused = ledger, 0

        def __getattr__(self, name):
            return getattr(self.ledger, name)

        async def append(self, entries):
            if self.refused < 3:
                self.refused += 1
                resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
                try:
                    await self.ledger.append(entries)
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, before)
            await self.ledger.append(entries)

    starving = []

    def open_starving(epoch, head):
        starving.append(Starving(opener(epoch, head)))
        return starving[-1]

    async def run():
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        await journal.append(DECISIONS, records("decision", 1, 20))
        async with recording(journal, open_starving, first_pause_s=0.01):
            await settled(journal, decisions=20)
        await journal.close()

    ignored = signals.signal(signals.SIGXFSZ, signals.SIG_IGN)
    try:
        asyncio.run(run())
    finally:
        signals.signal(signals.SIGXFSZ, ignored)
    assert starving[0].refused == 3 and len(opened) == 1
    assert verify(tmp_path / "ledger").records == 20


def test_entries_gone_before_they_were_recorded_leave_a_record_that_says_so(tmp_path, opening, caplog):
    _, opener = opening

    async def run():
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        await journal.append(DECISIONS, records("decision", 1, 5))
        async with journal.unit() as unit:
            unit.move("triage", DECISIONS, old=0, new=5)
        await journal.append(DECISIONS, records("decision", 6, 8))
        kept = await journal.read(DECISIONS, after=5)
        assert await journal.retain(DECISIONS, before=kept[0].accepted_at) == 5
        async with recording(journal, opener):
            await settled(journal, decisions=8)
        await journal.close()

    asyncio.run(run())
    rows = connect(tmp_path / "ledger").execute('select kind, "offset", payload from ledger order by seq').fetchall()
    assert rows[0] == ("gap", 5, '{"missing_from":1,"missing_to":5}') and [row[1] for row in rows] == [5, 6, 7, 8]
    assert "gone before they were recorded" in caplog.text
    assert verify(tmp_path / "ledger").holds


def test_a_ledger_of_another_journal_is_refused(tmp_path, opening, written_ahead=30):
    _, opener = opening

    async def run():
        foreign = opener(1, None)
        await foreign.append([Entry(INPUTS, written_ahead, 0, "signal", "k", b"{}")])
        await foreign.close()
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        with pytest.raises(LedgerDamaged, match="do not belong together"):
            await Record(journal, opener, owner="one").run()
        await journal.close()

    asyncio.run(run())


def test_a_standby_takes_over_and_the_chain_goes_on_under_a_new_epoch(tmp_path, opening):
    opened, opener = opening

    async def run():
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        await journal.append(DECISIONS, records("decision", 1, 3))
        async with recording(journal, opener, owner="one"):
            await settled(journal, decisions=3)
            async with recording(journal, opener, owner="two", ttl_s=0.3):
                await journal.append(DECISIONS, records("decision", 4, 6))
                await settled(journal, decisions=6)
                assert len(opened) == 1
        async with recording(journal, opener, owner="two", ttl_s=0.3):
            await journal.append(DECISIONS, records("decision", 7, 9))
            await settled(journal, decisions=9)
        await journal.close()

    asyncio.run(run())
    assert [epoch for epoch, _, _ in opened] == sorted({epoch for epoch, _, _ in opened}) and len(opened) == 2
    found = verify(tmp_path / "ledger")
    assert found.holds and (found.records, found.segments) == (9, 2)


def test_entries_go_in_by_acceptance_and_keep_their_streams_order():
    entry = Entry(INPUTS, 1, 10, "signal", "", b"{}")
    inputs = [entry._replace(offset=n, accepted_at=at) for n, at in ((1, 10), (2, 10), (3, 30))]
    decisions = [entry._replace(stream=DECISIONS, offset=n, accepted_at=at) for n, at in ((1, 10), (2, 20))]
    merged = merge(inputs, decisions, most=4)
    assert [(found.stream, found.offset) for found in merged] == [
        (INPUTS, 1),
        (INPUTS, 2),
        (DECISIONS, 1),
        (DECISIONS, 2),
    ]
    assert gap_before(inputs, 0) is None and gap_before([], 7) is None


def test_decisions_of_one_id_that_say_different_things_are_a_fault_that_is_reported(tmp_path, opening, caplog):
    async def run():
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        said, again, other = (
            NewRecord("decision", orjson.dumps({"schema_version": 1, "id": f"dec_{n}", "because": because}), "k")
            for n, because in ((1, "it broke"), (2, "it broke"), (1, "it is fine"))
        )
        async with recording(journal, opening[1]):
            await journal.append(DECISIONS, [said, again, said, other])
            await settled(journal, decisions=4)
        await journal.close()

    asyncio.run(run())
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]
    assert told == "decisions of one id that say different things, a fault: dec_1"


def test_an_end_while_the_position_is_being_kept_is_no_cause_for_a_warning(tmp_path, opening, caplog):
    _, opener = opening

    async def run():
        journal = open_journal(tmp_path / "journal.db", clock=SystemClock())
        lease = await journal.acquire("record", owner="one", ttl_s=60)
        recorder, ledger = Record(journal, opener, owner="one"), opener(lease.token, None)
        for steps in range(40):
            await journal.append(DECISIONS, records("decision", steps + 1, steps + 1))
            await ledger.append(await journal.read(DECISIONS, after=steps, limit=1))
            keeping = asyncio.ensure_future(recorder._settle(ledger, lease))
            for _ in range(steps // 2):
                await asyncio.sleep(0)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await recorder._settle(ledger, lease)
            assert await journal.position("record", DECISIONS) == steps + 1
        await ledger.close()
        await journal.close()

    asyncio.run(run())
    assert [each.getMessage() for each in caplog.records if each.levelname == "WARNING"] == []
