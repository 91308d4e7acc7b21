"""`tocsin doctor` about its folder, whatever is wrong with it: a finding with its fix, no traceback, and nothing made."""

import json
from pathlib import Path
from typing import Any

from tests.support.program import cli, lines_of


def examined(folder: Path, data: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the last finding about each thing."""
    file = folder / "tocsin.yaml"
    file.write_text(json.dumps({"listen": "127.0.0.1:0", "data": data}))
    ran = cli("doctor", "--json", config=file)
    return ran.exit_code, {each["about"]: each for each in lines_of(ran)}


def test_a_folder_that_is_not_there_yet_is_no_fault_and_is_not_made(tmp_path: Path) -> None:
    code, found = examined(tmp_path, "not/there/yet")
    assert code == 0 and "can be made" in found["data folder"]["found"] and "GB free" in found["disk"]["found"]
    assert found["ledger"]["found"] == "nothing is recorded yet"
    assert not (tmp_path / "not").exists()


def test_a_file_in_its_place_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    code, found = examined(tmp_path, "data")
    assert code == 1 and found["data folder"]["grade"] == "fault" and found["data folder"]["fix"]


def test_a_folder_that_cannot_be_written_and_a_ledger_that_cannot_be_read_are_faults(tmp_path: Path) -> None:
    code, found = examined(tmp_path, "/proc/self/nothing")
    assert code == 1 and "nothing can be written in /proc/self" in found["data folder"]["found"]
    # For everybody, root too: a folder where a file should be.
    (tmp_path / "data" / "ledger" / "segments" / "00000001.jsonl").mkdir(parents=True)
    code, found = examined(tmp_path, "data")
    assert code == 1 and "cannot be read" in found["ledger"]["found"] and "as the user" in found["ledger"]["fix"]
