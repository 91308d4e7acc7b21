"""Appending: durable, once, by one writer, through crashes and full disks."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.ledger import connect, open_ledger, project, verify
from connectors.ledger.segment import segment_numbers, segment_path
from connectors.ports.journal import Entry
from connectors.ports.ledger import Head, LedgerDamaged, LedgerHeld

ROOT = Path(__file__).parents[3]


def test_an_entry_at_or_below_the_position_is_left_out(tmp_path, clock, entries):
    async def run():
        ledger = open_ledger(tmp_path, clock=clock)
        await ledger.append(entries(1, 5))
        await ledger.append([*entries(3, 8), *entries(1, 2, stream="inputs")])
        assert (ledger.position("decisions"), ledger.position("inputs"), ledger.head().seq) == (8, 2, 10)
        await ledger.append(entries(1, 8))
        assert ledger.head().seq == 10
        await ledger.close()

    asyncio.run(run())
    assert verify(tmp_path).records == 10


def test_positions_and_head_are_those_on_disk_after_reopening(tmp_path, clock, entries, written):
    folder, head = written([entries(1, 5), entries(1, 3, stream="inputs"), entries(6, 7)], sealed=True)
    ledger = open_ledger(folder, clock=clock, epoch=7, head=head)
    assert (ledger.head(), ledger.position("decisions"), ledger.position("inputs")) == (head, 7, 3)
    asyncio.run(ledger.close())


def test_a_new_epoch_begins_a_new_segment_and_the_chain_goes_on(tmp_path, clock, entries):
    async def run():
        for epoch, offset in ((1, 1), (1, 2), (2, 3)):
            ledger = open_ledger(tmp_path, clock=clock, epoch=epoch)
            await ledger.append(entries(offset, offset))
            await ledger.close()

    asyncio.run(run())
    found = verify(tmp_path)
    assert found.holds and (found.records, found.segments) == (3, 2)


def test_a_segment_without_a_record_is_sealed_like_any_other(tmp_path, clock, entries):
    async def run():
        for epoch in (1, 2, 3):
            ledger = open_ledger(tmp_path, clock=clock, epoch=epoch)
            await ledger.append(entries(epoch, epoch))
            await ledger.seal()
            await ledger.close()

    asyncio.run(run())
    found = verify(tmp_path, rows=True)
    assert found.holds and (found.records, found.segments) == (3, 6)
    assert connect(tmp_path).execute("select count(*) from ledger").fetchall() == [(3,)]
    assert project(tmp_path, again=True) == 5


def test_a_second_writer_is_refused(tmp_path, clock):
    ledger = open_ledger(tmp_path, clock=clock)
    with pytest.raises(LedgerHeld, match="writer already"):
        open_ledger(tmp_path, clock=clock)
    asyncio.run(ledger.close())
    asyncio.run(open_ledger(tmp_path, clock=clock).close())


def test_a_segment_ends_by_size_and_by_day(tmp_path, clock, entries):
    async def run():
        ledger = open_ledger(tmp_path, clock=clock, segment_bytes=2000)
        await ledger.append(entries(1, 4))
        await ledger.append(entries(5, 5))
        assert segment_numbers(tmp_path) == [1, 2]
        clock.advance(seconds=86_400)
        await ledger.append(entries(6, 6))
        assert segment_numbers(tmp_path) == [1, 2, 3]
        await ledger.close()

    asyncio.run(run())
    assert verify(tmp_path).holds


def test_a_torn_last_line_is_cut_and_told(tmp_path, clock, entries, written):
    folder, head = written([entries(1, 5)])
    path = segment_path(folder, 1)
    with path.open("ab") as file:
        file.write(b'{"seq":6,"stream":"decisi')
    assert verify(folder, head=head).holds and verify(folder).torn
    ledger = open_ledger(folder, clock=clock)
    assert "after record 5 were cut off" in ledger.cut and ledger.head() == head
    asyncio.run(ledger.append(entries(6, 6)))
    asyncio.run(ledger.close())
    assert verify(folder).records == 6


def test_a_hole_after_what_was_durable_is_cut_when_the_head_is_known(tmp_path, clock, entries, written):
    folder, _ = written([entries(1, 9)])
    path = segment_path(folder, 1)
    lines = path.read_bytes().splitlines(keepends=True)
    durable = Head(5, lines[5][-67:-3].decode())
    lines[7] = b"\0" * (len(lines[7]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerDamaged, match="after record 6 is damaged"):
        open_ledger(folder, clock=clock)
    ledger = open_ledger(folder, clock=clock, head=durable)
    assert ledger.head().seq == 6
    asyncio.run(ledger.append(entries(1, 9)))
    asyncio.run(ledger.close())
    assert verify(folder).records == 9


def test_a_tail_cut_behind_the_known_head_is_damage(clock, entries, written):
    folder, head = written([entries(1, 5)])
    path = segment_path(folder, 1)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(LedgerDamaged, match="ends at record 4, but record 5"):
        open_ledger(folder, clock=clock, head=head)


def test_a_segment_whose_header_never_became_whole_is_begun_again(tmp_path, clock, entries, written):
    folder, head = written([entries(1, 5)])
    segment_path(folder, 2).write_bytes(b'{"format":1,"led')
    ledger = open_ledger(folder, clock=clock, epoch=2, head=head)
    asyncio.run(ledger.append(entries(6, 6)))
    asyncio.run(ledger.close())
    assert verify(folder).holds and verify(folder).segments == 2


@pytest.mark.parametrize("batch", [1, 37])
def test_killed_at_any_moment_it_repeats_nothing_and_loses_nothing(tmp_path, clock, batch):
    head: Head | None = None
    for round_number in range(6):
        command = [
            sys.executable,
            str(Path(__file__).with_name("appender.py")),
            str(tmp_path),
            str(round_number // 2 + 1),
            str(batch),
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        ) as child:
            told = [child.stdout.readline() for _ in range(5 + 7 * round_number)]
            child.send_signal(signal.SIGKILL)
            told += child.stdout.readlines()
        whole = [line.split() for line in told if line.endswith("\n") and len(line.split()) == 2]
        head = Head(int(whole[-1][0]), whole[-1][1])
        found = verify(tmp_path, head=head)
        assert found.holds, found.findings
    ledger = open_ledger(tmp_path, clock=clock, epoch=99, head=head)
    asyncio.run(ledger.close())
    rows = connect(tmp_path).execute("select \"offset\", (payload->>'$.n')::bigint from ledger order by seq").fetchall()
    assert rows == [(offset, offset) for offset in range(1, len(rows) + 1)] and len(rows) >= head.seq


def test_a_full_disk_raises_and_nothing_half_written_counts(tmp_path, clock, entries):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def run():
        ledger = open_ledger(tmp_path, clock=clock)
        await ledger.append(entries(1, 3))
        head, size = ledger.head(), segment_path(tmp_path, 1).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2000, before[1]))
        try:
            for _ in range(2):
                with pytest.raises(OSError):
                    await ledger.append(entries(4, 20))
                assert (ledger.head(), ledger.position("decisions")) == (head, 3)
                assert segment_path(tmp_path, 1).stat().st_size == size
                assert connect(tmp_path).execute("select count(*) from ledger").fetchall() == [(3,)]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        await ledger.append(entries(4, 20))
        await ledger.close()
        return ledger.head()

    try:
        head = asyncio.run(run())
    finally:
        signal.signal(signal.SIGXFSZ, ignored)
    assert verify(tmp_path, head=head).records == 20


def test_a_folder_that_cannot_take_a_new_segment_raises_and_the_old_one_stands(tmp_path, clock, entries):
    async def run():
        ledger = open_ledger(tmp_path, clock=clock)
        await ledger.append(entries(1, 3))
        segment_path(tmp_path, 2).mkdir()
        with pytest.raises(OSError):
            await ledger.seal()
        segment_path(tmp_path, 2).rmdir()
        await ledger.append(entries(4, 4))
        await ledger.seal()
        await ledger.close()

    asyncio.run(run())
    assert verify(tmp_path).records == 4


def test_what_is_no_json_on_one_line_is_recorded_and_readable(tmp_path, clock):
    async def run():
        ledger = open_ledger(tmp_path, clock=clock)
        payloads = [b'{"a":\n1}', b"\xffnot json", b"[1,2]", b'{"key\\"":",\\"payload\\":"}']
        await ledger.append([Entry("inputs", n, 0, "signal", '"k",\n', text) for n, text in enumerate(payloads, 1)])
        await ledger.close()

    asyncio.run(run())
    assert verify(tmp_path).records == 4
    rows = connect(tmp_path).execute("select payload from ledger order by seq").fetchall()
    assert rows[0] == ('{"a":1}',) and "not json" in rows[1][0] and len(rows) == 4
