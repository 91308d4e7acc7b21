"""Asking the ledger by SQL, beside the writer or without it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from connectors.ledger import connect, open_ledger, recent, story, verify
from connectors.ports.journal import Entry
from schemas import LogBatch, LogLine, Signal

START = 1_795_000_000_000_000
READER = """
import sys
from pathlib import Path
from connectors.ledger import connect
seen = set()
while len(seen) < 6:
    rows = connect(Path(sys.argv[1])).execute("select seq from ledger order by seq").fetchall()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), rows[-5:]
    assert len(rows) >= max(seen, default=0)
    seen.add(len(rows))
"""


def test_the_views_are_one_over_sealed_and_active_segments(entries, written):
    folder, _ = written([entries(1, 4), entries(5, 6, incident="inc_2"), entries(7, 8)], sealed=True)
    database = connect(folder)
    assert [row["offset"] for row in story(database, "inc_1")] == [1, 2, 3, 4, 7, 8]
    assert [row["offset"] for row in recent(database, "command.refused", 3)] == [6, 7, 8]
    assert [row["offset"] for row in recent(database, limit=1)] == [8]
    first = story(database, "inc_2")[0]
    assert first["because"] == 'the "command" number 5 was not understood' and first["cause"] == ["cmd_5"]
    assert first["actor"] == "system" and first["at"] == first["recorded_at"]
    plain = database.execute("select hash, payload_hash from ledger order by seq").fetchall()
    assert all(len(text) == 64 for row in plain for text in row)


def test_signals_and_log_lines_are_rows_of_one_view(tmp_path, clock):
    signal = Signal.observed(
        source="sentry",
        occurrence_id="1",
        type="error",
        severity="error",
        title="it's\nbroken",
        occurred_at=START,
        received_at=START,
        group_key="g",
    )
    lines = tuple(
        LogLine(occurred_at=START + n, body=f"line {n}\nmore", severity="error" if n else "info") for n in range(3)
    )
    batch = LogBatch(id="bat_1", source="loki", service="api", received_at=START, lines=lines)

    async def run():
        ledger = open_ledger(tmp_path, clock=clock)
        await ledger.append(
            [
                Entry("inputs", 1, START, "signal", "g", signal.to_json()),
                Entry("inputs", 2, START, "batch", "g", batch.to_json()),
            ]
        )
        await ledger.close()

    asyncio.run(run())
    rows = (
        connect(tmp_path)
        .execute("select id, type, status, severity, title, service from signals order by seq, id")
        .fetchall()
    )
    expected = [
        (own.id, own.type, own.status, own.severity, own.title, own.service) for own in (signal, *batch.signals())
    ]
    assert rows == expected


def test_a_ledger_begun_and_empty_has_empty_views(tmp_path, clock):
    asyncio.run(open_ledger(tmp_path, clock=clock).close())
    assert story(connect(tmp_path), "inc_1") == []
    with pytest.raises(FileNotFoundError, match="no ledger in"):
        connect(tmp_path / "elsewhere")


def test_nothing_outside_the_folder_is_read(tmp_path, entries, written):
    folder, _ = written([entries(1, 2)])
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(duckdb.Error):
        connect(folder).execute(f"select * from read_csv('{tmp_path / 'secret.csv'}')").fetchall()


def test_another_process_reads_while_records_are_appended_and_sealed(tmp_path, clock, entries):
    async def run():
        ledger = open_ledger(tmp_path, clock=clock, segment_bytes=60_000)
        await ledger.append(entries(1, 1))
        root = str(Path(__file__).parents[3])
        reader = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            READER,
            str(tmp_path),
            "3000",
            env={**os.environ, "PYTHONPATH": root},
            stderr=subprocess.PIPE,
        )
        reading = asyncio.create_task(reader.communicate())
        while not reading.done():
            first = ledger.position("decisions") + 1
            await ledger.append(entries(first, first + 29))
            found = await asyncio.to_thread(verify, tmp_path, head=ledger.head())
            assert found.holds, found.findings
        _, errors = await reading
        assert reader.returncode == 0, errors.decode()
        await ledger.close()

    asyncio.run(run())
