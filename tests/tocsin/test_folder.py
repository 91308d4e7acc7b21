"""The keys in the data folder are made once, and are there whole or not at all."""

import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tocsin.folder import DataFolder


def test_a_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    first, again = DataFolder(tmp_path), DataFolder(tmp_path)
    assert len(first.redaction_key()) == 32 and again.redaction_key() == first.redaction_key()
    assert again.token() == first.token() == first.known_token()
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {
        "redaction.key": 0o600,
        "token": 0o600,
    }


def test_those_who_make_a_key_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: DataFolder(tmp_path).redaction_key(), range(8)))
    assert len(set(keys)) == 1 and len(keys[0]) == 32


def test_a_start_that_broke_while_it_made_a_key_leaves_none_and_the_next_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="No space"):
            DataFolder(tmp_path).redaction_key()
    assert len(DataFolder(tmp_path).redaction_key()) == 32


def test_an_address_is_believed_while_somebody_answers_there(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        folder.publish(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert folder.published() is not None
    assert folder.published() is None, "the process lives, but nobody listens any more"
    folder.retract()
    assert folder.published() is None
