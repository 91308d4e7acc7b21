"""The emergency journal keeps what it said it kept, on a full disk and through a kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.journal.emergency import EmergencyJournal, EmergencyRecord, SlotsFull


def test_a_record_is_pending_until_settled_and_across_a_reopening(tmp_path: Path) -> None:
    journal = EmergencyJournal(tmp_path / "emergency", slots=4)
    assert journal.record("page", "inc_1", b"first")
    assert journal.record("page", "inc_2", b"\x00\xff")
    journal.close()
    again = EmergencyJournal(tmp_path / "emergency")
    assert again.pending() == [
        EmergencyRecord("page", "inc_1", b"first"),
        EmergencyRecord("page", "inc_2", b"\x00\xff"),
    ]
    assert again.slots == 4
    again.settle("inc_1")
    again.settle("unheard of")
    again.close()
    third = EmergencyJournal(tmp_path / "emergency")
    assert [r.key for r in third.pending()] == ["inc_2"]
    third.close()


def test_a_key_is_recorded_once_until_it_is_settled(tmp_path: Path) -> None:
    journal = EmergencyJournal(tmp_path / "emergency")
    assert journal.record("page", "k", b"one") is True
    assert journal.record("page", "k", b"two") is False
    assert [r.payload for r in journal.pending()] == [b"one"]
    journal.settle("k")
    assert journal.record("page", "k", b"three") is True
    journal.close()


def test_records_stay_in_order_when_slots_are_used_again(tmp_path: Path) -> None:
    journal = EmergencyJournal(tmp_path / "emergency", slots=3)
    for key in "abc":
        journal.record("page", key, b"")
    journal.settle("a")
    journal.record("page", "d", b"")
    journal.close()
    again = EmergencyJournal(tmp_path / "emergency")
    assert [r.key for r in again.pending()] == ["b", "c", "d"]
    again.close()


def test_full_slots_and_too_large_records_are_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    journal = EmergencyJournal(tmp_path / "emergency", slots=2, slot_bytes=128)
    with pytest.raises(ValueError, match="record less"):
        journal.record("page", "a", b"x" * journal.room)
    assert journal.record("p", "a", b"x" * (journal.room - 2))
    assert journal.record("page", "b", b"")
    with pytest.raises(SlotsFull, match="settle"):
        journal.record("page", "c", b"")
    assert [r.key for r in journal.pending()] == ["a", "b"]
    journal.close()


@given(cut=st.integers(0, 207), garbage=st.binary(min_size=1, max_size=64))
def test_a_torn_write_frees_its_slot_and_leaves_the_others(
    tmp_path_factory: pytest.TempPathFactory, cut: int, garbage: bytes
) -> None:
    path = tmp_path_factory.mktemp("torn") / "emergency"
    journal = EmergencyJournal(path, slots=3, slot_bytes=256)
    journal.record("page", "before", b"kept")
    journal.close()
    whole = path.read_bytes()
    journal = EmergencyJournal(path)
    journal.record("page", "torn", b"t" * 176)
    journal.close()
    # The first `cut` of 208 bytes of the second slot reached the disk, then came what was there before, or garbage.
    start = 2 * 256
    after = bytearray(path.read_bytes())
    after[start + cut :] = whole[start + cut :]
    if cut > 8:
        after[start + 8 : start + 8 + len(garbage)] = garbage
    path.write_bytes(after)
    again = EmergencyJournal(path)
    assert [r.key for r in again.pending()] == ["before"]
    assert again.record("page", "after", b"works")
    again.close()


def test_the_room_is_there_before_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "emergency"
    journal = EmergencyJournal(path, slots=32)
    blocks = path.stat().st_blocks
    assert blocks * 512 >= 33 * 2048
    for n in range(32):
        journal.record("page", f"k{n}", os.urandom(journal.room - 16))
    assert path.stat().st_blocks == blocks
    journal.close()


def test_it_records_on_a_full_disk(small_disk: Callable[[int], Path], fill_up: Callable[[Path], Path]) -> None:
    folder = small_disk(1024)
    journal = EmergencyJournal(folder / "emergency", slots=64)
    fill_up(folder)
    with pytest.raises(OSError, match="No space"):
        (folder / "proof").write_bytes(b"x" * 8192)
    for n in range(64):
        assert journal.record("page", f"k{n}", b"p" * 1900)
    journal.settle("k0")
    assert journal.record("page", "again", b"p" * 1900)
    assert len(journal.pending()) == 64
    journal.close()


def test_without_room_for_a_new_one_nothing_half_made_is_left(
    small_disk: Callable[[int], Path], fill_up: Callable[[Path], Path]
) -> None:
    folder = small_disk(256)
    fill_up(folder)
    with pytest.raises(OSError, match="No space"):
        EmergencyJournal(folder / "emergency")
    assert [p.name for p in folder.iterdir()] == ["ballast"]


def test_a_second_process_or_a_foreign_file_is_refused(tmp_path: Path) -> None:
    journal = EmergencyJournal(tmp_path / "emergency")
    with pytest.raises(OSError, match="another process"):
        EmergencyJournal(tmp_path / "emergency")
    journal.close()
    (tmp_path / "notes").write_text("dear diary")
    with pytest.raises(ValueError, match="no emergency journal"):
        EmergencyJournal(tmp_path / "notes")


def test_threads_record_each_key_once(tmp_path: Path) -> None:
    journal = EmergencyJournal(tmp_path / "emergency", slots=64)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: journal.record("page", f"k{n % 50}", b""), range(200)))
    assert outcomes.count(True) == 50
    assert {r.key for r in journal.pending()} == {f"k{n}" for n in range(50)}
    journal.close()


CHILD = """
import sys
from pathlib import Path
from connectors.journal.emergency import EmergencyJournal
journal = EmergencyJournal(Path(sys.argv[1]), slots=4096)
for n in range(4096):
    journal.record("page", f"k{n}", b"p" * 1500)
    print(n, flush=True)
"""


def test_what_was_recorded_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "emergency"
    child = subprocess.Popen([sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acked = []
    for line in child.stdout:
        acked.append(int(line))
        if len(acked) == 40:
            child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    journal = EmergencyJournal(path)
    assert [r.key for r in journal.pending()][: len(acked)] == [f"k{n}" for n in acked]
    assert len(acked) >= 40
    journal.close()
